import ControlPlane
import Foundation
import FoundationNetworking
import Telemetry
import Testing

/// An answer as a client sees it.
private struct Answer {
    let status: Int
    let body: String
    let headers: [String: String]
}

private func ask(
    _ port: Int, _ path: String, method: String = "GET", token: String? = nil
) async throws -> Answer {
    var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
    request.httpMethod = method
    request.timeoutInterval = 60
    if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
    let (data, response) = try await URLSession.shared.data(for: request)
    let http = try #require(response as? HTTPURLResponse)
    var headers: [String: String] = [:]
    for (name, value) in http.allHeaderFields { headers["\(name)".lowercased()] = "\(value)" }
    return Answer(
        status: http.statusCode, body: String(decoding: data, as: UTF8.self), headers: headers)
}

private let secret = "a-token-of-some-length"

/// Each server in a process of its own: starting one waits for threads that tests beside it may hold.
@Suite struct ControlServerTests {
    @Test("probes, metrics and status are answered on a loopback address without a token")
    func loopback() async {
        await #expect(processExitsWith: .success) {
            let server = try ControlServer(
                host: "localhost", port: 0, token: nil, source: FixedSource())
            let port = try server.start()
            defer { server.stop() }
            let live = try await ask(port, "/live")
            #expect(live.status == 200 && live.body == "live\n")
            let ready = try await ask(port, "/ready")
            #expect(ready.status == 503 && ready.body == "behind\n")
            let metrics = try await ask(port, "/metrics")
            #expect(metrics.status == 200 && metrics.body == "tidemark_up 1\n")
            #expect(metrics.headers["content-type"]?.hasPrefix("text/plain") == true)
            let status = try await ask(port, "/v1/status")
            #expect(status.status == 200 && status.body == #"{"lag":3}"#)
            #expect(try await ask(port, "/v1/secrets").status == 404)
            #expect(try await ask(port, "/v1/status", method: "POST").status == 405)
        }
    }

    @Test(
        "an address that can be reached from elsewhere needs a token, in the file and in requests")
    func elsewhere() async {
        await #expect(processExitsWith: .success) {
            #expect(throws: ControlError.self) {
                _ = try ControlServer(host: "0.0.0.0", port: 0, token: nil, source: FixedSource())
            }
            let server = try ControlServer(
                host: "0.0.0.0", port: 0, token: BearerToken(secret + "\n"),
                source: FixedSource())
            let port = try server.start()
            defer { server.stop() }
            #expect(try await ask(port, "/live").status == 200)
            #expect(try await ask(port, "/ready").status == 503)
            for path in ["/metrics", "/v1/status"] {
                #expect(try await ask(port, path).status == 401)
                #expect(try await ask(port, path, token: secret + "x").status == 401)
                #expect(try await ask(port, path, token: String(secret.dropLast())).status == 401)
                #expect(try await ask(port, path, token: secret).status == 200)
            }
        }
    }

    @Test("a host that is no address, and a port that is taken, are clear errors")
    func badAddress() async {
        await #expect(processExitsWith: .success) {
            do {
                _ = try ControlServer(
                    host: "shop.example", port: 0, token: nil, source: FixedSource())
                Issue.record("the host was taken")
            } catch { #expect("\(error)".contains("shop.example")) }
            let first = try ControlServer(
                host: "127.0.0.1", port: 0, token: nil, source: FixedSource())
            let port = try first.start()
            defer { first.stop() }
            let second = try ControlServer(
                host: "127.0.0.1", port: port, token: nil, source: FixedSource())
            do {
                _ = try second.start()
                Issue.record("the port was taken twice")
            } catch { #expect("\(error)".contains("\(port)")) }
        }
    }

    @Test("a token is never printed, and a short one is none")
    func token() throws {
        #expect(BearerToken("short") == nil)
        #expect(BearerToken("sixteen characters with spaces") == nil)
        let token = try #require(BearerToken(secret))
        var dumped = ""
        dump(token, to: &dumped)
        #expect(!"\(token) \(String(reflecting: token)) \(dumped)".contains(secret))
    }

    @Test("figures are told as Prometheus reads them")
    func exposition() {
        let text = Exposition.text([
            Metric(.counter, "events_total", "Events.\nAll of them.", by: "type", ["click": 2]),
            Metric(
                .gauge, "partition_lag", "Lag.",
                [.init(1.5, [("topic", #"a"b\c"#), ("partition", "0")])]),
            Metric(.gauge, "nothing", "Nothing.", []),
            Metric(.gauge, "odd", "Odd.", .nan),
            Metric(
                .counter, "seen_total", "Seen.", by: "kind", ["b": 2], known: ["a", "b"]),
            Metric(.gauge, "process_open_fds", "Open.", 7),
        ])
        #expect(
            text == #"""
                # HELP tidemark_events_total Events.\nAll of them.
                # TYPE tidemark_events_total counter
                tidemark_events_total{type="click"} 2
                # HELP tidemark_partition_lag Lag.
                # TYPE tidemark_partition_lag gauge
                tidemark_partition_lag{topic="a\"b\\c",partition="0"} 1.5
                # HELP tidemark_odd Odd.
                # TYPE tidemark_odd gauge
                tidemark_odd NaN
                # HELP tidemark_seen_total Seen.
                # TYPE tidemark_seen_total counter
                tidemark_seen_total{kind="a"} 0
                tidemark_seen_total{kind="b"} 2
                # HELP process_open_fds Open.
                # TYPE process_open_fds gauge
                process_open_fds 7

                """#)
    }
}
