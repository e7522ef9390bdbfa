import Foundation
import Records
import Schemas
import Testing

@Suite("Bodies are written as they are read") struct EncoderTests {
    private static let schemas = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../schemas").standardizedFileURL

    private static func schema(_ name: String) throws -> String {
        try String(contentsOf: schemas.appendingPathComponent(name), encoding: .utf8)
    }

    @Test("recommendations come to the bytes of fastavro and of Google's Protobuf, and back")
    func published() throws {
        let avro = try Self.schema("recommendation.avsc")
        let proto = try Self.schema("recommendation.proto")
        let (avroEncoder, protoEncoder) = (try AvroEncoder(avro), try ProtoEncoder(proto))
        let avroReader = PayloadReader(.avro)
        let protoReader = PayloadReader(.protobuf)
        avroReader.add(SchemaBundle(kind: .avro, text: avro), as: .number(70_000))
        protoReader.add(SchemaBundle(kind: .protobuf, text: proto), as: .number(7))
        let lines = try Fixtures.lines("published.jsonl")
        #expect(lines.count == 80)
        for line in lines {
            let document = try #require(line["json"])
            let json = Array(Self.text(document).utf8)
            let avroBody = try avroEncoder.body(json)
            #expect(avroBody == Base64.decode(try line.required("avro")), "\(document)")
            let protoBody = try protoEncoder.body(json)
            #expect(protoBody == Base64.decode(try line.required("protobuf")), "\(document)")
            try avroReader.read(SchemaFrame.prefix(70_000, isProtobuf: false) + avroBody)
            #expect(Self.isSame(try SchemaJSON(avroReader.json), document))
            try protoReader.read(SchemaFrame.prefix(7, isProtobuf: true) + protoBody)
            #expect(Self.isSame(try SchemaJSON(protoReader.json), document))
        }
    }

    /// Whether a body that was read says what the document does: null and an empty list are nothing, and
    /// a time is the same however many zeros end it.
    private static func isSame(_ found: SchemaJSON, _ document: SchemaJSON) -> Bool {
        switch (found, document) {
        case (.text(let a), .text(let b)):
            return a == b
                || Timestamp.milliseconds(a) != nil
                    && Timestamp.milliseconds(a) == Timestamp.milliseconds(b)
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { isSame($0, $1) }
        case (.object(let a), .object(let b)):
            let (a, b) = (a.filter(isSomething), b.filter(isSomething))
            return a.count == b.count
                && a.allSatisfy { member in
                    document[member.key].map { isSame(member.value, $0) } ?? false
                }
        default: return found.says(document)
        }
    }

    private static func isSomething(_ member: SchemaJSON.Member) -> Bool {
        member.value != .null && member.value != .array([])
    }

    private static func text(_ value: SchemaJSON) -> String {
        var out = JSONOutput(bytesMax: 1 << 20)
        write(value, &out)
        return String(decoding: out.bytes, as: UTF8.self)
    }

    private static func write(_ value: SchemaJSON, _ out: inout JSONOutput) {
        switch value {
        case .null: out.append("null")
        case .bool(let flag): out.append(flag ? "true" : "false")
        case .number(let digits): out.append(Array(digits.utf8))
        case .text(let text): out.string(text)
        case .array(let items):
            out.put(0x5b)
            for (index, item) in items.enumerated() {
                if index > 0 { out.put(0x2c) }
                write(item, &out)
            }
            out.put(0x5d)
        case .object(let members):
            out.put(0x7b)
            for (index, member) in members.enumerated() {
                if index > 0 { out.put(0x2c) }
                out.string(member.key)
                out.put(0x3a)
                write(member.value, &out)
            }
            out.put(0x7d)
        }
    }

    @Test("what was read of any Avro schema is written so that it reads the same")
    func inverse() throws {
        var count = 0
        for line in try Fixtures.lines("avro-cases.jsonl") where line["reader"]?.text == nil {
            let writer = try line.required("writer")
            let decoder = try AvroDecoder(writer: AvroSchema(writer))
            let body = try #require(Base64.decode(line.required("body")))
            let json = try decoder.json(body)
            let name = try line.required("name")
            let again = try decoder.json(try AvroEncoder(writer).body(Array(json.utf8)))
            #expect(again == json, "\(name)")
            count += 1
        }
        #expect(count > 200)
    }

    @Test(
        "each logical type has the bytes that the specification gives it",
        arguments: [
            (#"{"type":"int","logicalType":"date"}"#, #""1970-01-03""#, [4]),
            (#"{"type":"int","logicalType":"time-millis"}"#, #""00:00:00.002""#, [4]),
            (
                #"{"type":"long","logicalType":"timestamp-millis"}"#,
                #""1969-12-31T23:59:59.999Z""#, [1]
            ),
            (#"{"type":"long","logicalType":"timestamp-micros"}"#, "7", [14]),
            (
                #"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#, "-1.28",
                [2, 0x80]
            ),
            (
                #"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#, "1.280",
                [4, 0, 0x80]
            ),
            (
                #"{"type":"fixed","name":"D","size":3,"logicalType":"decimal","precision":5,"scale":0}"#,
                "-1", [0xff, 0xff, 0xff]
            ),
            (#"["null","double"]"#, "null", [0]), ("\"float\"", "null", [0, 0, 0xc0, 0x7f]),
        ] as [(String, String, [UInt8])])
    func logical(schema: String, json: String, bytes: [UInt8]) throws {
        #expect(try AvroEncoder(schema).body(Array(json.utf8)) == bytes)
    }

    @Test("a value that does not fit is refused with its place")
    func misfits() throws {
        let avro = try AvroEncoder(
            #"{"type":"record","name":"A","fields":[{"name":"a","type":{"type":"record","name":"B","fields":[{"name":"b","type":"int"}]}},{"name":"c","type":"string","default":"x"}]}"#
        )
        #expect(try avro.body(Array(#"{"a":{"b":3}}"#.utf8)) == [6, 2, 0x78])
        for (json, place) in [
            (#"{"a":{"b":3000000000}}"#, "a.b"), (#"{"a":{}}"#, "a.b"), (#"{"a":1}"#, "a"),
            (#"{"a":{"b":1.5}}"#, "a.b"), (#"{"a":{"b":1},"c":null}"#, "c"), ("[]", ""),
        ] {
            do throws(SchemaError) {
                _ = try avro.body(Array(json.utf8))
                Issue.record("\(json) was written")
            } catch { #expect(error.place == place, "\(json)") }
        }
        for wrong in [
            (#"{"type":"int","logicalType":"date"}"#, #""2026-02-30""#),
            (#"{"type":"int","logicalType":"time-millis"}"#, #""10:00:00.0001""#),
            (#"{"type":"long","logicalType":"timestamp-millis"}"#, #""2026-11-30T10:15:30""#),
            (#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#, "1.281"),
            (#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#, "1e3"),
        ] {
            #expect(throws: SchemaError.self, "\(wrong)") {
                _ = try AvroEncoder(wrong.0).body(Array(wrong.1.utf8))
            }
        }
        let proto = try ProtoEncoder(
            "syntax = \"proto3\"; message A { optional int32 a = 1; optional bool b = 2; repeated string c = 3; }"
        )
        #expect(try proto.body(Array(#"{"c":["x"],"a":0,"b":null}"#.utf8)) == [8, 0, 26, 1, 0x78])
        for wrong in [#"{"a":3000000000}"#, #"{"b":1}"#, #"{"c":"x"}"#, "1"] {
            #expect(throws: SchemaError.self, "\(wrong)") { _ = try proto.body(Array(wrong.utf8)) }
        }
    }
}
