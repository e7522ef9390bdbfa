import Events
import Foundation
import Mapping
import Records
import Testing

@Suite("Rules") struct RuleTests {
    private static func erasing(_ condition: String) throws -> Mapping {
        try MappingFixture.mapping(
            """
            rules: [{when: \(condition), then: erase, fields: {event_id: id, ts: at, user_id: user}}]
            otherwise: ignore
            """)
    }

    @Test(
        "a condition holds, or does not",
        arguments: [
            ("{path: a, equals: x}", true), ("{path: a, equals: y}", false),
            ("{path: n, equals: 5}", true), ("{path: t, equals: true}", true),
            ("{path: a, one_of: [y, x]}", true), ("{path: a, one_of: [y]}", false),
            ("{path: word, prefix: ab}", true), ("{path: word, prefix: bc}", false),
            ("{path: z, exists: true}", false), ("{path: z, exists: false}", true),
            ("{path: zz, exists: false}", true), ("{path: a, exists: true}", true),
            ("{not: {path: a, equals: x}}", false), ("{path: o, equals: x}", false),
            ("{all: [{path: a, equals: x}, {path: n, equals: 5}]}", true),
            ("[{path: a, equals: x}, {path: n, equals: 6}]", false),
            ("{any: [{path: a, equals: y}, {path: n, equals: 5}]}", true),
            ("{path: word, lower: true, equals: abc}", true),
            ("{record: topic, equals: shop}", true), ("{header: h, exists: true}", false),
        ])
    func condition(text: String, holds: Bool) throws {
        let found = MappingFixture.decode(
            try Self.erasing(text),
            """
            {"id": "1", "at": 1795953000000, "user": "u", "a": "x", "n": 5, "t": true,
             "word": "abC", "z": null, "o": {"x": 1}}
            """)
        #expect(found.events.count == (holds ? 1 : 0))
    }

    @Test("the first rule that takes a document counts")
    func first() throws {
        let mapping = try MappingFixture.mapping(
            """
            rules:
              - {name: noise, when: {path: kind, equals: ping}, then: ignore}
              - {name: bad, when: {path: kind, equals: bad}, then: dead_letter, reason: comes from the old shop}
              - {name: all, then: erase, fields: {event_id: id, ts: at, user_id: user}}
            otherwise: ignore
            """)
        func found(_ kind: String) -> [MappedElement] {
            MappingFixture.decode(
                mapping,
                "{\"kind\": \"\(kind)\", \"id\": \"1\", \"at\": 1795953000000, \"user\": \"u\"}")
        }
        #expect(found("ping").map(\.rule) == ["noise"])
        #expect(found("bad").reasons == ["topic 'shop', rule 'bad': comes from the old shop"])
        #expect(found("other").events.count == 1)
    }

    private static let order = """
        rules:
          - name: order
            then: purchase
            each: lines
            where: {not: {path: "@.gift", equals: true}}
            fields:
              event_id: {join: [id, {record: index}]}
              ts: at
              user_id: user.id
              item_id: "@.sku"
              price: {path: "@.price", required: true}
              quantity: "@.n"
              order_id: id
              context: {device: device, campaign: "@.campaign"}
        otherwise: dead_letter
        """

    private static func order(lines: Int, bad: Set<Int> = []) -> String {
        let items = (0..<lines).map {
            bad.contains($0)
                ? "{\"sku\": \"s\($0)\"}"
                : "{\"sku\": \"s\($0)\", \"price\": \($0 + 1).5, \"n\": 2, \"campaign\": \"c\($0 % 3)\"}"
        }
        return """
            {"id": "o-1", "at": "2026-11-29T10:30:00Z", "user": {"id": 7}, "device": "phone",
             "lines": [\(items.joined(separator: ", "))]}
            """
    }

