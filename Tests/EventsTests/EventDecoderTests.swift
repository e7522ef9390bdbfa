import Events
import Records
import Testing

/// Decodes `json` and returns the error's sentence, or "" for an event.
func verdict(
    _ json: String, timestampMs: Int64? = nil, defaultType: EventType? = nil,
    limits: EventLimits = EventLimits()
) -> String {
    do throws(EventError) {
        _ = try EventDecoder(limits: limits).decode(
            Array(json.utf8), timestampMs: timestampMs, defaultType: defaultType)
        return ""
    } catch {
        return error.description
    }
}

/// What an id must be.
private let anID = "a non-empty string or a whole number of 64 bits"

/// A valid click, with members replaced by, or followed by, those given.
func click(_ changes: [(String, String?)] = []) -> String {
    var members: [(String, String)] = [
        ("type", "\"click\""), ("event_id", "\"e1\""), ("ts", "1700000000000"),
        ("user_id", "\"u1\""), ("item_id", "\"i1\""), ("price", "9.5"),
    ]
    for (key, value) in changes {
        members.removeAll { $0.0 == key }
        if let value { members.append((key, value)) }
    }
    return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
}

@Suite struct EventDecoderTests {
    @Test("every field of a click arrives")
    func wholeClick() throws {
        let json = """
            {"type":"click","event_id":"e1","ts":"2023-11-14T22:13:20.5Z","user_id":"u1",
            "item_id":"i1","price":10,"discount":0.25,"recommendation_id":"r1","propensity":0.5,
            "position":3,"session_id":"s1","context":{"page":"home","a":1,"b":-2.5},
            "item":{"title":"Tea","category":"","attributes":{"bio":true,"size":"L"}},"new":[1,{}]}
            """
        let event = try EventDecoder().decode(Array(json.utf8))
        var item = Event.Item(itemID: "i1", title: "Tea")
        item.attributes = [.init("bio", .text("true")), .init("size", .text("L"))]
        var offer = Event.Offer(
            userID: "u1", itemID: "i1", price: 10, discount: 0.25, recommendationID: "r1",
            propensity: 0.5,
            context: [
                .init("a", .number(1)), .init("b", .number(-2.5)), .init("page", .text("home")),
            ])
        offer.position = 3
        offer.sessionID = "s1"
        offer.item = item
        #expect(event == Event(eventID: "e1", tsMs: 1_700_000_000_500, body: .click(offer)))
        #expect(event.type == .click && event.userID == "u1" && event.itemID == "i1")
    }

    @Test("an id has one spelling: what is not in normal form C is refused by name")
    func spellings() throws {
        let (composed, decomposed) = ("caf\u{e9} \u{1f44d}", "cafe\u{301} \u{1f44d}")
        #expect(composed == decomposed)
        for field in ["user_id", "item_id", "event_id", "session_id", "recommendation_id"] {
            #expect(verdict(click([(field, "\"\(composed)\"")])) == "")
            let refusal = verdict(click([(field, "\"\(decomposed)\"")]))
            #expect(refusal.contains(field) && refusal.contains("normal form C"), "\(refusal)")
        }
        // Hangul and the Angstrom sign have two spellings as well, texts are free.
        #expect(verdict(click([("user_id", "\"\u{1112}\u{1161}\"")])) != "")
        #expect(verdict(click([("user_id", "\"\u{d558}\"")])) == "")
        #expect(verdict(click([("item_id", "\"\u{212b}\"")])) != "")
        #expect(verdict(click([("item", "{\"title\":\"\(decomposed)\"}")])) == "")
    }

