import Daemon
import Engine
import Foundation
import KafkaStream
import Records
import Schemas
import SnapshotStore
import Testing

@Suite("Offers that stand, and when they end") struct OfferStatesTests {
    private var state = MemoryState()

    private func offer(_ user: String, _ item: String, until ms: Int64) throws -> Recommendation {
        let (issued, expires) = (Timestamp.text(ms: ms - 100), Timestamp.text(ms: ms))
        let json = """
            {"recommendation_id":"0-\(user)\(item)\(ms)","user_id":"\(user)","item_id":"\(item)","discount":0,\
            "list_price":1,"price":1,"expected_conversion":0,"baseline_conversion":0,"expected_quantity":1,\
            "propensity":1,"policy":"p","explored":false,"holdout":false,"snapshot":"s","issued_at":"\(issued)",\
            "expires_at":"\(expires)","rules":[],"reasons":[]}
            """
        return try JSONDecoder().decode(Recommendation.self, from: Data(json.utf8))
    }

    /// Commits, and says what the commit says: `u i` for an offer, `-u i` for its end.
    private mutating func commit(_ states: inout OfferStates) -> [String] {
        var changes = StateChanges()
        let words = states.collect(into: &changes)
        state.apply(changes)
        return words.map {
            "\($0.recommendation == nil ? "-" : "")\($0.userID) \($0.itemID)"
        }
    }

    @Test("an offer ends at its time, a renewed one at the new time, within a commit or across")
    mutating func ends() throws {
        var states = try OfferStates(reading: state)
        try states.stand(offer("u", "a", until: 1_000), reading: state)
        try states.stand(offer("u", "b", until: 2_000), reading: state)
        #expect(commit(&states) == ["u a", "u b"])
        try states.end(through: 999, reading: state)
        #expect(commit(&states).isEmpty)
        // Renewed, and so not ended by its first time.
        try states.stand(offer("u", "a", until: 3_000), reading: state)
        try states.end(through: 1_000, reading: state)
        #expect(commit(&states) == ["u a"])
        // Another process goes on from the rows.
        states = try OfferStates(reading: state)
        try states.end(through: 2_500, reading: state)
        try states.end(through: 2_600, reading: state)
        #expect(commit(&states) == ["-u b"])
        // Made and ended in one commit: the topic learns of the end alone.
        try states.stand(offer("v", "c", until: 2_700), reading: state)
        try states.end(through: 2_700, reading: state)
        try states.stand(offer("u", "b", until: 9_000), reading: state)
        #expect(commit(&states) == ["-v c", "u b"])
        try states.end(through: .max, reading: state)
        #expect(commit(&states) == ["-u a", "-u b"])
        try states.end(through: .max, reading: state)
        #expect(commit(&states).isEmpty)
        #expect(Self.rows(state) == 1)
    }

    /// Rows beside the number that is to come.
    private static func rows(_ state: MemoryState) -> Int {
        var count = 0
        state.forEach(OfferStates.ends) { _, _ in count += 1 }
        state.forEach(OfferStates.table) { _, _ in count += 1 }
        return count
    }

    @Test("an erased shopper's offers end at once, those of others stand")
    mutating func erasure() throws {
        var states = try OfferStates(reading: state)
        try states.stand(offer("u", "a", until: 1_000), reading: state)
        try states.stand(offer("v", "a", until: 1_000), reading: state)
        #expect(commit(&states) == ["u a", "v a"])
        try states.stand(offer("u", "b", until: 2_000), reading: state)
        try states.end(of: "u", reading: state)
        #expect(commit(&states) == ["-u a", "-u b"])
        try states.end(through: .max, reading: state)
        #expect(commit(&states) == ["-v a"])
        #expect(Self.rows(state) == 1)
    }