    @Test("each of 50 lines is a purchase, as if it had come alone")
    func fanOut() throws {
        let mapping = try MappingFixture.mapping(Self.order)
        let found = MappingFixture.decode(mapping, Self.order(lines: 50))
        #expect(found.map(\.index) == Array(0..<50))
        #expect(found.events.count == 50)
        for (index, event) in found.events.enumerated() {
            let context: [Event.Attribute] = [
                .init("campaign", .text("c\(index % 3)")), .init("device", .text("phone")),
            ]
            let expected = Event(
                eventID: "o-1-\(index)", tsMs: 1_795_948_200_000,
                body: .purchase(
                    Event.Purchase(
                        offer: Event.Offer(
                            userID: "7", itemID: "s\(index)", price: Double(index) + 1.5,
                            context: context), quantity: 2, orderID: "o-1")))
            #expect(event == expected)
        }
    }

    @Test("a line that is wrong is refused by its number, and the others are taken")
    func badLine() throws {
        let mapping = try MappingFixture.mapping(Self.order)
        let found = MappingFixture.decode(mapping, Self.order(lines: 5, bad: [1, 3]))
        #expect(found.events.map(\.eventID) == ["o-1-0", "o-1-2", "o-1-4"])
        #expect(
            found.reasons == [
                "topic 'shop', rule 'order', element 2: price: is missing (from @.price)",
                "topic 'shop', rule 'order', element 4: price: is missing (from @.price)",
            ])
    }

    @Test("what is wrong with the record is told of every line")
    func badParent() throws {
        let mapping = try MappingFixture.mapping(Self.order)
        let text = Self.order(lines: 2).replacing("\"device\": \"phone\"", with: "\"device\": []")
        let found = MappingFixture.decode(mapping, text)
        #expect(found.events.isEmpty && found.reasons.count == 2)
        #expect(found.reasons.allSatisfy { $0.contains("context.device: must be a text") })
    }

    @Test("the same record comes to the same events, however often it is read")
    func stable() throws {
        let decoder = MappingDecoder(try MappingFixture.mapping(Self.order), EventDecoder())
        let first = MappingFixture.record(Self.order(lines: 9, bad: [4]))
        var again = first
        again.offset = 999
        again.timestampMs = 1_795_960_000_000
        let found = decoder.decode(first, clockMs: nil)
        _ = decoder.decode(MappingFixture.record("{\"lines\": 4}"), clockMs: nil)
        let other = decoder.decode(again, clockMs: nil)
        #expect(found.events == other.events)
        #expect(found.reasons == other.reasons)
    }

    @Test("lines of no interest, no lines and no array")
    func empty() throws {
        let mapping = try MappingFixture.mapping(Self.order)
        let gift = "{\"lines\": [{\"gift\": true}]}"
        for text in [gift, "{\"lines\": []}", "{\"lines\": null}", "{}"] {
            let found = MappingFixture.decode(mapping, text)
            #expect(found.count == 1 && found.events.isEmpty && found.reasons.isEmpty)
        }
        #expect(
            MappingFixture.decode(mapping, "{\"lines\": 4}").reasons == [
                "topic 'shop', rule 'order': each: must be an array, not 4 (from lines)"
            ])
    }

    @Test("time for 50 times as many lines is about 50 times as much")
    func linear() throws {
        let decoder = MappingDecoder(try MappingFixture.mapping(Self.order), EventDecoder())
        func seconds(_ lines: Int) -> Double {
            let record = MappingFixture.record(Self.order(lines: lines))
            return (0..<5).map { _ in
                let before = MappingFixture.threadSeconds
                #expect(decoder.decode(record, clockMs: nil).events.count == lines)
                return MappingFixture.threadSeconds - before
            }.min() ?? 0
        }
        let few = seconds(100)
        let many = seconds(5_000)
        // Quadratic would be 2,500 times; shared machines are noisy.
        #expect(many < few * 250, "\(few) s for 100 lines, \(many) s for 5,000")
    }

    @Test("a record of too many elements is refused whole")
    func tooMany() throws {
        let mapping = try MappingFixture.mapping(
            """
            rules: [{then: erase, each: a, fields: {event_id: {join: [{record: index}, "@"]}, ts: t, user_id: "@"}}]
            otherwise: ignore
            """)
        func text(_ count: Int) -> String {
            "{\"t\": 1795953000000, \"a\": ["
                + repeatElement("\"x\"", count: count).joined(separator: ",")
                + "]}"
        }
        #expect(
            MappingFixture.decode(mapping, text(Mapping.elementsMax)).events.count
                == Mapping.elementsMax)
        let found = MappingFixture.decode(mapping, text(Mapping.elementsMax + 1))
        #expect(found.reasons == ["the record has more than 10000 elements"])
        #expect(found.events.isEmpty)
    }

    @Test("documents come as an array, as lines, and as rows of a table")
    func documents() throws {
        let rule =
            "rules: [{name: r, then: erase, fields: {event_id: id, ts: at, user_id: user}}]\notherwise: ignore"
        let one = "{\"id\": \"1\", \"at\": 1795953000000, \"user\": \"u\"}"
        let other = "{\"id\": \"2\", \"at\": 1795953000000}"
        let array = MappingFixture.decode(
            try MappingFixture.mapping(rule), "[\(one), \(other), 5]")
        #expect(array.events.map(\.eventID) == ["1"])
        #expect(
            array.reasons == [
                "topic 'shop', document 2, rule 'r': user_id: is missing (from user)",
                "topic 'shop', document 3: the record must be a JSON object, not 5",
            ])
        let lines = MappingFixture.decode(
            try MappingFixture.mapping("format: lines\n" + rule), "\(one)\n\n{broken\n\(one)\n")
        #expect(lines.events.count == 2 && lines.reasons.count == 1)
        #expect(lines.reasons[0].hasPrefix("topic 'shop', document 2: the record is not a JSON"))
        let table = MappingFixture.decode(
            try MappingFixture.mapping("format: csv\ncolumns: [id, at, user]\n" + rule),
            "id,at,user\r\n\"a,\"\"b\",1795953000000,u\r\nc,1795953000000,\r\nd,1\r\n")
        #expect(table.events.map(\.eventID) == ["a,\"b"])
        #expect(table.reasons.count == 2)
        #expect(table.reasons[1].contains("it has 2 columns where there should be 3"))
        let tabs = MappingFixture.decode(
            try MappingFixture.mapping("format: tsv\ncolumns: [id, at, user]\n" + rule),
            "\"a\t1795953000000\tu")
        #expect(tabs.events.map(\.eventID) == ["\"a"])
    }

    @Test("a whole record that is none is one refusal, which says what it looks like")
    func unreadable() throws {
        let mapping = try MappingFixture.mapping(Self.order)
        let avro = SourceRecord(
            position: TopicPartition(topic: "shop", partition: 0), offset: 1,
            value: [0, 0, 0, 0, 7, 2, 0x41, 0x42])
        let found = MappingFixture.decode(mapping, avro)
        #expect(found.reasons.count == 1)
        #expect(found.reasons[0].contains("schema id 7"))
        #expect(MappingFixture.decode(mapping, "7").reasons.count == 1)
        #expect(MappingFixture.decode(mapping, "").reasons.count == 1)
        let large = String(repeating: " ", count: 1 << 20) + "{}"
        #expect(MappingFixture.decode(mapping, large).reasons[0].contains("more than the 1048576"))
    }

    @Test("events are held to the rules that all events are held to")
    func limits() throws {
        let mapping = try MappingFixture.click([:])
        let long = String(repeating: "x", count: EventLimits.idBytesMax + 1)
        let found = MappingFixture.decode(
            mapping,
            "{\"id\": \"\(long)\", \"at\": 1795953000000, \"user\": \"u\", \"item\": \"i\", \"price\": 5}"
        )
        #expect(
            found.reasons == [
                "topic 'shop', rule 'seen': event_id: must be at most 256 bytes long, not 257 (from id)"
            ])
        let ahead = MappingFixture.decode(
            mapping,
            "{\"id\": \"a\", \"at\": 1795954000000, \"user\": \"u\", \"item\": \"i\", \"price\": 5}"
        )
        #expect(ahead.reasons.first?.contains("ahead of the record's own timestamp") == true)
    }
}
