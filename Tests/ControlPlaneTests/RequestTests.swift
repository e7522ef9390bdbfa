import ControlPlane
import Testing

/// One request and what has to come of it.
struct RequestCase: CustomTestStringConvertible, Sendable {
    let name: String
    let request: String
    let statuses: [Int]
    /// Whether the connection is open for more.
    var staysOpen = false

    init(_ name: String, _ request: String, _ statuses: Int..., staysOpen: Bool = false) {
        self.name = name
        self.request = request
        self.statuses = statuses
        self.staysOpen = staysOpen
    }

    var testDescription: String { name }

    private static func get(_ target: String, _ headers: String..., body: String = "") -> String {
        "GET \(target) HTTP/1.1\r\n" + (["Host: localhost"] + headers).map { $0 + "\r\n" }.joined()
            + "\r\n" + body
    }

    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    static let served = [
        Self("a probe", get("/live"), 200, staysOpen: true),
        Self("a query", get("/live?verbose=1&x=%20"), 200, staysOpen: true),
        Self("a percent-encoded path", get("/%6cive"), 200, staysOpen: true),
        Self("a target with an authority", get("http://shop:1/live"), 200, staysOpen: true),
        Self("HTTP/1.0 ends the connection", "GET /live HTTP/1.0\r\n\r\n", 200),
        Self(
            "HTTP/1.0 that asks for more", "GET /live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            200, staysOpen: true),
        Self("an end that is asked for", get("/live", "Connection: close"), 200),
        Self(
            "two requests at one go", get("/live") + get("/ready"), 200, 503, staysOpen: true),
        Self(
            "a small body is dropped", get("/live", "Content-Length: 3", body: "abc"), 200,
            staysOpen: true),
        Self(
            "a chunked body is dropped",
            get("/live", "Transfer-Encoding: chunked", body: "3\r\nabc\r\n0\r\n\r\n"), 200,
            staysOpen: true),
        Self("nothing at a path", get("/v1/secrets"), 404, staysOpen: true),
        Self("an encoded slash makes no segment", get("/v1%2fstatus"), 404, staysOpen: true),
        Self("segments of dots are names like others", get("/v1/../live"), 404, staysOpen: true),
        Self(
            "a method that is not answered",
            "POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405,
            staysOpen: true),
        Self(
            "OPTIONS of all", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, staysOpen: true),
        Self("CONNECT", "CONNECT shop:1 HTTP/1.1\r\nHost: localhost\r\n\r\nxx", 404),
        Self(
            "an upgrade is not made",
            get("/live", "Connection: upgrade", "Upgrade: h2c") + get("/live"), 200),
    ]

    static let refused = [
        Self("no Host", "GET /live HTTP/1.1\r\n\r\n", 400),
        Self("two Hosts", get("/live", "Host: other"), 400),
        Self("rubbish", "\u{1}\u{2}\u{3}\r\n\r\n", 400),
        Self("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", 400),
        Self("a method that is none", "FOO /live HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        Self("a percent sign alone", get("/%"), 400),
        Self("an encoding that is none", get("/%zz"), 400),
        Self("an encoding of no UTF-8", get("/%ff"), 400),
        Self("HTTP/2", "GET /live HTTP/2.0\r\n\r\n", 505),
        Self("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        Self("an expectation", get("/live", "Expect: 100-continue"), 417),
        Self("a line of 9,000 bytes", get("/" + repeated("a", 9_000)), 414),
        Self("a line without end", "GET /" + repeated("a", 1_000_000), 414),
        Self("a header line of 128 KiB", get("/live", "X: " + repeated("a", 131_072)), 431),
        Self(
            "a header name without end",
            "GET /live HTTP/1.1\r\n" + repeated("a", 1_000_000), 431),
        Self("a hundred headers", get("/live", repeated("X: 1\r\n", 100) + "Y: 1"), 431),
        Self(
            "headers of 20 KB",
            get("/live", repeated("X: \(repeated("a", 1_000))\r\n", 20) + "Y: 1"),
            431),
        Self("empty lines without end", repeated("\r\n", 200_000), 431),
        Self("a length of 100,000", get("/live", "Content-Length: 100000"), 413),
        Self(
            "a length that is no number of 64 bits",
            get("/live", "Content-Length: 99999999999999999999"), 400),
        Self(
            "chunks without end",
            get(
                "/live", "Transfer-Encoding: chunked",
                body: repeated("3e8\r\n\(repeated("a", 1_000))\r\n", 100)),
            413),
        Self(
            "extensions of a chunk without end",
            get("/live", "Transfer-Encoding: chunked", body: "1;" + repeated("a", 1_000_000)), 413),
        Self(
            "trailers without end",
            get("/live", "Transfer-Encoding: chunked", body: "0\r\nX: " + repeated("a", 1_000_000)),
            431),
    ]

    /// Requests that two readers may cut at different places.
    static let smuggled = [
        Self(
            "a length and chunks",
            get("/live", "Content-Length: 3", "Transfer-Encoding: chunked", body: "0\r\n\r\n"), 400),
        Self(
            "chunks and a length",
            get("/live", "Transfer-Encoding: chunked", "Content-Length: 3", body: "0\r\n\r\n"), 400),
        Self(
            "two lengths", get("/live", "Content-Length: 3", "Content-Length: 4", body: "abcd"), 400
        ),
        Self("two lengths in one", get("/live", "Content-Length: 3, 4", body: "abcd"), 400),
        Self("a length with a sign", get("/live", "Content-Length: +3", body: "abc"), 400),
        Self("a length in hexadecimal", get("/live", "Content-Length: 0x3", body: "abc"), 400),
        Self(
            "another coding", get("/live", "Transfer-Encoding: gzip, chunked", body: "0\r\n\r\n"),
            400),
        Self(
            "chunks that are none", get("/live", "Transfer-Encoding: xchunked", body: "0\r\n\r\n"),
            400),
        Self(
            "two codings",
            get(
                "/live", "Transfer-Encoding: chunked", "Transfer-Encoding: identity",
                body: "0\r\n\r\n"), 400),
        Self(
            "chunks in HTTP/1.0",
            "GET /live HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Self(
            "a space before the colon",
            get("/live", "Transfer-Encoding : chunked", body: "0\r\n\r\n"), 400),
        Self("a folded header", get("/live", "X: a\r\n b"), 400),
        Self("a carriage return alone", "GET /live HTTP/1.1\rHost: localhost\r\n\r\n", 400),
        Self("a zero byte in a name", get("/live", "X\u{0}: 1"), 400),
        Self("a zero byte in a value", get("/live", "X: \u{0}"), 400),
        Self(
            "a chunk whose length is none",
            get("/live", "Transfer-Encoding: chunked", body: "-1\r\nabc\r\n0\r\n\r\n"), 400),
    ]
}

@Suite struct RequestTests {
    @Test("requests are served as HTTP has it", arguments: RequestCase.served)
    func served(_ request: RequestCase) throws { try check(request) }

    @Test(
        "what is malformed or too long is refused with its status", arguments: RequestCase.refused)
    func refused(_ request: RequestCase) throws { try check(request) }

    @Test("requests that could be cut in two ways are refused", arguments: RequestCase.smuggled)
    func smuggled(_ request: RequestCase) throws { try check(request) }

    /// However the bytes are cut into pieces.
    private func check(_ request: RequestCase) throws {
        for piece in [4096, 1000, 7, 1] where request.request.utf8.count / piece < 20_000 {
            let connection = try EmbeddedConnection(source: FixedSource())
            try connection.send(request.request, piece: piece)
            let sent = try connection.sent()
            let statuses = EmbeddedConnection.statuses(in: sent)
            #expect(statuses == request.statuses, "in pieces of \(piece): \(sent)")
            if let last = statuses.last, last >= 400, last != 503 {
                #expect(sent.hasSuffix("\"}") && sent.contains("{\"error\":\""))
            }
            #expect(sent.contains("Connection: close") != request.staysOpen)
            // What follows a refusal is never taken for a request.
            if !request.staysOpen {
                try connection.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try connection.statuses().isEmpty)
            } else {
                try connection.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try connection.statuses() == [200])
            }
        }
    }

    @Test("HEAD has the headers of GET and no body")
    func head() throws {
        let connection = try EmbeddedConnection(source: FixedSource())
        try connection.send("HEAD /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let sent = try connection.sent()
        #expect(sent.hasPrefix("HTTP/1.1 200 OK\r\n") && sent.contains("Content-Length: 5\r\n"))
        #expect(sent.hasSuffix("\r\n\r\n"))
    }

    @Test("a token is asked for once, in one header")
    func token() throws {
        let secret = "a-token-of-some-length"
        func statuses(_ headers: String) throws -> [Int] {
            let connection = try EmbeddedConnection(
                source: FixedSource(), token: BearerToken(secret))
            try connection.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
            return try connection.statuses()
        }
        #expect(try statuses("Authorization: Bearer \(secret)\r\n") == [200])
        #expect(try statuses("authorization: bearer \(secret)\r\n") == [200])
        #expect(try statuses("Authorization: Bearer \(secret)x\r\n") == [401])
        #expect(try statuses("Authorization: Basic \(secret)\r\n") == [401])
        #expect(try statuses("") == [401])
        #expect(
            try statuses(
                "Authorization: Bearer wrong\r\nAuthorization: Bearer \(secret)\r\n") == [400])
    }
}
