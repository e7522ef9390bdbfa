import ControlPlane
import Foundation
import TestSupport
import Testing
import WebClient

private func bytes(_ path: String) throws -> [UInt8] {
    try Array(Data(contentsOf: URL(filePath: path)))
}

private func nowMs() -> Int64 { Int64(time(nil)) * 1000 }

/// The identity that files tell of.
private func identity(
    _ files: (certificate: String, key: String), clients: String? = nil
) throws -> TLSIdentity {
    try TLSIdentity(
        certificate: try bytes(files.certificate), key: try bytes(files.key),
        clientAuthority: try clients.map(bytes), nowMs: nowMs())
}

private func client(
    _ port: Int, trusting authority: String,
    showing files: (certificate: String, key: String)? = nil
) throws -> WebClient {
    var settings = WebSettings(url: "https://127.0.0.1:\(port)")
    settings.authorityFile = authority
    settings.certificateFile = files?.certificate
    settings.keyFile = files?.key
    return try WebClient(settings)
}

private func failure(_ client: WebClient) -> WebError? {
    do throws(WebError) { _ = try client.get("/live") } catch { return error }
    return nil
}

private func isTLS(_ error: WebError?) -> Bool {
    if case .tls = error { true } else { false }
}

private func server(
    _ tls: TLSInForce, limits: HTTPLimits = HTTPLimits(),
    figures: ControlFigures = ControlFigures(), source: some ControlSource = FixedSource(),
    notices: Notices = Notices()
) throws -> (ControlServer, Int) {
    let server = try ControlServer(
        at: ControlServer.Place(host: "localhost", port: 0, tls: tls), tokens: AccessTokens(),
        source: source, limits: limits, figures: figures,
        onNotice: { notices.add("\($0)") })
    return (server, try server.start())
}

private func within(_ seconds: Double, _ holds: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        if holds() { return true }
        usleep(5_000)
    }
    return holds()
}

/// Each server in a process of its own: starting one waits for threads that tests beside it may hold.
@Suite struct TLSTests {
    @Test(
        "who trusts the authority is answered; who does not, and who speaks without TLS, is told why"
    )
    func served() async {
        await #expect(processExitsWith: .success) {
            let authority = try TestAuthority()
            let other = try TestAuthority("another authority")
            let figures = ControlFigures()
            let notices = Notices()
            let (server, port) = try server(
                TLSInForce(try identity(try authority.issue("server"))), figures: figures,
                notices: notices)
            defer { server.stop() }
            let trusting = try client(port, trusting: authority.file)
            for _ in 0..<3 { #expect(try trusting.get("/live").status == 200) }
            #expect(figures.counts.accepted == 1)
            #expect(try trusting.post("/live", [1]).status == 405)
            #expect(isTLS(failure(try client(port, trusting: other.file))))
            #expect(within(30) { notices.all.contains { $0.contains("does not trust") } })
            #expect(figures.counts.rejected["tls_failed"] == 1)
            let plain = try RawClient(port: port)
            plain.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let told = plain.rest()
            #expect(told.hasPrefix("HTTP/1.1 400 ") && told.contains("https://"), "\(told)")
            #expect(!told.contains("live"))
            #expect(figures.counts.rejected["no_tls"] == 1)
            // TLS 1.1, said by its number.
            let old = try RawClient(port: port)
            old.send(
                "\u{16}\u{3}\u{1}\0\u{2d}\u{1}\0\0\u{29}\u{3}\u{2}"
                    + String(repeating: "a", count: 32) + "\0\0\u{2}\0\u{2f}\u{1}\0")
            _ = old.rest()
            #expect(within(30) { figures.counts.rejected["tls_failed"] == 2 })
        }
    }

