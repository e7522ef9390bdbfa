import Records
import Schemas

/// Any bytes as a payload of each format, as a schema, or as a row that keeps one.
///
/// What is read is JSON within its bound; all else is an error.
enum SchemasTarget: FuzzTarget {
    static let name = "schemas"

    private static let jsonBytesMax = 1 << 16

    private static let avro = #"""
        {"type":"record","name":"R","fields":[{"name":"l","type":["null","R"]},
        {"name":"m","type":{"type":"map","values":{"type":"array","items":["null","string","R"]}}},
        {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":3}},
        {"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"c","type":{"type":"int","logicalType":"time-millis"}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B\""]}},
        {"name":"f","type":{"type":"fixed","name":"F","size":12,"logicalType":"duration"}},
        {"name":"x","type":"double"},{"name":"y","type":"float"},{"name":"b","type":"boolean"},
        {"name":"z","type":{"type":"array","items":"null"}}]}
        """#
    private static let reader = #"""
        {"type":"record","name":"R","fields":[{"name":"t","type":"long"},{"name":"q","type":"string",
        "default":"new"},{"name":"e","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"}}]}
        """#
    private static let proto = """
        syntax = "proto3";
        message A {
            A a = 1; repeated sint64 n = 2; map<int32, A> m = 3; oneof o { string s = 4; bytes b = 5; }
            google.protobuf.Timestamp t = 6; google.protobuf.Struct j = 7; E e = 8; double d = 9;
            google.protobuf.Duration u = 10; google.protobuf.StringValue w = 11;
            confluent.type.Decimal p = 12; repeated fixed32 f = 13; bool k = 14; message In { A a = 1; }
        }
        enum E { X = 0; Y = -1; }
        """

    /// A schema and how it is read.
    private static let cases: [(PayloadFormat, SchemaBundle, AvroSchema?)] = [
        (.avro, SchemaBundle(kind: .avro, text: avro), nil),
        (.avro, SchemaBundle(kind: .avro, text: avro), try? AvroSchema(reader)),
        (.protobuf, SchemaBundle(kind: .protobuf, text: proto), nil),
        (.jsonSchema, SchemaBundle(kind: .json, text: "{}"), nil),
    ]

    /// Made once: they keep nothing of a payload but the size of a buffer. Used by one thread at a
    /// time: the fuzzer's, or that of the one test that runs this target.
    nonisolated(unsafe) private static let readers = cases.map { reader($0) }

    private static func reader(
        _ known: (format: PayloadFormat, schema: SchemaBundle, reader: AvroSchema?)
    ) -> PayloadReader {
        let reader = PayloadReader(known.format, jsonBytesMax: jsonBytesMax)
        reader.add(known.schema, as: .number(7), reader: known.reader)
        return reader
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let choice = unsafe bytes.first else { return }
        let rest = unsafe Array(bytes.dropFirst())
        let kind = Int(choice) % (2 * cases.count + 4)
        let text = String(decoding: rest, as: UTF8.self)
        switch kind {
        case 0..<cases.count:
            unsafe read([0, 0, 0, 0, 7] + rest, [], readers[kind])
        case cases.count..<2 * cases.count:
            // The frame too, and half of it as the header's.
            let half = rest.count / 2
            let header = ("__value_schema_id", Array(rest[half...]))
            unsafe read(rest, [], readers[kind - cases.count])
            unsafe read(Array(rest[..<half]), [header], readers[kind - cases.count])
        case 2 * cases.count: schema(SchemaBundle(kind: .avro, text: text), .avro)
        case 2 * cases.count + 1: schema(SchemaBundle(kind: .protobuf, text: text), .protobuf)
        case 2 * cases.count + 2:
            let descriptor = String(decoding: Base64.encode(rest), as: UTF8.self)
            schema(SchemaBundle(kind: .protobuf, text: descriptor), .protobuf)
        default:
            guard let bundle = try? SchemaBundle(encoded: rest) else { return }
            precondition(bundle.encoded == rest, "a row came back as another one")
        }
    }

    private static func read(
        _ payload: [UInt8], _ headers: [(name: String, value: [UInt8])],
        _ reader: PayloadReader
    ) {
        let framed = reader.schema(of: payload, headers: headers)
        do throws(PayloadError) { try reader.read(payload, headers: headers) } catch {
            precondition(!error.description.isEmpty && !error.code.isEmpty)
            if case .unknownSchema(let id) = error { precondition(id == framed) }
            return
        }
        precondition(reader.json.count <= jsonBytesMax)
        guard reader.format != .jsonSchema else { return }
        do throws(SchemaError) { _ = try SchemaJSON(reader.json) } catch {
            preconditionFailure("what was made is no JSON: \(error)")
        }
    }

    private static func schema(_ bundle: SchemaBundle, _ format: PayloadFormat) {
        let reader = reader((format, bundle, nil))
        for body in [[], [0], [2, 0, 0x0a, 2, 8, 1], Array(repeating: 2, count: 70)] as [[UInt8]] {
            read([0, 0, 0, 0, 7, 0] + body, [], reader)
        }
    }

    static let seeds: [[UInt8]] =
        [
            [0, 0, 0, 4, 0x80, 0, 0, 2, 2] + Array(repeating: 0, count: 25) + [1, 0],
            [1, 2, 0, 0, 2, 1, 0, 0, 0] + Array(repeating: 1, count: 40),
            [2, 0, 0x0a, 2, 0x48, 1, 0x12, 2, 1, 2, 0x1a, 4, 8, 1, 0x12, 0, 0x22, 1, 0x61],
            [2, 4, 0, 2, 0x0a, 0, 0x32, 4, 8, 1, 0x10, 5, 0x62, 6, 0x0a, 1, 0x85, 0x18, 2],
            [3] + Array("{}".utf8), [4, 0, 0, 0, 0, 7, 0], [6, 1] + Array(0..<40),
            [8] + Array(avro.utf8), [8] + Array(reader.utf8), [9] + Array(proto.utf8),
            [10, 0x0a, 1, 0x61, 0x22, 10, 0x0a, 1, 0x41, 0x12, 5, 0x0a, 1, 0x62, 0x18, 1],
            [11]
                + SchemaBundle(kind: .avro, text: "t", imports: [.init(name: "n", text: "x")])
                .encoded,
        ]
}
