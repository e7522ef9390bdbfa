import ControlPlane
import Foundation
import Testing

private let operate = "0123456789abcdef-operate"
private let read = "0123456789abcdef-read"

/// Answers with what it was called with.
private struct EchoSource: ControlSource {
    func live() -> Verdict { Verdict(true, "live") }
    func ready() -> Verdict { Verdict(true, "ready") }
    func metrics() -> (contentType: String, text: String) { ("text/plain", "up 1\n") }
    func status() throws -> Data { Data("{}".utf8) }

    var endpoints: [Endpoint] {
        [
            Endpoint(.get, "/", access: .anyone, lane: .atOnce, answer: Self.echo),
            Endpoint(.get, "/v1/things", access: .read, lane: .store, answer: Self.echo),
            Endpoint(.post, "/v1/things", access: .operate, lane: .learning, answer: Self.echo),
            Endpoint(.get, "/v1/things/{ref}", access: .read, lane: .store, answer: Self.echo),
            Endpoint(
                .get, "/v1/things/{a}/diff/{b}", access: .read, lane: .store, answer: Self.echo),
        ]
    }

    @Sendable private static func echo(_ call: Call) -> Reply {
        let parameters = call.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let query = call.query.map { $0.map { "\($0.name)=\($0.value)" } } ?? ["malformed"]
        return Reply(
            contentType: "text/plain",
            body: Data(
                "\(parameters) \(query) \(call.contentType ?? "none") \(String(decoding: call.body, as: UTF8.self)) \(call.caller.role)"
                    .utf8))
    }
}

@Suite struct EndpointTests {
    private func ask(
        _ request: String, body: String = "", token: String? = nil, isOpen: Bool = true,
        host: String = "localhost", origin: String? = nil,
        pair: AccessTokens.Pair = AccessTokens.Pair(
            operate: BearerToken(operate), read: BearerToken(read))
    ) throws -> (status: Int, text: String) {
        let connection = try EmbeddedConnection(
            source: EchoSource(), tokens: AccessTokens(pair), isOpen: isOpen)
        var head = "\(request) HTTP/1.1\r\nHost: \(host)\r\n"
        if let origin { head += "Origin: \(origin)\r\n" }
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        if !body.isEmpty {
            head += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        }
        try connection.send(head + "\r\n" + body, piece: 3)
        let sent = try connection.sent()
        return (try #require(EmbeddedConnection.statuses(in: sent).first), sent)
    }

    @Test("an endpoint gets what the path, the query and the body say, decoded")
    func call() throws {
        let one = try ask("GET /v1/things/head~1?limit=5&name=a%26b+c")
        #expect(
            one.status == 200
                && one.text.hasSuffix(#"["ref=head~1"] ["limit=5", "name=a&b c"] none  nobody"#))
        let two = try ask("GET /v1/things/a%2Fb/diff/c")
        #expect(two.text.contains(#"["a=a/b", "b=c"] []"#))
        let sent = try ask("POST /v1/things", body: #"{"a": [1, 2]}"#, token: operate)
        #expect(sent.text.hasSuffix(#"application/json {"a": [1, 2]} operate"#))
        #expect(try ask("GET /v1/things?%").text.contains("malformed"))
        #expect(try ask("GET /v1/things/").status == 404)
        #expect(try ask("GET /v1/things/a/b").status == 404)
        #expect(try ask("HEAD /v1/things").status == 200)
    }

    @Test("another method is told which ones there are")
    func methods() throws {
        let other = try ask("DELETE /v1/things")
        #expect(other.status == 405 && other.text.contains("Allow: GET, HEAD, POST\r\n"))
        #expect(try ask("POST /v1/things/a").text.contains("Allow: GET, HEAD\r\n"))
    }

    @Test("what changes state needs the token for it, on a loopback address too")
    func roles() throws {
        for isOpen in [true, false] {
            #expect(try ask("POST /v1/things", isOpen: isOpen).status == 401)
            #expect(try ask("POST /v1/things", token: operate + "x", isOpen: isOpen).status == 401)
            #expect(try ask("POST /v1/things", token: read, isOpen: isOpen).status == 403)
            #expect(try ask("POST /v1/things", token: operate, isOpen: isOpen).status == 200)
            for token in [read, operate] {
                #expect(try ask("GET /v1/things", token: token, isOpen: isOpen).status == 200)
            }
            #expect(try ask("GET /", isOpen: isOpen).status == 200)
        }
        #expect(try ask("GET /v1/things").status == 200)
        #expect(try ask("GET /v1/things", isOpen: false).status == 401)
        #expect(try ask("GET /v1/things", token: read + "x", isOpen: false).status == 401)
        let none = AccessTokens.Pair()
        let refused = try ask("POST /v1/things", token: operate, pair: none)
        #expect(refused.status == 403 && refused.text.contains("http.token_file"))
    }

    @Test("without a token only this machine's own name and pages are answered")
    func rebinding() throws {
        for host in ["localhost:9464", "127.0.0.1", "127.0.0.1:9464", "[::1]:9464"] {
            #expect(try ask("GET /v1/things", host: host).status == 200)
            #expect(try ask("GET /v1/things", host: host, origin: "http://\(host)").status == 200)
            #expect(try ask("GET /v1/things", host: host, origin: "http://shop").status == 403)
        }
        for host in ["shop.example:9464", "127.shop.example", "localhost.example"] {
            #expect(try ask("GET /v1/things", host: host).status == 403)
            #expect(try ask("GET /v1/things", token: read, host: host).status == 200)
            #expect(try ask("GET /live", host: host).status == 200)
        }
        #expect(try ask("GET /v1/things", token: read, isOpen: false, host: "shop").status == 200)
    }

    @Test("tokens that are exchanged hold from then on")
    func exchange() throws {
        let tokens = AccessTokens(AccessTokens.Pair(operate: BearerToken(operate)))
        let connection = try EmbeddedConnection(
            source: EchoSource(), tokens: tokens, isOpen: true)
        let request =
            "POST /v1/things HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(operate)\r\nContent-Length: 0\r\n\r\n"
        try connection.send(request)
        #expect(try connection.statuses() == [200])
        tokens.replace(AccessTokens.Pair(operate: BearerToken(read)))
        try connection.send(request)
        #expect(try connection.statuses() == [401])
    }

    @Test("an answer may take longer to be made than a client may take to read it")
    func long() throws {
        var limits = HTTPLimits()
        limits.requestMs = 1_000
        let work = HeldWork()
        let connection = try EmbeddedConnection(
            source: EchoSource(), tokens: AccessTokens(), isOpen: true, limits: limits,
            work: work.take)
        try connection.send("GET /v1/things HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.wait(ms: 60_000)
        #expect(connection.channel.isActive)
        work.finish()
        #expect(try connection.statuses() == [200])
    }
}
