import Records
import Schemas
import Testing

@Suite("Protobuf as Google's library writes it") struct ProtoCaseTests {
    private struct Case {
        let name: String
        let path: [Int]
        let body: [UInt8]
        let json: SchemaJSON
    }

    private static func cases() throws -> [Case] {
        try Fixtures.lines("proto-cases.jsonl").map { line in
            guard let path = line["path"]?.array?.compactMap(\.integer), let json = line["json"],
                let body = Base64.decode(try line.required("body"))
            else { throw SchemaError("", "no case") }
            return Case(name: try line.required("name"), path: path, body: body, json: json)
        }
    }

    private static func fromSource() throws -> ProtoDecoder {
        try ProtoDecoder(
            Fixtures.text("shop.proto"), imports: [Fixtures.text("common/money.proto")])
    }

    private static func fromDescriptor() throws -> ProtoDecoder {
        let files = try SchemaJSON(Fixtures.text("descriptors.json"))
        return try ProtoDecoder(
            files.required("shop.proto"), imports: [files.required("common/money.proto")])
    }

    @Test("random messages give the library's values, by source and by descriptor")
    func random() throws {
        let decoders = [try Self.fromSource(), try Self.fromDescriptor()]
        for example in try Self.cases() {
            for decoder in decoders {
                let text = try decoder.json(example.path, example.body)
                let found = try SchemaJSON(text)
                #expect(found.says(example.json), "\(example.name): \(text)")
            }
        }
    }

    @Test("mutated bodies give JSON or a fault, and never more than the bound")
    func mutated() throws {
        let decoder = try Self.fromDescriptor()
        var random = SeededRandom(seed: 19)
        for example in try Self.cases() {
            for _ in 0..<40 {
                let changed = AvroCaseTests.mutated(example.body, &random)
                guard let text = try? decoder.json(example.path, changed, bytesMax: 4_096) else {
                    continue
                }
                #expect(text.utf8.count <= 4_096)
                #expect(throws: Never.self, "\(changed): \(text)") { try SchemaJSON(text) }
            }
        }
    }

    @Test("mutated schemas are refused, or read")
    func mutatedSchemas() throws {
        let source = Array(try Fixtures.text("shop.proto").utf8)
        let files = try SchemaJSON(Fixtures.text("descriptors.json"))
        let descriptor = try #require(Base64.decode(files.required("shop.proto")))
        let money = try Fixtures.text("common/money.proto")
        let body = try #require(try Self.cases().first).body
        var random = SeededRandom(seed: 20)
        for turn in 0..<1_000 {
            let bytes = AvroCaseTests.mutated(turn % 2 == 0 ? source : descriptor, &random)
            let text =
                turn % 2 == 0
                ? String(decoding: bytes, as: UTF8.self)
                : String(decoding: Base64.encode(bytes), as: UTF8.self)
            do throws(SchemaError) {
                let decoder = try ProtoDecoder(text, imports: [money])
                _ = try? decoder.json([0], body, bytesMax: 4_096)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test("a message in parts is merged, the last of a oneof wins, and packed or not is the same")
    func merged() throws {
        let text = """
            syntax = "proto3";
            message A {
                B b = 1;
                repeated int32 n = 2;
                oneof o { int32 x = 3; string y = 4; }
                B c = 5;
            }
            message B { int32 p = 1; repeated int32 q = 2; }
            """
        let decoder = try ProtoDecoder(text)
        let parts: [UInt8] = [0x0a, 2, 8, 1, 0x12, 2, 1, 2, 0x0a, 4, 0x12, 2, 7, 8, 0x10, 3]
        #expect(try decoder.json([0], parts) == #"{"b":{"p":1,"q":[7,8]},"n":[1,2,3]}"#)
        #expect(try decoder.json([0], [0x18, 1, 0x22, 1, 0x61, 0x18, 2]) == #"{"x":2}"#)
        #expect(try decoder.json([0], [0x18, 1, 0x22, 1, 0x61]) == #"{"y":"a"}"#)
        // An unknown field, and a group of another time.
        #expect(try decoder.json([0], [0x50, 1, 0x5b, 0x08, 1, 0x5c]) == "{}")
        #expect(throws: PayloadFault(1, .wireType(field: "x", found: 5))) {
            _ = try decoder.json([0], [0x1d, 0, 0, 0, 0])
        }
        #expect(throws: PayloadFault(0, .message([2]))) { _ = try decoder.json([2], []) }
    }

    @Test("messages inside messages are read to a bound")
    func deep() throws {
        let decoder = try ProtoDecoder(#"syntax = "proto3"; message A { A a = 1; }"#)
        var body: [UInt8] = []
        for _ in 0..<60 { body = [0x0a, UInt8(body.count)] + body }
        #expect(try decoder.json([0], body).utf8.count > 60)
        var length: [UInt8] = []
        for _ in 0..<80 {
            let count = length.count
            let size: [UInt8] =
                count < 128
                ? [UInt8(count)] : [UInt8(count & 127 | 128), UInt8(count >> 7)]
            length = [0x0a] + size + length
        }
        #expect(throws: PayloadFault.self) { _ = try decoder.json([0], length) }
    }

    @Test("a type that no file has is named")
    func missing() {
        #expect(throws: SchemaError("A.m", "its type shop.Money is in no file that was given")) {
            _ = try ProtoDecoder(#"syntax = "proto3"; message A { shop.Money m = 1; }"#)
        }
    }
}

extension ProtoDecoder {
    /// One body's JSON.
    func json(_ path: [Int], _ body: [UInt8], bytesMax: Int = 1 << 20) throws(PayloadFault)
        -> String
    {
        var out = JSONOutput(bytesMax: bytesMax)
        try unsafe body.withUnsafeBufferPointer { bytes throws(PayloadFault) in
            unsafe try decode(path, UnsafeRawBufferPointer(bytes), &out)
        }
        return String(decoding: out.bytes, as: UTF8.self)
    }
}