    @Test("the other types arrive with their own fields and defaults")
    func otherTypes() throws {
        let decoder = EventDecoder()
        func body(_ json: String) throws -> Event.Body {
            try decoder.decode(Array(json.utf8)).body
        }
        let common = #""event_id":"e","ts":1700000000000,"user_id":"u""#
        let offer = Event.Offer(userID: "u", itemID: "i", price: 2)
        #expect(
            try body("{\"type\":\"purchase\",\(common),\"item_id\":\"i\",\"price\":2}")
                == .purchase(.init(offer: offer, quantity: 1)))
        #expect(
            try body(
                """
                {"type":"purchase",\(common),"item_id":"i","price":2,"quantity":3.0,"paid":0,
                "order_id":"o"}
                """)
                == .purchase(.init(offer: offer, quantity: 3, paid: 0, orderID: "o")))
        #expect(
            try body("{\"type\":\"refund\",\(common),\"order_id\":\"o\",\"quantity\":2}")
                == .refund(.init(userID: "u", orderID: "o", quantity: 2)))
        #expect(
            try body(
                """
                {"type":"outcome",\(common),"item_id":"i","price":2,"clicked":true,
                "purchased":false,"sampling_rate":0.1}
                """)
                == .outcome(
                    .init(offer: offer, clicked: true, purchased: false, samplingRate: 0.1)))
        #expect(
            try body(
                #"{"type":"item","event_id":"e","ts":1700000000000,"item_id":"i","title":"T","stock":-1}"#
            )
                == .item(.init(itemID: "i", title: "T", stock: -1)))
        var deleted = Event.Item(itemID: "i", title: nil)
        deleted.deleted = true
        #expect(
            try body(
                #"{"type":"item","event_id":"e","ts":1700000000000,"item_id":"i","deleted":true}"#)
                == .item(deleted))
        #expect(try body("{\"type\":\"erase\",\(common)}") == .erase(userID: "u"))
        #expect(try body("{\"type\":\"objection\",\(common)}") == .objection(userID: "u"))
    }

    @Test(
        "a guest is the anonymous id, else the visit; an id that many share says nothing beside one"
    )
    func guests() throws {
        let limits = EventLimits(sharedIDs: ["guest"])
        func shopper(_ changes: [(String, String?)]) throws -> String? {
            try EventDecoder(limits: limits).decode(Array(click(changes).utf8)).userID
        }
        let both: [(String, String?)] = [("anonymous_id", "\"a\""), ("session_id", "5")]
        #expect(try shopper(both) == "u1")
        #expect(try shopper(both + [("user_id", nil)]) == "a")
        #expect(try shopper(both + [("user_id", "\"\"")]) == "a")
        #expect(try shopper(both + [("user_id", "null"), ("anonymous_id", nil)]) == "5")
        #expect(try shopper(both + [("user_id", "\"guest\"")]) == "a")
        #expect(
            try shopper([
                ("user_id", "\"guest\""), ("anonymous_id", "\"guest\""), ("session_id", "\"s\""),
            ]) == "s")
        #expect(try shopper([("user_id", "\"guest\"")]) == "guest")
        #expect(try shopper([("user_id", "-42")]) == "-42")
        #expect(try shopper([("user_id", "42.0")]) == "42")
        for shared in [
            #""user_id":"guest","anonymous_id":"a""#, #""user_id":"u","anonymous_id":"guest""#,
        ] {
            #expect(
                verdict(
                    #"{"type":"identify","event_id":"e","ts":1700000000000,\#(shared)}"#,
                    limits: limits
                ).contains("is an id that many share"))
        }
    }

    @Test("a refund needs no user, an update of an item no title, an offer no price")
    func leftOut() throws {
        func body(_ json: String) throws -> Event.Body {
            try EventDecoder().decode(Array(json.utf8)).body
        }
        let common = #""event_id":"e","ts":1700000000000"#
        #expect(
            try body("{\"type\":\"refund\",\(common),\"order_id\":17}")
                == .refund(.init(userID: nil, orderID: "17")))
        #expect(
            try body("{\"type\":\"item\",\(common),\"item_id\":\"i\",\"stock\":0}")
                == .item(.init(itemID: "i", title: nil, stock: 0)))
        let bare = try body(click([("price", nil)]))
        #expect(bare == .click(.init(userID: "u1", itemID: "i1", price: 0)))
        let inline = try EventDecoder().decode(
            Array(click([("price", nil), ("item", "{\"price\":7}")]).utf8))
        #expect(inline.offer?.price == 0 && inline.offer?.item?.price == 7)
        #expect(
            try body("{\"type\":\"identify\",\(common),\"user_id\":7,\"anonymous_id\":\"a\"}")
                == .identify(anonymousID: "a", userID: "7"))
    }

    @Test(
        "a bad value is refused with its field and the reason",
        arguments: [
            ("price", "-3.5", "price: must be a number above 0, not -3.5"),
            ("price", "0", "price: must be a number above 0, not 0"),
            ("price", "\"9\"", "price: must be a number above 0, not \"9\""),
            ("price", "1e13", "price: must be a number of at most 10^12, not 10000000000000.0"),
            ("discount", "1", "discount: must be a number in [0, 1), not 1"),
            ("discount", "-0.1", "discount: must be a number in [0, 1), not -0.1"),
            ("discount", "true", "discount: must be a number in [0, 1), not true"),
            ("propensity", "0", "propensity: must be a number in (0, 1], not 0"),
            ("propensity", "1.01", "propensity: must be a number in (0, 1], not 1.01"),
            ("position", "-1", "position: must be an integer of 0 or more, not -1"),
            ("position", "1.5", "position: must be an integer of 0 or more, not 1.5"),
            ("user_id", "1.5", "user_id: must be \(anID), not 1.5"),
            ("user_id", "1e300", "user_id: must be \(anID), not 1e+300"),
            ("user_id", "\"\"", "user_id: must be \(anID), not \"\""),
            ("user_id", nil, "user_id: is missing"),
            ("item_id", "[]", "item_id: must be \(anID), not an array"),
            ("event_id", "{}", "event_id: must be \(anID), not an object"),
            ("type", nil, "type: is missing"),
            (
                "type", "\"view\"",
                "type: must be one of impression, click, purchase, refund, item, outcome, erase, "
                    + "identify, objection, not \"view\""
            ),
            (
                "ts", "\"yesterday\"",
                "ts: must be an RFC 3339 date-time or epoch milliseconds, from 2000 to 9999, "
                    + "not \"yesterday\""
            ),
            ("context", "[]", "context: must be an object, not an array"),
            (
                "context", "{\"a\":{\"b\":1}}",
                "context.a: must be a string, a number, true or false, not an object"
            ),
            ("item", "\"Tea\"", "item: must be an object, not \"Tea\""),
            ("item", "{\"price\":-1}", "item.price: must be a number above 0, not -1"),
            (
                "item", "{\"item_id\":\"i2\"}",
                "item.item_id: must be the event's own item_id or be left out, not \"i2\""
            ),
        ] as [(String, String?, String)])
    func badFields(field: String, value: String?, expected: String) {
        #expect(verdict(click([(field, value)])) == expected)
    }

    @Test("what belongs together is asked for together")
    func combinations() {
        let common = #""event_id":"e","ts":1700000000000,"user_id":"u""#
        #expect(
            verdict("{\"type\":\"refund\",\(common)}")
                == "order_id: is missing, and so is purchase_event_id; one is needed")
        #expect(
            verdict("{\"type\":\"outcome\",\(common),\"item_id\":\"i\",\"price\":1}")
                == "clicked: is missing, and so is purchased; one is needed")
        #expect(
            verdict(#"{"type":"item","event_id":"e","ts":1700000000000,"item_id":"i"}"#)
                == "title: is missing")
        #expect(
            verdict(
                "{\"type\":\"purchase\",\(common),\"item_id\":\"i\",\"price\":1,\"quantity\":-25}")
                == "quantity: must be an integer of 1 or more, not -25")
    }

    @Test("a record that is no JSON object is refused in words")
    func malformed() {
        #expect(verdict("") == "the record is not a JSON document: it is empty")
        #expect(verdict("[1]") == "the record must be a JSON object, not an array")
        #expect(verdict("{\"a\":1} {}").hasPrefix("the record is not a JSON document"))
        #expect(verdict("{\"a\":").hasPrefix("the record is not a JSON document"))
        #expect(
            verdict(click([("price", "NaN")]))
                == "the record is not a JSON document: it holds NaN, which JSON does not have")
        #expect(
            verdict(click([("price", "-Infinity")])).contains("it holds -Infinity, which JSON"))
        #expect(
            verdict(click([("price", "1e999")]))
                == "the record is not a JSON document: a number in it is malformed or does not "
                + "fit 64 bits")
        #expect(
            verdict(click() + " trailing").hasPrefix("the record is not a JSON document"))
        for half in [#"\udc00"#, #"\ud800"#, #"\ud800\u0041"#, #"\udfff\ud800"#, #"\ud83d\ud83d"#] {
            let reason =
                "the record is not a JSON document: a string in it has an escape that stands for "
                + "no character"
            #expect(verdict(click([("x", "\"a\(half)\"")])) == reason)
            #expect(verdict(click([("a\(half)b", "1")])) == reason)
        }
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect(
            verdict(click([("x", deep)]))
                == "the record is not a JSON document: it is nested deeper than 32 levels")
    }

    @Test("a key that is there twice is refused at any level")
    func duplicateKeys() {
        let twice = "{\"type\":\"click\",\"price\":1,\"price\":2}"
        #expect(verdict(twice) == "price: the key is there twice in one object")
        #expect(
            verdict(click([("x", "[{\"a\":{\"k\":1,\"k\":1}}]")]))
                == "k: the key is there twice in one object")
        let many = (0..<100).map { "\"key\($0 % 99)\":0" }.joined(separator: ",")
        #expect(
            verdict(click([("x", "{\(many)}")])) == "key0: the key is there twice in one object")
        let escaped = #"{"a\u0062":1,"ab":2}"#
        #expect(
            verdict(click([("x", escaped)])) == "ab: the key is there twice in one object")
    }

    @Test("bytes that are not UTF-8, null payloads and oversized records are refused")
    func badBytes() {
        let decoder = EventDecoder(limits: EventLimits(recordBytesMax: 10_000))
        var bytes = Array(click().utf8)
        bytes[bytes.count - 9] = 0xff
        #expect(throws: EventError.notUTF8) { try decoder.decode(bytes) }
        let position = TopicPartition(topic: "t", partition: 0)
        #expect(throws: EventError.tombstone) {
            try decoder.decode(SourceRecord(position: position, offset: 1, value: nil))
        }
        let huge = [UInt8](repeating: 0x20, count: 10 << 20)
        #expect(throws: EventError.tooLarge(byteCount: 10 << 20, byteCountMax: 10_000)) {
            try decoder.decode(huge)
        }
        #expect(throws: Never.self) { try decoder.decode(Array(click().utf8)) }
    }

    @Test("a clock more than the skew ahead of the record's time is refused, any delay is not")
    func clockSkew() {
        let now: Int64 = 1_700_000_000_000
        let year2099 = click([("ts", "\"2099-01-01T00:00:00Z\"")])
        #expect(
            verdict(year2099, timestampMs: now)
                == "ts: is 27441 days ahead of the record's own timestamp, more than the "
                + "5 minutes allowed")
        #expect(verdict(year2099) == "", "without a record time there is nothing to compare with")
        #expect(verdict(click([("ts", "\(now + 300_000)")]), timestampMs: now) == "")
        #expect(verdict(click([("ts", "\(now + 300_001)")]), timestampMs: now) != "")
        #expect(verdict(click([("ts", "946684800000")]), timestampMs: now) == "")
        #expect(verdict(click(), timestampMs: .min) != "")
        #expect(
            verdict(click([("ts", "\(now + 2)")]), timestampMs: now, limits: .init(skewMaxMs: 1))
                == "ts: is 2 ms ahead of the record's own timestamp, more than the 1 ms allowed")
    }

    @Test("a topic's default type stands in for a missing one, never for a wrong one")
    func defaultType() throws {
        let bare = Array(click([("type", nil)]).utf8)
        #expect(try EventDecoder().decode(bare, defaultType: .impression).type == .impression)
        #expect(verdict(click([("type", "1")]), defaultType: .click).hasPrefix("type: must be"))
    }

    @Test("Confluent's frame is taken off, and a frame without a body is refused")
    func confluentFraming() throws {
        let framed: [UInt8] = [0, 0, 0, 1, 7] + Array(click().utf8)
        #expect(try EventDecoder().decode(framed).eventID == "e1")
        #expect(
            throws: EventError.framing("and ends before its body")
        ) { try EventDecoder().decode([0, 0, 0, 1, 7]) }
    }

    @Test("a field asked for by name arrives beside the event")
    func extraField() throws {
        let decoder = EventDecoder(extraField: "phase")
        func extra(_ value: String?) throws -> String? {
            try decoder.decode(Array(click([("phase", value)]).utf8)).extra
        }
        #expect(try extra("\"COLD CEREAL\"") == "COLD CEREAL")
        #expect(try extra("3") == "3")
        #expect(try extra(nil) == nil)
        #expect(throws: EventError.self) { try extra("true") }
        let known = EventDecoder(extraField: "session_id")
        #expect(
            try known.decode(Array(click([("session_id", "\"s\"")]).utf8)).extra == "s")
    }

    @Test("texts beyond their bound are refused, at their bound they are not")
    func bounds() {
        func text(_ count: Int) -> String { "\"" + String(repeating: "x", count: count) + "\"" }
        #expect(verdict(click([("user_id", text(256))])) == "")
        #expect(
            verdict(click([("user_id", text(257))])).hasPrefix(
                "user_id: must be at most 256 bytes long, not 257"))
        let fields = (0..<65).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(
            verdict(click([("context", "{\(fields)}")]))
                == "context: must be an object of at most 64 fields, not one of 65")
        #expect(verdict(click([("context", "{\"\":1}")])).contains("one with an empty key"))
        #expect(verdict(click([("context", "{\"k\":\(text(1025))}")])).contains("at most 1024"))
        #expect(verdict(click([("item", "{\"title\":\(text(4097))}")])).contains("item.title"))
    }

    @Test("the context comes in the order of its keys' bytes, whatever order it was sent in")
    func contextOrder() throws {
        let keys = ["b", "é", "a", "B", "aa", "e\u{301}", "z", "~"]
        let members = keys.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        let json = click([("context", "{\(members)}")])
        let context = try EventDecoder().decode(Array(json.utf8)).offer?.context ?? []
        let sorted = keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(context.map { Array($0.key.utf8) } == sorted.map { Array($0.utf8) })
    }
}