    @Test("of one shopper so many stand, and with one batch so many end")
    mutating func bounds() throws {
        var states = try OfferStates(reading: state)
        for number in 0...OfferStates.standingMax {
            try states.stand(offer("u", "i\(number)", until: 5_000), reading: state)
        }
        let words = commit(&states)
        #expect(words.count == OfferStates.standingMax + 1)
        #expect(words.filter { $0.hasPrefix("-") } == ["-u i0"])
        for number in 0..<OfferStates.endedMax {
            try states.stand(offer("s\(number)", "i", until: 6_000), reading: state)
        }
        _ = commit(&states)
        try states.end(through: .max, reading: state)
        #expect(commit(&states).count == OfferStates.endedMax)
        try states.end(through: .max, reading: state)
        #expect(commit(&states).count == OfferStates.standingMax)
    }
}

@Suite(.serialized) struct StateTopicTests {
    private func settings(_ fixture: DaemonFixture, _ more: String...) -> [String] {
        ShopStream.overrides + [
            "publish.state_topic=\(fixture.recommendations)-state", "pricing.offer_lifetime=50m",
            "publish.guarantee=exactly_once", "store.commit_events=100",
        ] + more
    }

    /// What a compacted topic holds in the end.
    private func compacted(_ records: [SourceRecord]) -> [[UInt8]: SourceRecord] {
        var last: [[UInt8]: SourceRecord] = [:]
        for record in records { last[record.key ?? []] = record.value == nil ? nil : record }
        return last
    }

    @Test(
        "the topic holds the offers that stand by event time and no other, also where the daemon was killed",
        arguments: [0, 3])
    func standing(kills: Int) async throws {
        let fixture = try DaemonFixture(partitions: 1)
        let topic = "\(fixture.recommendations)-state"
        try fixture.makeTopics([topic])
        let settings = settings(fixture)
        let overrides = try fixture.overrides(settings)
        // An offer ends 150 events later.
        var shop = ShopStream(seed: 57, stepMs: ShopStream.slowStepMs)
        for kill in 0..<kills {
            try fixture.send(shop.next(200), partition: 0)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [overrides = overrides as [String], kill = kill as Int] in
                try runChild(
                    overrides,
                    SelfHarm(moment: kill == 1 ? .afterTransactionCommit : .afterCommit))
            }
        }
        try fixture.send(shop.next(1_200 - 200 * kills), partition: 0)
        _ = try fixture.run(try fixture.configuration(settings))
        var expected: [[UInt8]: [UInt8]] = [:]
        for record in try fixture.read(fixture.recommendations) {
            let value = try #require(record.value)
            let json = try SchemaJSON(value)
            let user = try #require(json["user_id"]?.text)
            let item = try #require(json["item_id"]?.text)
            let until = try #require(json["expires_at"]?.text.flatMap(Timestamp.milliseconds))
            expected[Array("\(user)|\(item)".utf8)] = until > shop.newestMs ? value : nil
        }
        let records = try fixture.read(topic)
        #expect(compacted(records).mapValues { $0.value ?? [] } == expected)
        #expect(expected.count > 10 && records.contains { $0.value == nil })
        #expect(try wholeReplay(of: fixture.store).result == .identical)
    }

    @Test("an erased shopper's offers leave the topic, those of others stay")
    func erasure() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let topic = "\(fixture.recommendations)-state"
        try fixture.makeTopics([topic])
        let settings = settings(fixture, "pricing.offer_lifetime=30d")
        var shop = ShopStream(seed: 58)
        try fixture.send(shop.next(300), partition: 0)
        _ = try fixture.run(try fixture.configuration(settings))
        let standing = compacted(try fixture.read(topic))
        let key = try #require(standing.keys.sorted { $0.lexicographicallyPrecedes($1) }.first)
        let user = String(decoding: key.prefix { $0 != UInt8(ascii: "|") }, as: UTF8.self)
        let ts = ShopStream.startMs + 1_000_000
        try fixture.send(
            [#"{"type":"erase","event_id":"gone","ts":\#(ts),"user_id":"\#(user)"}"#], partition: 0)
        _ = try fixture.run(try fixture.configuration(settings))
        let left = compacted(try fixture.read(topic))
        let gone = Set(standing.keys).subtracting(left.keys)
        #expect(!gone.isEmpty)
        #expect(
            gone.allSatisfy { $0.starts(with: Array("\(user)|".utf8)) }
                && !left.keys.contains { $0.starts(with: Array("\(user)|".utf8)) })
    }
}
