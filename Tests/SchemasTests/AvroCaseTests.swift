import Records
import Schemas
import Testing

@Suite("Avro as another implementation reads it") struct AvroCaseTests {
    @Test("random schemas and values, and schemas that evolved, give fastavro's values")
    func cases() throws {
        let lines = try Fixtures.lines("avro-cases.jsonl")
        #expect(lines.count > 400)
        for line in lines {
            let name = try line.required("name")
            let reader = try line["reader"]?.text.map { try AvroSchema($0) }
            let decoder = try AvroDecoder(
                writer: AvroSchema(line.required("writer")), reader: reader)
            let body = try #require(Base64.decode(line.required("body")))
            let text = try decoder.json(body)
            let expected = try #require(line["json"])
            let found = try SchemaJSON(text)
            #expect(found.says(expected), "\(name): \(text) and not \(expected)")
        }
    }

    @Test("mutated bodies give JSON or a fault, and never more than the bound")
    func mutated() throws {
        var random = SeededRandom(seed: 17)
        for line in try Fixtures.lines("avro-cases.jsonl") {
            let reader = try line["reader"]?.text.map { try AvroSchema($0) }
            let decoder = try AvroDecoder(
                writer: AvroSchema(line.required("writer")), reader: reader)
            let body = try #require(Base64.decode(line.required("body")))
            for _ in 0..<40 {
                let changed = Self.mutated(body, &random)
                guard let text = try? decoder.json(changed, bytesMax: 4_096) else { continue }
                #expect(text.utf8.count <= 4_096)
                #expect(throws: Never.self, "\(changed): \(text)") { try SchemaJSON(text) }
            }
        }
    }

    static func mutated(_ body: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var body = body
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let byte = UInt8.random(in: .min ... .max, using: &random)
            let place = body.isEmpty ? 0 : Int.random(in: 0..<body.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where !body.isEmpty: body[place] = byte
            case 1 where !body.isEmpty: body.removeSubrange(place...)
            case 2: body.insert(contentsOf: [0xff, 0xff, 0xff, byte], at: place)
            default: body.insert(byte, at: place)
            }
        }
        return body
    }

    @Test("mutated schemas are refused with a place, or read")
    func mutatedSchemas() throws {
        var random = SeededRandom(seed: 18)
        for line in try Fixtures.lines("avro-cases.jsonl") {
            let writer = Array(try line.required("writer").utf8)
            let body = try #require(Base64.decode(line.required("body")))
            for _ in 0..<10 {
                let changed = String(decoding: Self.mutated(writer, &random), as: UTF8.self)
                do throws(SchemaError) {
                    let decoder = try AvroDecoder(writer: AvroSchema(changed))
                    _ = try? decoder.json(body, bytesMax: 4_096)
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }
}
