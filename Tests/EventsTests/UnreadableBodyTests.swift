import Events
import Testing

@Suite struct UnreadableBodyTests {
    private let json = Array("{\"type\":\"click\"}".utf8)
    private let frame: [UInt8] = [0, 0, 0, 0, 7]

    @Test("a body that is no JSON is told by what it looks like, beside why it was refused")
    func reasons() {
        let avro: [UInt8] = frame + [6, 0x61, 0x62, 0x63, 0xff, 0x01]
        let protobuf: [UInt8] = frame + [0, 0x0a, 3, 0x61, 0x62, 0x63, 0x10, 0x96, 0x01]
        let cases: [(bytes: [UInt8], says: String)] = [
            (avro, "Confluent's frame, schema id 7, with an Avro-like body"),
            (protobuf, "Confluent's frame, schema id 7, with a Protobuf-like body"),
            (
                frame + json.dropLast(),
                "Confluent's frame, schema id 7, with a JSON-like body"
            ),
            ([0, 0, 0], "Confluent's frame, cut short"),
            ([0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "gzip"),
            ([0x78, 0x9c, 0x4b, 0x4c], "zlib"),
            ([0x28, 0xb5, 0x2f, 0xfd, 4], "Zstandard"),
            ([0xff, 0xfe] + json.flatMap { [$0, 0] }, "UTF-16"),
            (json.flatMap { [$0, 0] }, "UTF-16"),
            (json.flatMap { [0, $0] }, "UTF-16"),
            ([0xef, 0xbb, 0xbf] + json.dropLast(), "byte order mark"),
            ([0xc3, 0x01] + [UInt8](repeating: 9, count: 8), "Avro with its single-object header"),
            (Array("Obj".utf8) + [1, 2], "an Avro container file"),
            ([0x0a, 3, 0x61, 0x62, 0x63, 0x10, 0x96, 0x01], "Protobuf"),
            (Array("\"{\\\"type\\\":\\\"click\\\"}\"".utf8), "encoded twice"),
            (Array("<?xml version=\"1.0\"?>".utf8), "XML"),
        ]
        for (bytes, says) in cases {
            let error = #expect(throws: EventError.self) { try EventDecoder().decode(bytes) }
            guard let error else { continue }
            let reason = UnreadableBody.reason(error, bytes)
            #expect(reason.contains(says), "\(bytes): \(reason)")
            #expect(reason.hasPrefix(error.description) && reason.contains("only UTF-8 JSON"))
        }
    }

    @Test("what is wrong with an event is said without a guess at its bytes")
    func fields() throws {
        let error = try #require(throws: EventError.self) { try EventDecoder().decode(json) }
        #expect(UnreadableBody.reason(error, json) == error.description)
        let broken = Array("{\"type\":".utf8)
        let malformed = try #require(throws: EventError.self) { try EventDecoder().decode(broken) }
        #expect(UnreadableBody.reason(malformed, broken) == malformed.description)
        #expect(UnreadableBody.reason(.tombstone, nil) == EventError.tombstone.description)
    }

    @Test("no bytes make it trap")
    func anything() {
        var state: UInt64 = 1
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int(state >> 33 % 24) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: state >> 40))
            }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            if state % 3 == 0 { bytes = frame + bytes }
            _ = UnreadableBody.looks(of: bytes)
        }
    }
}
