import NIOHTTP1

/// A request's head, as far as answers depend on it.
struct Request: Equatable {
    let method: HTTPMethod
    /// The path's segments, percent-decoded; `["v1", "status"]`.
    let path: [String]
    /// What follows the path's question mark, as it came; `nil` where there is none.
    let query: String?
    let authorization: String?
    let contentType: String?
    /// By which the client knows a request again that it sends twice, as it came.
    let idempotencyKey: String?
    /// Whom the client believes to talk to; `nil` in an old request without it.
    let host: String?
    /// The page that asks, of a browser; `nil` where none does.
    let origin: String?
    /// As far as it came.
    var body: [UInt8] = []
    /// Whether the client wants to ask more on this connection.
    let keepsAlive: Bool

    var isHead: Bool { method == .HEAD }

    /// Whether the client names this machine by a loopback name or address, and the page that asks, if one
    /// does, comes from there.
    var isOfThisMachine: Bool {
        guard let host else { return true }
        guard Self.isLoopback(host) else { return false }
        guard let origin else { return true }
        return origin == "http://" + host || origin == "https://" + host
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host.hasPrefix("[::1]") { return true }
        let name = host.prefix { $0 != ":" }
        return name == "localhost"
            || name.hasPrefix("127.")
                && name.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// - Throws: `Refusal` for a head that two readers could take for different requests, and for one
    ///   that asks for what is not done here.
    init(_ head: HTTPRequestHead) throws(Refusal) {
        let headers = head.headers
        let isOld = head.version.minor == 0
        let hosts = headers[canonicalForm: "host"]
        guard hosts.count == 1 || (isOld && hosts.isEmpty) else {
            throw .malformed("a request has one Host header")
        }
        let encodings = headers["transfer-encoding"]
        let lengths = headers["content-length"]
        guard
            encodings.isEmpty
                || (!isOld && lengths.isEmpty && encodings.map { $0.lowercased() } == ["chunked"]),
            lengths.count <= 1
        else { throw .malformed("where the body ends is not clear") }
        if let text = lengths.first {
            guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !text.isEmpty else {
                throw .malformed("where the body ends is not clear")
            }
            guard let length = Int(text), length <= HTTPLimits.bodyBytesMax else {
                throw .bodyTooLong
            }
        }
        guard headers["expect"].isEmpty else { throw .expectation }
        let authorizations = headers["authorization"]
        guard authorizations.count <= 1 else {
            throw .malformed("a request has one Authorization header at most")
        }
        let keys = headers["idempotency-key"]
        guard keys.count <= 1 else {
            throw .malformed("a request has one Idempotency-Key header at most")
        }
        guard let path = Self.segments(of: head.uri) else {
            throw .malformed("the request's target is malformed")
        }
        method = head.method
        self.path = path
        query = Self.query(of: head.uri)
        authorization = authorizations.first
        contentType = headers["content-type"].first
        idempotencyKey = keys.first
        host = hosts.first.map(String.init)
        origin = headers["origin"].first
        // What follows the head of an upgrade is not for us to read.
        keepsAlive = head.isKeepAlive && headers["upgrade"].isEmpty && head.method != .CONNECT
    }

    /// The decoded segments of a target's path; its query is left out.
    ///
    /// Segments are told apart before they are decoded, so that `%2F` makes none.
    ///
    /// - Returns: nil for a target that is malformed.
    static func segments(of target: String) -> [String]? {
        var path = target[...]
        if let end = path.firstIndex(where: { $0 == "?" || $0 == "#" }) { path = path[..<end] }
        for scheme in ["http://", "https://"] where path.hasPrefix(scheme) {
            let rest = path.dropFirst(scheme.count)
            path = rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
        }
        // `OPTIONS *` and the target of CONNECT have no path.
        guard path.hasPrefix("/") else { return path.contains("%") ? nil : [String(path)] }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = decoded(part) else { return nil }
            segments.append(segment)
        }
        return segments
    }

    /// The query's pairs, decoded; `nil` for one that is malformed.
    var pairs: [(name: String, value: String)]? {
        var pairs: [(name: String, value: String)] = []
        for part in (query ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let texts = halves.map { Self.decoded(Substring($0.replacing("+", with: " "))) }
            guard let name = texts[0], let value = texts.count > 1 ? texts[1] : "" else {
                return nil
            }
            pairs.append((name, value))
        }
        return pairs
    }

    private static func query(of target: String) -> String? {
        let whole = target.prefix { $0 != "#" }
        return whole.firstIndex(of: "?").map { String(whole[whole.index(after: $0)...]) }
    }

    private static func decoded(_ part: Substring) -> String? {
        guard part.utf8.contains(UInt8(ascii: "%")) else { return String(part) }
        var bytes: [UInt8] = []
        var rest = Substring(part).utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit),
                let low = rest.popFirst().flatMap(digit)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
