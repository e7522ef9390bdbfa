import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct MappedTopicTests {
    /// Orders of several lines, views, and pages that nobody asks about.
    private static let mapping = """
        rules:
          - name: view
            when: {path: kind, equals: view}
            then: click
            fields: {event_id: id, ts: at, user_id: user.id, item_id: sku, price: price}
          - name: order
            when: {path: kind, equals: order}
            then: purchase
            each: lines
            fields: {event_id: {join: [id, {record: index}]}, ts: at, user_id: user.id,
              item_id: "@.sku", price: {path: "@.price", required: true}, quantity: "@.n",
              order_id: id}
        otherwise: ignore
        """

    private static func view(_ number: Int) -> String {
        #"{"kind":"view","id":"v\#(number)","at":\#(nowMs()),"user":{"id":7},"sku":"s\#(number)","price":"5.00"}"#
    }

    private static func order(_ id: String, lines: Int, bad: Set<Int> = []) -> String {
        let items = (0..<lines).map {
            bad.contains($0) ? #"{"sku":"s\#($0)"}"# : #"{"sku":"s\#($0)","price":5,"n":1}"#
        }
        return
            #"{"kind":"order","id":"\#(id)","at":\#(nowMs()),"user":{"id":7},"lines":[\#(items.joined(separator: ","))]}"#
    }

    private func configuration(_ topic: String) throws -> Configuration {
        try Configuration.load(
            file: nil, environment: [:], overrides: ["kafka.topics=[\(topic)]"])
    }

    @Test("the mapping itself is part of the configuration, wherever its file is by then")
    func stored() throws {
        let scratch = try Scratch()
        let file = try scratch.log([Self.mapping], "shop.yaml")
        let text =
            "{name: a, mapping: \(file), currency: EUR}, {name: b, preset: adobe, currency: USD}, c"
        let topics = try configuration(text).kafka.topics
        #expect(topics[0].tombstonesTaken == .ignore && topics[2].tombstonesTaken == .deleteItem)
        let stored = try configuration(text).stored()
        try FileManager.default.removeItem(atPath: file)
        let again = try Configuration(stored: stored, place: "stored")
        #expect(again.kafka.topics == topics)
        #expect(again.mapping(ofTopic: "a")?.ruleNames == ["view", "order"])
        #expect(again.mapping(ofTopic: "b")?.ruleNames.count == 3)
        #expect(again.mapping(ofTopic: "c") == nil)
        #expect(again.stored() == stored)
    }

    @Test("what is wrong with a mapping is told by file, line, rule and field")
    func problems() throws {
        let scratch = try Scratch()
        let file = try scratch.log(
            [
                Self.mapping.replacing(
                    "price: {path: \"@.price\", required: true}", with: "prize: p"
                )
                .replacing("item_id: \"@.sku\", ", with: "")
            ], "shop.yaml")
        let (_, problems) = Configuration.read(
            file: nil, environment: [:],
            overrides: ["kafka.topics=[{name: a, mapping: \(file)}]"])
        #expect(problems.count == 2)
        #expect(problems[0].place.hasPrefix(file + ":"))
        #expect(problems[0].message.hasPrefix("topic 'a': rule 'order': unknown key 'prize'"))
        for wrong in [
            "{name: a, mapping: /nowhere.yaml}", "{name: a, preset: nothing}",
            "{name: a, preset: segment}", "{name: a, preset: adobe, mapping: x.yaml}",
            "{name: a, preset: adobe, currency: EUR, type: click}", "{name: a, currency: EUR}",
            "{name: a, mapping: {name: x}}", "{name: a, mapping: /dev/zero}",
            "{name: a, mapping: [x]}",
        ] {
            #expect(throws: ConfigurationError.self, "\(wrong)") { try configuration(wrong) }
        }
    }

    @Test(
        "lines of orders are learned once each, also by a daemon that starts anew, and a replay comes to the same"
    )
    func stream() throws {
        let scratch = try Scratch()
        let file = try scratch.log([Self.mapping], "shop.yaml")
        let fixture = try DaemonFixture(partitions: 1)
        let configuration = try fixture.configuration(
            "kafka.topics=[{name: \(fixture.events), mapping: \(file)}]",
            "model.base=\(ShopStream.base)", "batch.events=2")
        try fixture.send([
            Self.view(0), Self.order("o1", lines: 5, bad: [1, 3]), #"{"kind":"page"}"#,
        ])
        try fixture.send([[UInt8]?.none], key: "s0")
        let first = try fixture.run(configuration)
        #expect(first.events.byType == ["click": 1, "purchase": 3, "ignored": 2])
        #expect(first.events.deadLettered == 1)
        let letters = try fixture.read(fixture.deadLetters)
        let letter = StoredDeadLetter(try #require(letters.first))
        #expect(letters.count == 1 && letter.sourceOffset == 1)
        #expect(letter.reason.contains("rule 'order', element 2: price: is missing (from @.price)"))
        #expect(letter.reason.contains("element 4: price: is missing"))
        // The first order once more: its lines are duplicates.
        try fixture.send([Self.order("o2", lines: 3), Self.order("o1", lines: 5, bad: [1, 3])])
        let second = try fixture.run(configuration)
        #expect(second.events.byType["purchase"] == 9)
        #expect(second.events.duplicates == 3)
        #expect(second.events.deadLettered == 2)
        #expect(try wholeReplay(of: fixture.store).result == .identical)
    }

    /// A shop's own shape around Tidemark's, line by line.
    private static let wrapped = """
        rules:
        \(rule("item", "title: e.title, category: e.category, cost: e.cost"))
        \(rule("click", "user_id: e.user_id, discount: e.discount"))
        \(rule("impression", "user_id: e.user_id, discount: e.discount"))
        \(rule("purchase", "user_id: e.user_id"))
        \(rule("outcome", "user_id: e.user_id, discount: e.discount, purchased: e.purchased"))
        otherwise: dead_letter
        """

    private static func rule(_ type: String, _ more: String) -> String {
        """
          - {name: \(type), when: {path: e.type, equals: \(type)}, then: \(type),
             fields: {event_id: e.event_id, ts: e.ts, item_id: e.item_id, price: e.price, \(more)}}
        """
    }

    @Test("the same stream in another shape comes to the same state, bit for bit")
    func sameState() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 5)
        let lines = shop.next(1_500)
        let own = try scratch.log(lines, in: "own")
        let other = try scratch.log(lines.map { #"{"v":1,"e":\#($0)}"# }, in: "other")
        let file = try scratch.log([Self.wrapped], "wrapped.yaml")
        func state(_ log: String, _ store: String, _ more: String...) throws -> String {
            try Replay(
                try Configuration.load(
                    file: nil, environment: [:], overrides: ShopStream.overrides + more),
                events: [log], catalog: nil, store: scratch.path + "/" + store
            ).run().stateSHA256
        }
        let plain = try state(own, "a")
        let mapped = try state(
            other, "b", "kafka.topics=[{name: shop.jsonl, mapping: \(file)}]")
        #expect(mapped == plain)
        let verified = try Verification(
            store: scratch.path + "/b", from: try oldest(scratch.path + "/b"), to: "head",
            logs: [other]
        ).run()
        #expect(verified.result == .identical, "\(verified.text)")
    }

    private func oldest(_ path: String) throws -> String {
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        defer { try? store.close() }
        return try #require(try store.snapshots().last?.record.id)
    }

    @Test("a log of orders is learned line by line, whatever the batches, and verifies")
    func log() throws {
        let scratch = try Scratch()
        let file = try scratch.log([Self.mapping], "shop.yaml")
        let lines = (0..<40).map { $0 % 3 == 0 ? Self.view($0) : Self.order("o\($0)", lines: 5) }
        let path = try scratch.log(lines)
        let configuration = try Configuration.load(
            file: nil, environment: [:],
            overrides: ShopStream.overrides + [
                "kafka.topics=[{name: shop.jsonl, mapping: \(file)}]", "batch.events=7",
            ])
        let report = try Replay(
            configuration, events: [path], catalog: nil, store: scratch.path + "/s"
        ).run()
        #expect(report.events.byType == ["click": 14, "purchase": 130])
        let verified = try Verification(
            store: scratch.path + "/s", from: try oldest(scratch.path + "/s"), to: "head",
            logs: [path]
        ).run()
        #expect(verified.result == .identical, "\(verified.text)")
    }

    @Test("'map' shows, tests and proposes; what fails ends with its code")
    func command() throws {
        let scratch = try Scratch()
        let sample = try scratch.log(
            [Self.view(1), Self.order("o", lines: 2, bad: [0])], "s.jsonl")
        let file = try scratch.log([Self.mapping], "shop.yaml")
        let json = try tidemark(["map", "--try", sample, "--mapping", file, "--json"])
        #expect(json.status == 0)
        let events = json.output.split(separator: "\n")
        #expect(events.count == 2)
        for event in events {
            #expect(throws: Never.self) { try EventDecoder().decode(Array(event.utf8)) }
        }
        #expect(json.errors.contains("element 1: price: is missing"))
        let shown = try tidemark(["map", "--try", sample, "--mapping", file])
        #expect(shown.output.contains("click by rule 'view'"))
        #expect(shown.output.contains("<- user.id"))
        #expect(shown.output.contains("2 records: 2 events, 0 elements ignored, 1 refused"))
        #expect(!shown.output.contains("unpriced"))
        let bare = try scratch.log(
            [Self.view(1), Self.view(2).replacing(",\"price\":\"5.00\"", with: "")], "bare.jsonl")
        let unpriced = try tidemark(["map", "--try", bare, "--mapping", file])
        #expect(unpriced.output.contains("Events without a price of their own: 1."))
        let tests = """
            mapping: shop.yaml
            tests: [{name: page, record: '{"kind": "page"}', events: [EVENTS]}]
            """
        let good = try scratch.log([tests.replacing("EVENTS", with: "")], "good.test.yaml")
        let bad = try scratch.log(
            [tests.replacing("EVENTS", with: "{type: erase}")], "bad.test.yaml")
        #expect(try tidemark(["map", "--test", good]).status == 0)
        let failed = try tidemark(["map", "--test", good, bad])
        #expect(failed.status == 65 && failed.output.contains("1 tests passed, 1 failed"))
        let proposal = try tidemark(["map", "--infer", sample])
        #expect(proposal.status == 0 && proposal.output.contains("# guess"))
        let inferred = try scratch.log([proposal.output], "inferred.yaml")
        #expect(try tidemark(["map", "--try", sample, "--mapping", inferred]).status == 0)
        #expect(try tidemark(["map", "--try", sample, "--mapping", "/nowhere"]).status == 78)
        #expect(try tidemark(["map", "--try", sample, "--preset", "none"]).status == 64)
        #expect(try tidemark(["map", "--preset", "ga4", "--show"]).output.hasPrefix("# Google"))
    }
}
