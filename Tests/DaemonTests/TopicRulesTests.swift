import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct TopicRulesTests {
    private func configuration(_ topics: String) throws -> Configuration {
        try Configuration.load(
            file: nil, environment: [:], overrides: ["kafka.topics=[\(topics)]"])
    }

    @Test("what a topic's map says is read, written and read back; anything else is refused")
    func topicMap() throws {
        let text =
            "{name: a, type: click, every_shard: true, ignore_types: [page_view, 'x y'], tombstones: ignore}, b"
        let topics = try configuration(text).kafka.topics
        #expect(topics.map(\.name) == ["a", "b"])
        #expect(topics[0].ignoreTypes == ["page_view", "x y"] && topics[0].tombstones == .ignore)
        #expect(topics[1].ignoreTypes.isEmpty && topics[1].tombstonesTaken == .deleteItem)
        let stored = try configuration(text).stored()
        #expect(try Configuration(stored: stored, place: "stored").kafka.topics == topics)
        for wrong in [
            "{name: a, tombstones: keep}", "{name: a, ignore_types: [[x]]}", "{ignore_types: [x]}",
            "{name: a, ignore_types: {x: y}}", "{name: a, name: b}", "{name: a, tombstone: ignore}",
        ] {
            #expect(throws: ConfigurationError.self, "\(wrong)") { try configuration(wrong) }
        }
    }

    private func replay(_ lines: [String], _ overrides: [String]) throws -> (Report, Outcome) {
        let scratch = try Scratch()
        let log = try scratch.log(lines)
        let report = scratch.path + "/report.json"
        let ended = try tidemark(
            ["replay", "--events", log, "--report", report]
                + (ShopStream.overrides + overrides).flatMap { ["--set", $0] })
        try #require(ended.status == 0, "\(ended.errors)")
        let data = try Data(contentsOf: URL(fileURLWithPath: report))
        return (try JSONDecoder().decode(Report.self, from: data), ended)
    }

    @Test(
        "of thousands of dead letters the log has the first ones, the number of the others, and an alarm"
    )
    func manyLetters() throws {
        let views = (0..<3_000).map {
            #"{"type":"page_view","event_id":"pv\#($0)","ts":1760000000000,"user_id":"u\#($0)"}"#
        }
        let (report, ended) = try replay(views, ["log.level=warning"])
        #expect(report.events.deadLettered == 3_000)
        let lines = ended.errors.split(separator: "\n")
        #expect(lines.count < 40, "\(lines.count) lines")
        #expect(lines.count { $0.contains("dead letter: ") } == 10)
        #expect(ended.errors.contains("more dead letters in the last minute"))
        #expect(ended.errors.contains("records could not be used: are these the right topics?"))
    }

    @Test(
        "a tombstone deletes the item that its key names, or says nothing, and is never a dead letter",
        arguments: [("delete_item", 1), ("ignore", 0)])
    func tombstones(setting: String, deleted: Int) throws {
        let fixture = try DaemonFixture(partitions: 1)
        let item =
            #"{"type":"item","event_id":"i","ts":\#(nowMs()),"item_id":"lamp","title":"Lamp","price":50,"cost":20}"#
        try fixture.send([item], key: "lamp")
        try fixture.send([[UInt8]?.none], key: "lamp")
        try fixture.send([[UInt8]?.none], key: "")
        let view = #"{"type":"page_view","event_id":"p","ts":\#(nowMs())}"#
        try fixture.send([view], key: "u")
        let click =
            #"{"type":"click","event_id":"c","ts":\#(nowMs()),"user_id":"zoe","item_id":"lamp","price":50}"#
        try fixture.send([click], key: "zoe")
        let configuration = try fixture.configuration(
            "kafka.topics=[{name: \(fixture.events), ignore_types: [page_view], tombstones: \(setting)}]",
            "model.base=\(ShopStream.base)")
        let report = try fixture.run(configuration)
        #expect(report.events.deadLettered == 0)
        #expect(report.events.byType["item"] == 1 + deleted)
        #expect(report.events.byType["ignored"] == 3 - deleted)
        #expect(try fixture.read(fixture.deadLetters).isEmpty)
        let offers = try fixture.read(fixture.recommendations)
        if setting == "delete_item" {
            #expect(offers.allSatisfy { text($0).contains("\"discount\":0,") })
        }
        #expect(try wholeReplay(of: fixture.store).result == .identical)
    }
}

@Suite struct ForeignHeaderTests {
    @Test(
        "headers that a producer calls as ours are renamed, decide nothing, and come back as they were"
    )
    func foreignHeaders() throws {
        let position = TopicPartition(topic: "events", partition: 2)
        let forged: [(name: String, value: [UInt8])] = [
            ("tidemark-topic", Array("payments".utf8)), ("tidemark-partition", Array("0".utf8)),
            ("tidemark-value-sha256", Array("ff".utf8)), ("trace", Array("t".utf8)),
        ]
        let record = SourceRecord(
            position: position, offset: 7, value: Array("oops".utf8), headers: forged)
        let letter = DeadLetter(record: record, reason: "no event")
            .message(topic: "letters", messageBytesMax: 1 << 20)
        #expect(letter.headers.count { $0.name == "tidemark-topic" } == 1)
        let stored = StoredDeadLetter(
            SourceRecord(
                position: TopicPartition(topic: "letters", partition: 0), offset: 0,
                value: letter.value, headers: letter.headers))
        #expect(stored.source == position && stored.sourceOffset == 7 && stored.sha256 == nil)
        let again = try #require(stored.original())
        #expect(
            again.topic == "events" && again.partition == 2 && again.value == Array("oops".utf8))
        #expect(again.headers.dropLast().map(\.name) == forged.map(\.name))
        #expect(again.headers.last?.name == "tidemark-redriven")
    }

    @Test("a letter that an earlier version kept with such headers is read by ours, the first")
    func earlierLetters() {
        let ours = [
            ("tidemark-topic", "events"), ("tidemark-partition", "1"), ("tidemark-offset", "3"),
        ]
        let forged = [("tidemark-topic", "payments"), ("tidemark-partition", "0")]
        let letter = StoredDeadLetter(
            SourceRecord(
                position: TopicPartition(topic: "letters", partition: 0), offset: 0, value: [1],
                headers: (ours + forged).map { ($0.0, Array($0.1.utf8)) }))
        #expect(letter.source == TopicPartition(topic: "events", partition: 1))
        #expect(letter.sourceOffset == 3)
    }

    @Test("redrive writes to topics that the configuration consumes, and to no other")
    func redriveForeign() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send(["oops"], key: "k")
        #expect(try fixture.run(try fixture.configuration()).events.deadLettered == 1)
        let overrides = try fixture.overrides().filter { !$0.hasPrefix("kafka.topics") }
        let ended = try tidemark(
            ["deadletters", "redrive", "--all", "--json"]
                + (overrides + ["kafka.topics=[another]"]).flatMap { ["--set", $0] })
        struct Answer: Decodable {
            let sent: Int
            let foreign: Int
        }
        let answer = try ended.json(Answer.self)
        #expect(answer.sent == 0 && answer.foreign == 1)
        #expect(try fixture.read(fixture.events).count == 1)
    }
}
