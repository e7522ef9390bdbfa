import Events
import Mapping
import Records
import Testing

@Suite("Sources and conversions") struct SourceTests {
    /// The context of the click that a rule with this source of `context.x` makes.
    private func value(
        _ source: String, _ document: String, headers: [(String, String)] = [], key: String? = nil
    ) throws -> Event.Attribute.Value? {
        let mapping = try MappingFixture.click(["context": "{x: \(source) }"])
        let text = """
            {"id": "a", "at": 1795953000000, "user": "u", "item": "i", "price": 5, \(document)}
            """
        let found = MappingFixture.decode(
            mapping, MappingFixture.record(text, headers: headers, key: key))
        #expect(found.reasons.isEmpty, "\(found.reasons)")
        return try #require(found.events.first?.offer).context.first?.value
    }

    private func refusal(_ source: String, _ document: String) throws -> String? {
        let mapping = try MappingFixture.click(["context": "{x: \(source) }"])
        let text = """
            {"id": "a", "at": 1795953000000, "user": "u", "item": "i", "price": 5, \(document)}
            """
        return MappingFixture.decode(mapping, text).reasons.first
    }

    @Test("paths go through objects and arrays, by place, by key and by what an element says")
    func paths() throws {
        let document = """
            "a": {"b": [{"k": "x", "v": 1}, {"k": "y", "v": {"w": 2}}], "c.d": "dotted"}, "@id": "odd"
            """
        #expect(try value("\"a.b[0].v\"", document) == .number(1))
        #expect(try value("\"a.b[k=y].v.w\"", document) == .number(2))
        #expect(try value("'a.b[k=\"y\"].v.w'", document) == .number(2))
        #expect(try value("'a[\"c.d\"]'", document) == .text("dotted"))
        #expect(try value("'[\"@id\"]'", document) == .text("odd"))
        #expect(try value("\"a.b[2].v\"", document) == nil)
        #expect(try value("\"a.b[k=z].v\"", document) == nil)
        #expect(try value("a.nothing.at.all", document) == nil)
        #expect(try value("\"$.a.b[0].k\"", document) == .text("x"))
    }

    @Test("null and the empty text are no values, and the first that is one counts")
    func absent() throws {
        let document = "\"a\": null, \"b\": \"\", \"c\": 0, \"d\": false"
        #expect(try value("[a, b, c, d]", document) == .number(0))
        #expect(try value("[a, b, d]", document) == .text("false"))
        #expect(try value("[a, b]", document) == nil)
        #expect(try value("{path: a, default: none}", document) == .text("none"))
    }

