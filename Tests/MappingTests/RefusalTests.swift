import Daemon
import Events
import Mapping
import Records
import Testing

@Suite("Mappings that cannot be used") struct RefusalTests {
    private static let sound = """
        rules:
          - name: seen
            when: {path: kind, equals: view}
            then: click
            fields:
              event_id: id
              ts: at
              user_id: user
              item_id: item
              price: price
        otherwise: ignore
        """

    @Test(
        "what is wrong is named with its line, its rule and its field",
        arguments: [
            ("price: price", "prices: price", "shop.yaml:10: rule 'seen': unknown key 'prices'"),
            (
                "price: price", "price: a..b",
                "shop.yaml:10: rule 'seen', price: the path 'a..b' has an empty key"
            ),
            (
                "price: price", "price: {path: a, divide: 0}",
                "shop.yaml:10: rule 'seen', price: divide must not be by 0"
            ),
            ("price: price", "price: {path: a, time: s, zone: UTC}", "'s' since 1970 has no zone"),
            (
                "price: price", "price: {}",
                "shop.yaml:10: rule 'seen', price: a source must have one of"
            ),
            ("price: price", "price: {path: a, header: b}", "a source must have one of"),
            ("price: price", "price: null", "rule 'seen', price: a source must be a path"),
            (
                "price: price", "price: \"@.price\"",
                "begins with @, the element of 'each', which is not there"
            ),
            ("price: price", "price: {record: index}", "record: index is of rules with 'each'"),
            ("price: price", "price: {record: moon}", "record must be one of key, timestamp"),
            ("price: price", "price: {sum: a}", "has no [*]"),
            ("price: price", "price: \"a[*]\"", "has [*], which only"),
            ("price: price", "price: {path: a, table: none}", "there is no table 'none'"),
            ("price: price", "price: {path: a, with: x}", "'with' is of join alone"),
            (
                "price: price", "price: {path: a, required: perhaps}",
                "required must be true or false"
            ),
            ("price: price", "discount: {paid: x}\n      cost: y", "unknown key 'cost'"),
            ("price: price", "title: t", "shop.yaml:10: rule 'seen': unknown key 'title'"),
            (
                "      user_id: user\n", "",
                "rule 'seen': user_id: is missing; every click needs it, or anonymous_id, or session_id"
            ),
            (
                "ts: at", "ts: {path: at, time: fortnight}",
                "shop.yaml:7: rule 'seen', ts: time must be s, ms, us, ns, iso or a pattern"
            ),
            ("ts: at", "ts: {path: at, time: \"yyyy-MM-dd\"}", "has no zone; say zone: UTC"),
            (
                "ts: at", "ts: {path: at, time: iso, zone: Europe/Berlin}",
                "zone must be UTC or an offset"
            ),
            (
                "      price: price\n", "      price: price\n  - {then: clack}\n",
                "rule '2': then must be one of impression, click"
            ),
            ("then: click", "then: ignore", "'fields' is of rules that make events"),
            (
                "then: click", "then: click\n    each: lines",
                "event_id: is the same for every element"
            ),
            (
                "then: click", "then: click\n    where: {path: a, exists: true}",
                "'where' is of rules with 'each'"
            ),
            ("equals: view", "equals: []", "rule 'seen', when: equals must be a text"),
            ("{path: kind, equals: view}", "{path: kind}", "a condition must have one of equals"),
            ("{path: kind, equals: view}", "{equals: view}", "a condition must say of what"),
            ("{path: kind, equals: view}", "{all: []}", "must be a list of 1 to 1,000 conditions"),
            ("otherwise: ignore", "", "has no 'otherwise'"),
            (
                "otherwise: ignore", "otherwise: perhaps",
                "otherwise must be one of ignore, dead_letter"
            ),
            (
                "otherwise: ignore", "otherwise: ignore\ncolumns: [a]",
                "'columns' is of format csv and tsv"
            ),
            ("otherwise: ignore", "otherwise: ignore\nformat: csv", "need 'columns'"),
            ("otherwise: ignore", "otherwise: ignore\ncurrency: {field: c}", "add currency: EUR"),
            (
                "otherwise: ignore", "otherwise: ignore\ncurrency: {base: euro}",
                "base must be a code like EUR"
            ),
            (
                "otherwise: ignore", "otherwise: ignore\ncurrency: {base: EUR, rates: {USD: -1}}",
                "rates must be codes"
            ),
            ("otherwise: ignore", "otherwise: ignore\nrule: 1", "unknown key 'rule'"),
            ("otherwise: ignore", "otherwise: ignore\notherwise: ignore", "not YAML"),
            ("rules:", "rules: 5\nx:", "'rules' must be a list"),
        ])
    func named(old: String, new: String, message: String) {
        let text = Self.sound.replacing(old, with: new)
        #expect(text != Self.sound)
        let found = problems(text)
        #expect(found.contains { $0.contains(message) }, "\(found)")
        #expect(found.allSatisfy { $0.hasPrefix("shop.yaml") })
    }

