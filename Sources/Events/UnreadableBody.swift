/// Says what a payload looks like that is no JSON, so that whoever reads the dead letter knows which
/// producer to look for.
///
/// A guess from the first bytes, and said as one: it never decides whether a record is used.
public enum UnreadableBody {
    /// The error's own sentence, and what the bytes look like where that can be told.
    public static func reason(_ error: EventError, _ bytes: [UInt8]?) -> String {
        guard let bytes, isAboutBytes(error), let looks = looks(of: bytes) else {
            return error.description
        }
        return "\(error.description); it looks like \(looks); only UTF-8 JSON is read"
    }

    private static func isAboutBytes(_ error: EventError) -> Bool {
        switch error {
        case .framing, .notUTF8, .malformed, .notAnObject: true
        default: false
        }
    }

    /// What the bytes look like; `nil` where nothing is known that begins so.
    public static func looks(of bytes: [UInt8]) -> String? {
        if let known = known(bytes) { return known }
        if let wide = utf16(bytes) { return wide }
        if bytes.first == 0 { return framed(bytes) }
        if bytes.starts(with: [0x03]), bytes.count >= 18, bytes[1] == 0 || bytes[1] == 5 {
            return "AWS Glue's frame (a schema version's UUID before the body)"
        }
        if bytes.starts(with: Array("\"{".utf8)) {
            return "JSON inside a JSON string, encoded twice"
        }
        let isText = bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7f || (0x09...0x0d).contains($0) }
        if !isText, isProtobuf(bytes[...]) { return "Protobuf" }
        return nil
    }

    /// Formats by the bytes that all their documents begin with.
    private static let signatures: [(bytes: [UInt8], name: String)] = [
        (
            [0x1f, 0x8b],
            "gzip: compressed by the producer's own code, not by Kafka's compression.type"
        ),
        ([0x28, 0xb5, 0x2f, 0xfd], "Zstandard, not compressed by Kafka itself"),
        ([0x04, 0x22, 0x4d, 0x18], "LZ4, not compressed by Kafka itself"),
        (
            [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50],
            "Snappy, not compressed by Kafka itself"
        ),
        ([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59], "Snappy, not compressed by Kafka itself"),
        (Array("BZh".utf8), "bzip2"),
        (Array("Obj".utf8) + [1], "an Avro container file"),
        ([0xc3, 0x01], "Avro with its single-object header"),
        ([0xac, 0xed, 0x00, 0x05], "a serialized Java object"),
        (Array("<?xml".utf8), "XML"),
        ([0xef, 0xbb, 0xbf], "UTF-8 with a byte order mark"),
        ([0xd9, 0xd9, 0xf7], "CBOR"),
    ]

    private static func known(_ bytes: [UInt8]) -> String? {
        if let found = signatures.first(where: { bytes.starts(with: $0.bytes) }) {
            return found.name
        }
        // Source: RFC 1950: the two bytes of zlib's header are a multiple of 31.
        guard bytes.count > 2, bytes[0] == 0x78, (0x7800 | Int(bytes[1])) % 31 == 0 else {
            return nil
        }
        return "zlib's deflate"
    }

    private static func utf16(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xff, 0xfe, 0, 0]) { return "UTF-32" }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
            return "UTF-16 with a byte order mark"
        }
        // Without a mark: an opening brace, and every second byte of the beginning is zero.
        let head = Array(bytes.prefix(8))
        guard head.count >= 4, head.count % 2 == 0 else { return nil }
        let brace = UInt8(ascii: "{")
        let evenZero = stride(from: 0, to: head.count, by: 2).allSatisfy { head[$0] == 0 }
        let oddZero = stride(from: 1, to: head.count, by: 2).allSatisfy { head[$0] == 0 }
        if head[0] == brace, oddZero { return "UTF-16" }
        if evenZero, head[1] == brace { return "UTF-16" }
        return nil
    }

    /// Confluent's wire format: a byte 0, a big-endian schema id, and the body.
    private static func framed(_ bytes: [UInt8]) -> String? {
        guard bytes.count > 5 else { return "Confluent's frame, cut short" }
        let id = bytes[1...4].reduce(0) { $0 << 8 | Int($1) }
        let body = bytes[5...]
        let kind: String
        if body.first == UInt8(ascii: "{") || body.first == UInt8(ascii: "[") {
            kind = "a JSON-like body"
        } else if let message = afterIndexes(body), isProtobuf(message) {
            kind = "a Protobuf-like body"
        } else {
            kind = "an Avro-like body"
        }
        return "Confluent's frame, schema id \(id), with \(kind)"
    }

    /// The message behind the list of indexes that Confluent puts before Protobuf.
    private static func afterIndexes(_ body: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var rest = body
        // Zigzag: the count of indexes, then each; a single 0 stands for the first message.
        guard let zigzag = takeVarint(&rest) else { return nil }
        guard zigzag > 0 else { return rest }
        guard zigzag % 2 == 0, zigzag <= 16 else { return nil }
        for _ in 0..<zigzag / 2 { guard takeVarint(&rest) != nil else { return nil } }
        return rest
    }

    /// Whether the bytes are fields of Protobuf's wire format from the first to the last.
    ///
    /// Source: Protocol Buffers, Encoding: wire types 0, 1, 2 and 5.
    private static func isProtobuf(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        guard !rest.isEmpty else { return false }
        while !rest.isEmpty {
            guard let tag = takeVarint(&rest), (1...0x1fff_ffff).contains(tag >> 3) else {
                return false
            }
            let length: UInt64
            switch tag & 7 {
            case 0:
                guard takeVarint(&rest) != nil else { return false }
                length = 0
            case 1: length = 8
            case 2:
                guard let count = takeVarint(&rest) else { return false }
                length = count
            case 5: length = 4
            default: return false
            }
            guard length <= UInt64(rest.count) else { return false }
            rest = rest.dropFirst(Int(length))
        }
        return true
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
