import Schemas
import Testing

@Suite("Avro schemas and what is special in bodies") struct AvroSchemaTests {
    private func json(
        _ writer: String, _ body: [UInt8], reader: String? = nil, imports: [String] = []
    ) throws -> String {
        try AvroDecoder(
            writer: AvroSchema(writer, imports: imports), reader: reader.map { try AvroSchema($0) }
        ).json(body)
    }

    @Test("a nullable value is the value or null, without a tag")
    func nullable() throws {
        #expect(try json(#"["null","string"]"#, [2, 2, 0x61]) == #""a""#)
        #expect(try json(#"["null","string"]"#, [0]) == "null")
    }

    @Test("blocks with a negative count are read, and passed over by their size")
    func blocks() throws {
        let list = #"{"type":"array","items":"long"}"#
        // Three elements in four bytes, one more, the end.
        let body: [UInt8] = [0x05, 0x08, 0x02, 0x04, 0x80, 0x01, 0x02, 0x06, 0x00]
        #expect(try json(list, body) == "[1,2,64,3]")
        let record = #"{"type":"record","name":"R","fields":[{"name":"l","type":\#(list)},"#
        let wanted = #"{"name":"s","type":"string"}]}"#
        let reader = #"{"type":"record","name":"R","fields":["# + wanted
        #expect(try json(record + wanted, body + [2, 0x61], reader: reader) == #"{"s":"a"}"#)
    }

    @Test("lengths beyond the body are refused before anything is made of them")
    func lengths() throws {
        let huge: [UInt8] = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
        for schema in [
            #""string""#, #""bytes""#, #"{"type":"array","items":"null"}"#,
            #"{"type":"array","items":"long"}"#, #"{"type":"map","values":"null"}"#,
        ] {
            #expect(throws: PayloadFault(10, .length(.max)), "\(schema)") {
                _ = try json(schema, huge)
            }
        }
        let least: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
        #expect(throws: PayloadFault(10, .length(.min))) {
            _ = try json(#"{"type":"array","items":"long"}"#, least)
        }
        #expect(throws: PayloadFault(10, .varintTooLong)) {
            _ = try json(#""long""#, Array(repeating: 0xff, count: 11))
        }
    }

    @Test("schemas that contain themselves end: by data, or by the bound on depth")
    func cyclic() throws {
        let bottomless = #"{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}"#
        #expect(throws: PayloadFault(0, .tooDeep)) { _ = try json(bottomless, []) }
        let list =
            #"{"type":"record","name":"L","fields":[{"name":"n","type":["null","L"]}]}"#
        #expect(try json(list, [2, 2, 0]) == #"{"n":{"n":{"n":null}}}"#)
        #expect(throws: PayloadFault.self) {
            _ = try json(list, Array(repeating: 2, count: 100_000))
        }
    }

    @Test("records that double at each level without a byte are bounded")
    func doubling() throws {
        var text = #"{"type":"record","name":"R0","fields":[{"name":"a","type":"null"}]}"#
        for level in 1...40 {
            text =
                #"{"type":"record","name":"R\#(level)","fields":[{"name":"a","type":\#(text)},"#
                + #"{"name":"b","type":"R\#(level - 1)"}]}"#
            if level == 30 { break }
        }
        #expect(throws: PayloadFault.self) { _ = try json(text, []) }
        let reader = #"{"type":"record","name":"R30","fields":[]}"#
        #expect(try json(text, [], reader: reader) == "{}")
    }

    @Test("named types come from imports, in namespaces, and by alias")
    func imports() throws {
        let money =
            #"{"type":"record","name":"Money","namespace":"shop","fields":["#
            + #"{"name":"minor","type":"long"}]}"#
        let click =
            #"{"type":"record","name":"shop.Click","fields":["#
            + #"{"name":"price","type":"Money"},{"name":"cost","type":["null","shop.Money"]}]}"#
        #expect(
            try json(click, [6, 2, 8], imports: [money])
                == #"{"price":{"minor":3},"cost":{"minor":4}}"#)
        #expect(throws: SchemaError("shop.Money", "is not a type that is known here")) {
            _ = try AvroSchema(click)
        }
    }

    @Test("a logical type that does not fit is left out, as the specification asks")
    func misfits() throws {
        #expect(try json(#"{"type":"string","logicalType":"date"}"#, [2, 0x61]) == #""a""#)
        #expect(
            try json(
                #"{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}"#, [2, 0x61])
                == #""YQ==""#)
    }

    @Test("decimals keep their digits, and times beyond the calendar stay numbers")
    func logical() throws {
        let wide = #"{"type":"bytes","logicalType":"decimal","precision":30,"scale":2}"#
        #expect(try json(wide, [0]) == "0.00")
        #expect(try json(wide, [2, 0xff]) == "-0.01")
        #expect(
            try json(wide, [20, 0x80] + Array(repeating: 0, count: 9))
                == "-6044629098073145873530.88")
        func instant(_ unit: String) -> String {
            #"{"type":"long","logicalType":"timestamp-\#(unit)"}"#
        }
        #expect(try json(instant("millis"), [1]) == #""1969-12-31T23:59:59.999Z""#)
        #expect(try json(instant("nanos"), [2]) == #""1970-01-01T00:00:00.000000001Z""#)
        #expect(
            try json(instant("millis"), [0xfe] + Array(repeating: 0xff, count: 8) + [1])
                == "9223372036854775807")
        #expect(
            try json(
                #"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#,
                [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])
                == #"{"months":1,"days":2,"milliseconds":3}"#)
        #expect(
            try json(
                #"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#, Array(0..<16))
                == #""00010203-0405-0607-0809-0a0b0c0d0e0f""#)
    }

    @Test("what cannot be resolved is told by the record that has it")
    func unresolved() throws {
        let decoder = try AvroDecoder(
            writer: AvroSchema(#"["int","string"]"#), reader: AvroSchema(#""long""#))
        #expect(try decoder.json([0, 4]) == "2")
        #expect(
            throws: PayloadFault(1, .unresolved("string was written where the reader has long"))
        ) {
            _ = try decoder.json([2, 2, 0x61])
        }
    }

    @Test(
        "schemas that are none are refused",
        arguments: [
            "", "{", "[]", "{}", "7", #""unheard""#, #"{"type":"record","name":"A"}"#,
            #"{"type":"enum","name":"E"}"#, #"{"type":"fixed","name":"F","size":-1}"#,
            #"[["null"]]"#, #"{"type":"record","name":"A","fields":[{"name":"a"}]}"#,
            #"{"type":"record","name":"A","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            String(repeating: "[", count: 100_000),
        ])
    func refused(text: String) {
        #expect(throws: SchemaError.self) { _ = try AvroSchema(text) }
    }

    @Test("a default that is not of its type is refused when the schema is taken")
    func badDefault() throws {
        let writer = try AvroSchema(#"{"type":"record","name":"A","fields":[]}"#)
        let reader = try AvroSchema(
            #"{"type":"record","name":"A","fields":[{"name":"a","type":"int","default":"x"}]}"#)
        #expect(throws: SchemaError("a", "its default is not of its type")) {
            _ = try AvroDecoder(writer: writer, reader: reader)
        }
    }
}