    @Test("a record says its key, headers, time, topic, partition and offset")
    func record() throws {
        #expect(try value("{record: key}", "\"x\": 1", key: "k-1") == .text("k-1"))
        #expect(try value("{record: topic}", "\"x\": 1") == .text("shop"))
        #expect(try value("{record: partition}", "\"x\": 1") == .number(3))
        #expect(try value("{record: offset}", "\"x\": 1") == .number(41))
        #expect(try value("{record: timestamp}", "\"x\": 1") == .number(1_795_953_000_000))
        #expect(
            try value("{header: source}", "\"x\": 1", headers: [("source", "web")]) == .text("web"))
        #expect(try value("{header: source}", "\"x\": 1") == nil)
    }

    @Test("texts are joined, trimmed, made small and looked up")
    func texts() throws {
        let document = "\"a\": \" Big \", \"b\": 7, \"c\": null"
        #expect(try value("{join: [a, b], with: \"/\"}", document) == .text(" Big /7"))
        #expect(try value("{join: [a, c]}", document) == nil)
        #expect(try value("{path: a, trim: true, lower: true}", document) == .text("big"))
        #expect(
            try value("{path: b, table: {\"7\": seven}, text: true}", document) == .text("seven"))
        #expect(
            try value("{path: b, table: {\"8\": eight}, otherwise: other}", document)
                == .text("other"))
        let refused = try refusal("{path: b, table: {\"8\": eight}}", document)
        #expect(
            refused?.contains("context.x: has no entry for \"7\" in the table (from b)") == true)
    }

    @Test("numbers are read, grouped, multiplied, divided and summed")
    func numbers() throws {
        let document = """
            "a": "1.234,50", "b": 1990, "c": [{"v": 2, "n": 3}, {"v": 4}, {"v": null}], "d": ["1.5", 2]
            """
        #expect(
            try value("{path: a, number: {decimal: \",\", grouping: \".\"}}", document)
                == .number(1234.5))
        #expect(try value("{path: b, divide: 100}", document) == .number(19.9))
        #expect(try value("{path: b, multiply: 2}", document) == .number(3980))
        #expect(try value("{path: b, divide: b}", document) == .number(1))
        #expect(try value("{sum: \"c[*].v\"}", document) == .number(6))
        #expect(try value("{sum: \"c[*]\", of: v, times: n}", document) == .number(10))
        #expect(try value("{sum: \"d[*]\"}", document) == .number(3.5))
        #expect(try value("{sum: \"e[*]\"}", document) == nil)
        #expect(try value("{count: \"c[*]\"}", document) == .number(3))
        #expect(try value("{add: [b, missing, b]}", document) == .number(3980))
        let refused = try refusal("{path: a, divide: 2}", document)
        #expect(refused?.contains("must be a number, not \"1.234,50\"") == true)
        #expect(try refusal("{path: b, divide: {path: z, default: 0}}", document) != nil)
    }

    @Test(
        "times are read in every unit and form",
        arguments: [
            ("{path: t, time: s}", "1795953000", 1_795_953_000_000),
            ("{path: t, time: s}", "1795953000.25", 1_795_953_000_250),
            ("{path: t, time: ms}", "\"1795953000123\"", 1_795_953_000_123),
            ("{path: t, time: us}", "\"1795953000123999\"", 1_795_953_000_123),
            ("{path: t, time: ns}", "1795953000123999999", 1_795_953_000_123),
            ("{path: t, time: iso}", "\"2026-11-29T10:30:00+02:00\"", 1_795_941_000_000),
            ("{path: t, time: iso, zone: UTC}", "\"2026-11-29 10:30:00.5\"", 1_795_948_200_500),
            ("{path: t, time: iso, zone: \"+02:00\"}", "\"2026-11-29\"", 1_795_903_200_000),
            (
                "{path: t, time: \"dd.MM.yyyy HH:mm\", zone: \"-05:00\"}",
                "\"29.11.2026 05:30\"", 1_795_948_200_000
            ),
            (
                "{path: t, time: \"yyyy-MM-dd HH:mm:ss.SSS Z\"}", "\"2026-11-29 10:30:00.25 UTC\"",
                1_795_948_200_250
            ),
            ("t", "\"2026-11-29T10:30:00Z\"", 1_795_948_200_000),
            ("t", "\"1795948200000\"", 1_795_948_200_000),
        ])
    func times(source: String, text: String, ms: Int64) throws {
        let mapping = try MappingFixture.click(["ts": source])
        let found = MappingFixture.decode(
            mapping,
            "{\"id\": \"a\", \"t\": \(text), \"user\": \"u\", \"item\": \"i\", \"price\": 5}")
        #expect(found.reasons.isEmpty, "\(found.reasons)")
        #expect(found.events.first?.tsMs == ms)
    }

    @Test(
        "what is no such time is refused by its field",
        arguments: [
            ("{path: t, time: iso}", "\"2026-11-29T10:30:00\""), ("{path: t, time: s}", "true"),
            ("{path: t, time: iso, zone: UTC}", "\"2026-02-30\""), ("t", "1795953000"),
            ("{path: t, time: \"yyyy-MM-dd\", zone: UTC}", "\"2026-11-29 \""), ("t", "{}"),
            ("{path: t, time: s}", "9223372036854775807"), ("{path: t, time: s}", "1e300"),
        ])
    func badTimes(source: String, text: String) throws {
        let mapping = try MappingFixture.click(["ts": source])
        let found = MappingFixture.decode(
            mapping,
            "{\"id\": \"a\", \"t\": \(text), \"user\": \"u\", \"item\": \"i\", \"price\": 5}")
        let reason = try #require(found.reasons.first)
        #expect(reason.hasPrefix("topic 'shop', rule 'seen': ts: "), "\(reason)")
        #expect(reason.hasSuffix("(from t)"), "\(reason)")
    }

    @Test("a discount is a share of the list price")
    func discounts() throws {
        for (source, discount) in [
            ("{paid: paid}", 0.2), ("{off: off}", 0.2), ("{path: percent, divide: 100}", 0.2),
            ("{off: off, of: {add: [price, off]}}", 1.0 / 6), ("{paid: price}", 0),
            ("{paid: nothing}", 0),
        ] {
            let mapping = try MappingFixture.click(["discount": source])
            let found = MappingFixture.decode(
                mapping,
                """
                {"id": "a", "at": 1795953000000, "user": "u", "item": "i", "price": "10.00",
                 "paid": 8, "off": 2, "percent": 20}
                """)
            #expect(found.events.first?.offer?.discount == discount, "\(source): \(found.reasons)")
        }
    }

    @Test("an id that is a number keeps its digits, or is refused")
    func ids() throws {
        let mapping = try MappingFixture.click([:])
        func found(_ id: String) -> [MappedElement] {
            MappingFixture.decode(
                mapping,
                "{\"id\": \"a\", \"at\": 1795953000000, \"user\": \(id), \"item\": \"i\", \"price\": 5}"
            )
        }
        #expect(found("541312140").events.first?.userID == "541312140")
        #expect(found("820982911946154508").events.first?.userID == "820982911946154508")
        #expect(found("5.0").events.first?.userID == "5")
        #expect(
            found("18446744073709551615").reasons.first?.contains("whose digits are lost") == true)
        #expect(
            found("null").reasons == [
                "topic 'shop', rule 'seen': user_id: is missing (from user)"
            ])
        #expect(found("[]").reasons.first?.contains("user_id: must be a text or a number") == true)
    }

    @Test("amounts are taken in the shop's currency, at a rate, or not at all")
    func currencies() throws {
        let top = "currency: {base: EUR, field: cur, rates: {USD: 0.5}}"
        let mapping = try MappingFixture.click([:], top: top)
        let minor = try MappingFixture.click(
            ["price": "{path: price, divide: minor_units}"],
            top: "currency: {base: EUR, field: cur, rates: {JPY: 0.01, BHD: 2}}")
        func found(_ mapping: Mapping, _ price: String, _ currency: String) -> [MappedElement] {
            MappingFixture.decode(
                mapping,
                """
                {"id": "a", "at": 1795953000000, "user": "u", "item": "i", "price": \(price), "cur": \(currency)}
                """)
        }
        #expect(found(mapping, "10", "\"EUR\"").events.first?.offer?.price == 10)
        #expect(found(mapping, "10", "null").events.first?.offer?.price == 10)
        #expect(found(mapping, "10", "\"usd\"").events.first?.offer?.price == 5)
        #expect(
            found(mapping, "6400", "\"JPY\"").reasons.first?.contains("currency: is JPY") == true)
        #expect(found(minor, "3990", "\"EUR\"").events.first?.offer?.price == 39.9)
        #expect(found(minor, "6400", "\"JPY\"").events.first?.offer?.price == 64)
        #expect(found(minor, "1500", "\"BHD\"").events.first?.offer?.price == 3)
    }

    @Test("a field that must be there is missed by the element")
    func required() throws {
        let mapping = try MappingFixture.click(["session_id": "{path: visit, required: true}"])
        let found = MappingFixture.decode(
            mapping,
            "{\"id\": \"a\", \"at\": 1795953000000, \"user\": \"u\", \"item\": \"i\", \"price\": 5}"
        )
        #expect(
            found.reasons == [
                "topic 'shop', rule 'seen': session_id: is missing (from visit)"
            ])
    }

    @Test("numbers that are too large together are refused, and no trap")
    func tooLarge() throws {
        let document = "\"a\": 1e308, \"b\": [1e308, 1e308], \"c\": -1e308"
        for source in ["{add: [a, a]}", "{sum: \"b[*]\"}", "{add: [c, c]}"] {
            let reason = try refusal(source, document)
            #expect(reason?.contains("context.x: is too large a number") == true, "\(reason ?? "")")
        }
    }

    @Test("a name that a map has twice, as a number and as a text, is refused")
    func twice() throws {
        let mapping = try MappingFixture.click(["context": "{1: kind, \"1\": kind, 0: kind}"])
        let document = """
            {"id": "a", "at": 1795953000000, "user": "u", "item": "i", "price": 5, "kind": "x"}
            """
        let reason = MappingFixture.decode(mapping, document).reasons.first
        #expect(
            reason?.contains("1: the key is there twice in one object") == true, "\(reason ?? "")")
    }

    @Test("what is written of an element is Tidemark's own JSON, and reads as the same event")
    func written() throws {
        let long = String(repeating: "long \\\" text ", count: 400)
        let mapping = try MappingFixture.click([
            "event_id": "{join: [id, item]}", "price": "{path: price, divide: 4}",
            "context": "{\"a\\\"b\": on, large: large, none: none}",
            "item": "{description: {path: text, trim: true}, attributes: {size: size}}",
        ])
        let decoder = MappingDecoder(mapping, EventDecoder())
        decoder.keepsWritten = true
        for text in ["short", long] {
            let document = """
                {"id": "a", "at": "2026-01-02T03:04:05Z", "user": "u\\n", "item": 7, "price": 5,
                "on": true, "large": 1e300, "text": "\(text)", "size": 42}
                """
            let found = decoder.decode(MappingFixture.record(document), clockMs: nil)
            let written = try #require(found.first?.written)
            #expect(found.events == [try EventDecoder().decode(written)], "\(found.reasons)")
            #expect(
                String(decoding: written, as: UTF8.self).hasPrefix(
                    """
                    {"type":"click","price":1.25,"event_id":"a-7","ts":"2026-01-02T03:04:05Z","item_id":"7","user_id":"u\\n",
                    """))
        }
    }
}
