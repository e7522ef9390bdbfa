import Records

/// Requests that a server should not be troubled by, made from a seed.
struct HostileRequest {
    let bytes: [UInt8]
    /// Whether the client waits for what comes back.
    let reads: Bool
    /// Whether it ends the connection with a reset.
    let resets: Bool

    static let kindCount = 16

    init(_ random: inout SeededRandom) {
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        func repeated(_ text: String, _ most: Int) -> String {
            String(repeating: text, count: 1 + below(most))
        }
        let paths = [
            "/live", "/ready", "/metrics", "/v1/status", "/", "/%2e%2e/etc", "/live?a=%00",
        ]
        let path = paths[below(paths.count)]
        let head = "GET \(path) HTTP/1.1\r\nHost: shop\r\n"
        var reads = true
        var resets = false
        var bytes: [UInt8]
        switch below(Self.kindCount) {
        case 0: bytes = Array((head + "Connection: close\r\n\r\n").utf8)
        case 1: bytes = (0..<1 + below(2_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        case 2: bytes = Array((head + "X: " + repeated("a", 131_072)).utf8)
        case 3: bytes = Array((head + repeated("X: 1\r\n", 2_000)).utf8)
        case 4: bytes = Array(("GET /" + repeated("a", 100_000)).utf8)
        case 5:
            bytes = Array(head.utf8.prefix(1 + below(head.utf8.count)))
            reads = false
        case 6:
            bytes = Array(
                (head
                    + "Content-Length: \(below(100))\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                    .utf8)
        case 7: bytes = Array(repeated(head + "\r\n", 200).utf8)
        case 8:
            bytes = Array(repeated("GET /metrics HTTP/1.1\r\nHost: shop\r\n\r\n", 50).utf8)
            reads = false
            resets = true
        case 9:
            bytes = Array(
                (head + "Transfer-Encoding: chunked\r\n\r\n"
                    + repeated("10\r\n0123456789abcdef\r\n", 8_000))
                    .utf8)
        case 10: bytes = Array((head + "Content-Length: \(random.next())\r\n\r\n").utf8)
        case 11: bytes = Array(repeated("\r\n", 50_000).utf8)
        case 12:
            bytes = Array((head + "\r\n").utf8)
            for _ in 0..<1 + below(4) {
                bytes[below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            bytes += Array("\r\n\r\n".utf8)
        case 13:
            bytes = []
            reads = false
            resets = true
        case 14: bytes = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]
        default:
            bytes = Array(
                (head + "Connection: upgrade\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n\r\n").utf8)
        }
        self.bytes = bytes
        self.reads = reads
        self.resets = resets
    }
}