    @Test("clients must show a certificate of the authority, where one is asked for")
    func mutual() async {
        await #expect(processExitsWith: .success) {
            let authority = try TestAuthority()
            let clients = try TestAuthority("the clients' authority")
            let notices = Notices()
            let figures = ControlFigures()
            let (server, port) = try server(
                TLSInForce(try identity(try authority.issue("server"), clients: clients.file)),
                figures: figures, source: WhoSource(), notices: notices)
            defer { server.stop() }
            let alice = try clients.issue("alice")
            let known = try client(port, trusting: authority.file, showing: alice)
            #expect(try known.get("/live").status == 200)
            let who = String(decoding: try known.get("/v1/who").body, as: UTF8.self)
            #expect(who == (try clients.serial(of: alice.certificate)))
            #expect(isTLS(failure(try client(port, trusting: authority.file))))
            #expect(
                within(30) { notices.all.contains { $0.contains("did not return a certificate") } },
                "\(notices.all)")
            let stranger = try authority.issue("stranger")
            #expect(
                isTLS(failure(try client(port, trusting: authority.file, showing: stranger))))
            let late = try clients.issue("late", days: -1)
            #expect(isTLS(failure(try client(port, trusting: authority.file, showing: late))))
            #expect(within(30) { figures.counts.rejected["tls_failed"] == 3 })
            // Said once in a while, however often it comes.
            #expect(notices.all.count == 1)
            #expect(try known.get("/live").status == 200)
        }
    }

    @Test("another certificate holds for the next connections, and open ones go on")
    func exchanged() async {
        await #expect(processExitsWith: .success) {
            let (first, second) = (try TestAuthority(), try TestAuthority())
            let tls = TLSInForce(try identity(try first.issue("server")))
            let (server, port) = try server(tls)
            defer { server.stop() }
            let old = try client(port, trusting: first.file)
            #expect(try old.get("/live").status == 200)
            tls.replace(try identity(try second.issue("server")))
            #expect(try client(port, trusting: second.file).get("/live").status == 200)
            #expect(isTLS(failure(try client(port, trusting: first.file))))
            #expect(try old.get("/live").status == 200)
        }
    }

    @Test(
        "handshakes that never end and connections without a byte are given up, and hold nobody up")
    func unfinished() async {
        await #expect(processExitsWith: .success) {
            let authority = try TestAuthority()
            var limits = HTTPLimits()
            limits.requestMs = 300
            limits.idleMs = 600
            limits.connectionsMax = 16
            let figures = ControlFigures()
            let (server, port) = try server(
                TLSInForce(try identity(try authority.issue("server"))), limits: limits,
                figures: figures)
            defer { server.stop() }
            let crowd = try (0..<100).map { number in
                let client = try RawClient(port: port)
                // The beginning of a handshake, or nothing.
                client.send(number % 2 == 0 ? "" : "\u{16}\u{3}\u{1}\u{1}\0\u{1}\0")
                return client
            }
            let probe = try client(port, trusting: authority.file)
            #expect(try probe.get("/live").status == 200)
            #expect(figures.counts.connections <= 16)
            #expect(within(30) { figures.counts.connections == 0 })
            #expect(figures.counts.rejected["no_room"].map { $0 >= 85 } == true)
            #expect(figures.counts.rejected["no_request"].map { $0 >= 1 } == true)
            #expect(try probe.get("/live").status == 200)
            withExtendedLifetime(crowd) {}
        }
    }

    @Test("a stop waits neither for handshakes nor for clients that do not say goodbye")
    func stop() async {
        await #expect(processExitsWith: .success) {
            let authority = try TestAuthority()
            let (server, port) = try server(
                TLSInForce(try identity(try authority.issue("server"))), source: LongSource())
            let kept = try client(port, trusting: authority.file)
            #expect(try kept.get("/live").status == 200)
            let beginning = try RawClient(port: port)
            beginning.send("\u{16}\u{3}\u{1}\u{1}\0\u{1}\0")
            let silent = try RawClient(port: port)
            // Asks for more than a socket holds, and reads nothing of it.
            let deaf = try OpenSSLClient(port: port, authority: authority.file)
            deaf.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try client(port, trusting: authority.file).get("/live").status == 200)
            let start = ContinuousClock.now
            server.stop()
            #expect(ContinuousClock.now - start < .seconds(4))
            #expect(RawClient.probe(port) == nil)
            withExtendedLifetime((kept, beginning, silent, deaf)) {}
        }
    }

    @Test("files that cannot be used are refused, each by its part")
    func wrong() throws {
        let authority = try TestAuthority()
        let good = try authority.issue("good")
        let other = try authority.issue("other")
        let late = try authority.issue("late", days: -1)
        try authority.makeKey("locked", passphrase: "abcdefgh")
        func problem(
            _ certificate: [UInt8], _ key: [UInt8], _ clients: [UInt8]? = nil
        ) -> TLSIdentity.Problem? {
            do throws(TLSIdentity.Problem) {
                _ = try TLSIdentity(
                    certificate: certificate, key: key, clientAuthority: clients, nowMs: nowMs())
            } catch { return error }
            return nil
        }
        let (certificate, key) = (try bytes(good.certificate), try bytes(good.key))
        #expect(problem(certificate, key) == nil)
        #expect(problem(certificate + (try bytes(authority.file)), key) == nil)
        for (found, part, word) in [
            (problem([], key), TLSIdentity.Part.certificate, "no certificate"),
            (problem(key, key), .certificate, "no certificate"),
            (problem(Array(certificate.dropLast(60)), key), .certificate, "no certificate"),
            (problem(try bytes(late.certificate), try bytes(late.key)), .certificate, "ended at"),
            (
                problem(certificate + (try bytes(late.certificate)), key), .certificate,
                "number 2 of 2"
            ),
            (problem(certificate, []), .key, "no private key"),
            (problem(certificate, certificate), .key, "no private key"),
            (problem(certificate, try bytes(other.key)), .key, "another key"),
            (
                problem(certificate, try bytes(authority.folder + "/locked.key")), .key,
                "passphrase"
            ),
            (problem(certificate, key, Array("none".utf8)), .clientAuthority, "no certificate"),
            (problem(certificate, key, try bytes(late.certificate)), .clientAuthority, "ended at"),
        ] {
            #expect(found?.part == part && found?.sentence.contains(word) == true, "\(word)")
        }
        let early = Int64(1_000_000_000_000)
        #expect(throws: TLSIdentity.Problem.self) {
            try TLSIdentity(
                certificate: certificate, key: key, clientAuthority: nil, nowMs: early)
        }
    }
}

/// Tells the certificate of whoever asks.
private struct WhoSource: ControlSource {
    func live() -> Verdict { Verdict(true, "live") }
    func ready() -> Verdict { Verdict(true, "ready") }
    func metrics() -> (contentType: String, text: String) { ("text/plain", "") }
    func status() throws -> Data { Data() }
    var endpoints: [Endpoint] {
        [
            Endpoint(.get, "/v1/who", access: .read, lane: .atOnce) { call in
                Reply(body: Data((call.caller.certificate ?? "nobody").utf8))
            }
        ]
    }
}

/// A client that says what it is told under TLS, and reads nothing. Thread: one.
private final class OpenSSLClient {
    private let process = Process()
    private let input = Pipe()

    init(port: Int, authority: String) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "s_client", "-quiet", "-CAfile", authority, "-connect", "127.0.0.1:\(port)",
        ]
        process.standardInput = input
        // Nobody reads it: the client stops reading, too.
        process.standardOutput = Pipe()
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    func send(_ text: String) { input.fileHandleForWriting.write(Data(text.utf8)) }
}
