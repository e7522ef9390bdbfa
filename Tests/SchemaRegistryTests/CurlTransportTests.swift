import SchemaRegistry
import TestSupport
import Testing

@Suite("Requests to a registry over HTTP") struct CurlTransportTests {
    private func transport(
        _ server: LoopbackServer, _ change: (inout RegistryConfiguration) -> Void = { _ in }
    ) throws -> CurlTransport {
        var configuration = RegistryConfiguration(url: server.url + "/base/")
        configuration.timeoutMs = 5_000
        change(&configuration)
        return try CurlTransport(configuration)
    }

    @Test("path, accepted types and credentials are sent")
    func sent() throws {
        let server = try LoopbackServer { _ in .json("{}") }
        defer { server.stop() }
        let plain = try transport(server)
        for _ in 0..<2 { #expect(try plain.get("/schemas/ids/7").body == Array("{}".utf8)) }
        _ = try transport(server) { $0.credentials = .basic(user: "ü", password: "p:w") }
            .get("/a")
        _ = try transport(server) { $0.credentials = .bearer("abc.def") }.get("/b")
        let requests = server.requests
        #expect(requests[0].line == "GET /base/schemas/ids/7 HTTP/1.1")
        #expect(
            requests[0].headers.contains { $0.hasPrefix("Accept: application/vnd.schemaregistry") })
        #expect(!requests[0].headers.contains { $0.hasPrefix("Authorization") })
        #expect(requests[2].headers.contains("Authorization: Basic w7w6cDp3"))
        #expect(requests[3].headers.contains("Authorization: Bearer abc.def"))
    }

    @Test("a body is sent whole, with its type and without a pause, also behind a redirect")
    func posted() throws {
        let other = try LoopbackServer { _ in .json("{}") }
        defer { other.stop() }
        let server = try LoopbackServer { request in
            request.path.hasSuffix("moved")
                ? LoopbackServer.Answer(status: 301, headers: ["Location: \(other.url)/there"])
                : .json("{}")
        }
        defer { server.stop() }
        let transport = try transport(server)
        let body = Array("ü".utf8) + [UInt8](repeating: 0x61, count: 3_000)
        #expect(try transport.post("/subjects/a/versions", body).status == 200)
        // The same transport asks without a body again.
        #expect(try transport.get("/subjects").status == 200)
        #expect(try transport.post("/moved", body).status == 200)
        let first = try #require(server.requests.first)
        #expect(first.line == "POST /base/subjects/a/versions HTTP/1.1" && first.body == body)
        #expect(
            first.headers.contains("Content-Type: application/vnd.schemaregistry.v1+json"))
        #expect(!first.headers.contains { $0.hasPrefix("Expect") })
        #expect(server.requests[1].line.hasPrefix("GET /base/subjects "))
        #expect(server.requests[1].body.isEmpty)
        let moved = try #require(other.requests.first)
        #expect(moved.line.hasPrefix("POST /there") && moved.body == body)
    }

    @Test("an answer has a bound, declared or not")
    func bounded() throws {
        let server = try LoopbackServer { request in
            let body: [UInt8] = Array(repeating: 0x61, count: 10_000)
            // Without a length the body ends with the connection.
            let raw = Array("HTTP/1.1 200 X\r\n\r\n".utf8) + body
            return LoopbackServer.Answer(
                body: body, raw: request.path.hasSuffix("open") ? raw : nil)
        }
        defer { server.stop() }
        let transport = try transport(server) { $0.answerBytesMax = 9_999 }
        for path in ["/declared", "/open"] {
            #expect(throws: RegistryError.tooLarge(bytesMax: 9_999)) { _ = try transport.get(path) }
        }
    }

    @Test("redirects are followed, without the credentials to another host, and not for ever")
    func redirects() throws {
        let other = try LoopbackServer { _ in .json("{}") }
        defer { other.stop() }
        let target = other.url.replacing("127.0.0.1", with: "localhost")
        let server = try LoopbackServer { request in
            let place =
                switch request.path {
                case "/base/loop": "/base/loop"
                case "/base/file": "file:///etc/hostname"
                default: target
                }
            return LoopbackServer.Answer(status: 302, headers: ["Location: \(place)"])
        }
        defer { server.stop() }
        let transport = try transport(server) { $0.credentials = .bearer("secret") }
        #expect(try transport.get("/other").status == 200)
        #expect(other.requests.count == 1)
        #expect(!other.requests[0].headers.contains { $0.contains("secret") })
        #expect(throws: RegistryError.notRegistry("more than 3 redirects")) {
            _ = try transport.get("/loop")
        }
        #expect(throws: RegistryError.self) { _ = try transport.get("/file") }
    }

    @Test("who does not answer is unreachable, and so is who does not answer in time")
    func unreachable() throws {
        let server = try LoopbackServer { _ in LoopbackServer.Answer(isSilent: true) }
        let slow = try transport(server) { $0.timeoutMs = 100 }
        func reason(_ transport: CurlTransport) -> RegistryError? {
            do throws(RegistryError) { _ = try transport.get("/x") } catch { return error }
            return nil
        }
        #expect(reason(slow)?.isRetriable == true)
        server.stop()
        let gone = try transport(server) { $0.timeoutMs = 2_000 }
        #expect(reason(gone)?.isRetriable == true)
        let noise = try LoopbackServer { _ in LoopbackServer.Answer(raw: Array("garbage\n".utf8)) }
        defer { noise.stop() }
        #expect(reason(try transport(noise)) != nil)
        let plain = try LoopbackServer { _ in LoopbackServer.Answer(raw: Array("no TLS".utf8)) }
        defer { plain.stop() }
        let safe = try transport(plain) { $0.url = "https://127.0.0.1:\(plain.port)" }
        if case .tls = reason(safe) {} else { Issue.record("\(String(describing: reason(safe)))") }
    }

    @Test(
        "settings that cannot be used are refused without a request",
        arguments: [
            "", "registry:8081", "ftp://a", "http://", "http://user:pw@host", "http://a b",
            "https://a?x=1", "http://a#b",
        ])
    func settings(url: String) {
        #expect(throws: RegistryError.self) {
            _ = try CurlTransport(RegistryConfiguration(url: url))
        }
    }

    @Test("no error tells a password, nor a token")
    func secrets() throws {
        var configuration = RegistryConfiguration(url: "http://127.0.0.1:1")
        configuration.credentials = .bearer("se cret")
        do throws(RegistryError) { _ = try CurlTransport(configuration) } catch {
            #expect(!"\(error)".contains("cret"))
        }
    }
}
