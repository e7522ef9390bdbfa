import Records
import Schemas
import Testing

@Suite("Payloads in frames become JSON") struct PayloadReaderTests {
    private struct Framed {
        let format: PayloadFormat
        let bundle: SchemaBundle
        let number: UInt32
        let guid: String
        let payload: [UInt8]
        let headers: [(name: String, value: [UInt8])]
        let json: SchemaJSON

        init(_ line: SchemaJSON) throws {
            format = try #require(PayloadFormat(rawValue: line.required("format")))
            let imports = try (line["imports"]?.array ?? []).map {
                SchemaBundle.Import(name: try $0.required("name"), text: try $0.required("text"))
            }
            bundle = SchemaBundle(
                kind: try #require(SchemaBundle.Kind(rawValue: line.required("type"))),
                text: try line.required("schema"), imports: imports)
            number = UInt32(try #require(line["id"]?.integer))
            guid = try line.required("guid")
            payload = try #require(Base64.decode(line.required("payload")))
            let header = line["header"]?.text.flatMap { Base64.decode($0) }
            headers = header.map { [("other", [1]), ("__value_schema_id", $0)] } ?? []
            json = try #require(line["json"])
        }
    }

    private static func framed() throws -> [Framed] {
        try Fixtures.lines("frames.jsonl").map { try Framed($0) }
    }

    @Test("what Confluent's serializers write is read by id and by the header's GUID")
    func confluent() throws {
        let all = try Self.framed()
        #expect(all.count == 10 && all.count { $0.headers.isEmpty } == 5)
        for framed in all {
            let reader = PayloadReader(framed.format)
            var asked: SchemaID?
            do throws(PayloadError) {
                try reader.read(framed.payload, headers: framed.headers)
            } catch {
                guard case .unknownSchema(let id) = error else { throw error }
                #expect(error.isAboutRegistry)
                asked = id
            }
            let id = try #require(asked)
            if framed.headers.isEmpty {
                #expect(id == .number(framed.number))
            } else {
                #expect(id.guidText == framed.guid)
            }
            let kept = try SchemaBundle(encoded: framed.bundle.encoded)
            #expect(kept == framed.bundle)
            reader.add(kept, as: id)
            try reader.read(framed.payload, headers: framed.headers)
            let text = String(decoding: reader.json, as: UTF8.self)
            #expect(try SchemaJSON(text).says(framed.json), "\(text)")
        }
    }

    @Test("JSON passes with and without a frame, whatever its schema")
    func json() throws {
        let reader = PayloadReader(.json)
        let body = Array(#"{"a":1}"#.utf8)
        for payload in [body, [0, 0, 0, 0, 7] + body, [1] + Array(0..<16) + body] {
            try reader.read(payload, headers: [("__value_schema_id", [9])])
            #expect(reader.json == body)
        }
    }

    @Test("errors say what was found and what the topic is set to")
    func errors() throws {
        let avro = SchemaBundle(kind: .avro, text: #""long""#)
        func error(
            _ format: PayloadFormat, _ payload: [UInt8], _ schema: SchemaBundle?, max: Int = 1 << 20
        ) -> PayloadError? {
            let reader = PayloadReader(format, jsonBytesMax: max)
            if let schema { reader.add(schema, as: .number(7)) }
            do throws(PayloadError) {
                try reader.read(payload)
                return nil
            } catch {
                return error
            }
        }
        let framed: [UInt8] = [0, 0, 0, 0, 7, 0xff]
        #expect(
            error(.jsonSchema, framed, avro)?.description
                == "it is Confluent-framed Avro, schema 7, but the topic is set to json_schema")
        #expect(error(.protobuf, framed, avro)?.code == "other_format")
        #expect(error(.avro, framed, avro)?.code == "malformed_body")
        #expect(error(.avro, Array("{}".utf8), avro) == .unframed(.avro))
        #expect(error(.avro, [], avro) == .unframed(.avro))
        #expect(error(.avro, [0, 0], avro)?.code == "framing")
        #expect(
            error(.avro, framed, SchemaBundle(kind: .avro, text: "{"))?.description
                == "schema 7 cannot be used: byte 1: a key is expected")
        #expect(error(.avro, framed, nil) == .unknownSchema(.number(7)))
        let text = SchemaBundle(kind: .avro, text: #""string""#)
        let long: [UInt8] = [0, 0, 0, 0, 7, 0xc8, 1] + Array(repeating: 0x61, count: 100)
        #expect(error(.avro, long, text, max: 64)?.code == "too_large")
        #expect(error(.json, long, nil, max: 64)?.code == "too_large")
        let proto = SchemaBundle(kind: .protobuf, text: "message A { int32 a = 1; }")
        #expect(error(.protobuf, [0, 0, 0, 0, 7], proto)?.code == "framing")
        #expect(error(.protobuf, [0, 0, 0, 0, 7, 0, 8, 1], proto) == nil)
        #expect(error(.protobuf, [0, 0, 0, 0, 7, 2, 2], proto)?.code == "malformed_body")
    }

    @Test("mutated frames give JSON or an error")
    func mutated() throws {
        var random = SeededRandom(seed: 21)
        for framed in try Self.framed() {
            let reader = PayloadReader(framed.format, jsonBytesMax: 4_096)
            for number in 0..<256 { reader.add(framed.bundle, as: .number(UInt32(number))) }
            for _ in 0..<300 {
                let payload = AvroCaseTests.mutated(framed.payload, &random)
                let headers = framed.headers.map {
                    (name: $0.name, value: AvroCaseTests.mutated($0.value, &random))
                }
                do throws(PayloadError) {
                    try reader.read(payload, headers: headers)
                    #expect(reader.json.count <= 4_096)
                } catch {
                    #expect(!error.description.isEmpty && !error.code.isEmpty)
                }
            }
        }
    }

    @Test("rows of a store that are none are refused")
    func rows() {
        let row = SchemaBundle(kind: .protobuf, text: "x", imports: [.init(name: "n", text: "t")])
            .encoded
        for count in 0..<row.count {
            #expect(throws: ByteCodingError.self) {
                _ = try SchemaBundle(encoded: Array(row[..<count]))
            }
        }
        #expect(SchemaID.number(7).key(of: "a") != SchemaID.number(7).key(of: "b"))
    }
}