    @Test("the sound one is sound, and several problems are told at once")
    func several() {
        #expect(problems(Self.sound).isEmpty)
        let text = Self.sound.replacing("ts: at", with: "ts: a..b")
            .replacing("price: price", with: "price: c..d")
        #expect(problems(text).count == 2)
        #expect(problems("").count == 1)
        #expect(problems("[]").count == 1)
    }

    @Test("a source that lies too deep is refused")
    func deep() {
        let deep = String(repeating: "[", count: 40) + "a" + String(repeating: "]", count: 40)
        let found = problems(Self.sound.replacing("price: price", with: "price: \(deep)"))
        #expect(found.contains { $0.contains("nested deeper than") }, "\(found)")
    }

    @Test(
        "fields that a mapping must have are those that the decoder misses",
        arguments: EventType.allCases)
    func fields(type: EventType) {
        let values: [FieldName: String] = [
            .eventID: "\"e\"", .ts: "1795953000000", .userID: "\"u\"", .itemID: "\"i\"",
            .anonymousID: "\"a\"",
        ]
        let more =
            switch type {
            case .outcome: ", \"clicked\": true, \"anonymous_id\": \"a\""
            case .refund: ", \"order_id\": \"o\""
            case .item: ", \"title\": \"t\""
            case .impression, .click, .purchase, .objection: ", \"session_id\": \"s\""
            default: ""
            }
        func decode(without left: FieldName?) -> Result<Event, EventError> {
            let members = type.requiredFields.filter { $0 != left }
                .map { "\"\($0.text)\": \(values[$0] ?? "")" }
            let text = "{\"type\": \"\(type.rawValue)\", \(members.joined(separator: ", "))\(more)}"
            return Result { () throws(EventError) in try EventDecoder().decode(Array(text.utf8)) }
        }
        #expect(throws: Never.self) { try decode(without: nil).get() }
        for field in type.requiredFields {
            #expect(throws: EventError.missing(field: field.text)) {
                try decode(without: field).get()
            }
        }
        #expect(Set(type.requiredFields).isDisjoint(with: type.optionalFields))
    }

    @Test("1,000 mutated mappings are refused with the place named, or harmless")
    func mutated() throws {
        var random = SeededRandom(seed: 17)
        let texts = Preset.allCases.map(\.yaml)
        var refused = 0
        var harmless = 0
        for round in 0..<1_000 {
            var bytes = Array(texts[Int(random.next() % UInt64(texts.count))].utf8)
            for _ in 0...Int(random.next() % 4) { Self.mutate(&bytes, &random) }
            let text = String(decoding: bytes, as: UTF8.self)
            do throws(MappingProblems) {
                let mapping = try MappingFile.mapping(yaml: text, name: "m.yaml", currency: "USD")
                harmless += 1
                for payload in Self.payloads {
                    let found = MappingFixture.decode(mapping, payload)
                    #expect(!found.isEmpty, "round \(round)")
                }
            } catch {
                refused += 1
                #expect(error.problems.allSatisfy { $0.file == "m.yaml" && !$0.message.isEmpty })
            }
        }
        #expect(refused > 100 && harmless > 100, "\(refused) refused, \(harmless) harmless")
    }

    private static let payloads = [
        "{}", "[]", "[1]", "{\"type\": \"track\", \"event\": \"Product Viewed\"}",
        "{\"event_name\": \"purchase\", \"items\": [{}, 5, null]}",
        "{\"line_items\": [{\"id\": 1}], \"id\": 2}", "a,b,c", "{\"variants\": {}}",
    ]

    /// Takes out, doubles, or changes a line or a byte.
    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        guard !bytes.isEmpty else { return }
        let at = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 6 {
        case 0: bytes.remove(at: at)
        case 1: bytes[at] = UInt8(random.next() % 96 + 32)
        case 2: bytes.insert(Array("{}[]:,.@*'\" ".utf8)[Int(random.next() % 12)], at: at)
        case 3:
            let end = min(bytes.count, at + Int(random.next() % 40))
            bytes.removeSubrange(at..<end)
        default:
            var lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
            let line = Int(random.next() % UInt64(lines.count))
            if random.next() % 2 == 0 {
                lines.remove(at: line)
            } else {
                lines.swapAt(line, Int(random.next() % UInt64(lines.count)))
            }
            bytes = Array(lines.joined(separator: [0x0a]))
        }
    }
}
