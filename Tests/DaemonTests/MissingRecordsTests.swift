import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

/// What the brokers no longer have, or have under another name: nothing is passed over unasked.
@Suite(.serialized) struct MissingRecordsTests {
    private let accepting = "kafka.on_gap=accept"

    private func outcome(_ number: Int, padding: Int = 0) -> String {
        """
        {"type":"outcome","event_id":"o-\(number)","ts":\(nowMs() - 60_000),"user_id":"u\(number)",\
        "item_id":"kettle","price":20,"purchased":\(number % 3 == 0),\
        "note":"\(String(repeating: "n", count: padding))"}
        """
    }

    private func gapThatStops(_ configuration: Configuration, _ fixture: DaemonFixture) throws
        -> OffsetGap
    {
        let error = try #require(throws: KafkaError.self) { _ = try fixture.run(configuration) }
        guard case .offsetGap(let gap) = error else { throw error }
        #expect(FailureKind(error) == .badData)
        #expect("\(error)".contains(fixture.events) && "\(error)".contains("\(gap.stored)"))
        return gap
    }

    @Test(
        "records that retention took before they were read stop the daemon by name, or are passed over where that is accepted"
    )
    func retention() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send((0..<20).map { outcome($0) }, partition: 0)
        #expect(try fixture.run(try fixture.configuration()).examples == 20)
        // The development broker keeps 5 MiB of a partition.
        let padding = fixture.embedded == nil ? 0 : 100_000
        try fixture.send((20..<100).map { outcome($0, padding: padding) }, compression: "none")
        if fixture.embedded == nil {
            try TopicAdministration.deleteRecords(
                of: TopicPartition(topic: fixture.events, partition: 0), before: 50,
                configuration: fixture.kafka)
        }
        let gap = try gapThatStops(try fixture.configuration(), fixture)
        #expect(gap.kind == .retention && gap.stored == 20)
        #expect(gap.available.lowerBound > 20 && gap.available.upperBound == 100)
        let there = gap.available.count
        let report = try fixture.run(try fixture.configuration(accepting))
        #expect(report.examples == 20 + there && report.events.read == 20 + there)
        // Once passed over, the gap is none any more.
        #expect(try fixture.run(try fixture.configuration()).examples == 20 + there)
    }

    @Test(
        "a topic that was made anew, shorter than what was read, stops the daemon; where that is accepted it is read from its beginning"
    )
    func recreated() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send((0..<20).map { outcome($0) }, partition: 0)
        #expect(try fixture.run(try fixture.configuration()).examples == 20)
        if fixture.embedded == nil {
            try fixture.recreateEvents(partitions: 1)
            try fixture.send((20..<25).map { outcome($0) }, partition: 0)
        } else {
            // To the store it is the same: the topic was longer when it was read.
            let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
            var commit = Commit()
            commit.cluster = try #require(try store.clusters().first)
            commit.offsets = [TopicPartition(topic: fixture.events, partition: 0): 120]
            try store.commit(commit)
            try store.close()
        }
        let gap = try gapThatStops(try fixture.configuration(), fixture)
        #expect(gap.kind == .endBeforeOffset)
        let report = try fixture.run(try fixture.configuration(accepting))
        if fixture.embedded == nil {
            #expect(report.examples == 25 && report.events.duplicates == 0)
        } else {
            // The same events once more: they are known by their ids.
            #expect(report.examples == 20 && report.events.duplicates == 20)
        }
    }

    @Test(
        "a topic that is made anew under a running daemon ends it by name, and nothing is learned twice",
        .enabled(if: DaemonFixture.isReal))
    func recreatedWhileRunning() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send((0..<20).map { outcome($0) }, partition: 0)
        let daemon = RunningDaemon(try fixture.configuration("kafka.discovery_interval=200ms"))
        let control = try daemon.connect(fixture.store)
        try daemon.wait(control) { $0.events == 20 }
        try fixture.recreateEvents(partitions: 1)
        try fixture.send((20..<25).map { outcome($0) }, partition: 0)
        let error = try #require(throws: KafkaError.self) { _ = try daemon.ended() }
        #expect("\(error)".contains(fixture.events))
        let report = try fixture.run(try fixture.configuration(accepting))
        #expect(report.examples == 25 && report.events.duplicates == 0)
    }

    @Test(
        "brokers of another cluster stop the daemon; where they are accepted each cluster's stream goes on from its own offsets"
    )
    func otherCluster() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send((0..<20).map { outcome($0) }, partition: 0)
        #expect(try fixture.run(try fixture.configuration()).examples == 20)
        let other = try DevelopmentBroker()
        for topic in [fixture.events, fixture.recommendations, fixture.deadLetters] {
            try other.createTopic(topic, partitions: 1)
        }
        let elsewhere = "kafka.brokers=\(other.address)"
        let error = try #require(throws: ClusterError.self) {
            _ = try fixture.run(try fixture.configuration(elsewhere))
        }
        #expect("\(error)".contains("kafka.on_gap") && FailureKind(error) == .badData)
        try fixture.send((20..<25).map { outcome($0) }, partition: 0, to: other.address)
        let both = try fixture.run(try fixture.configuration(elsewhere, accepting))
        #expect(both.examples == 25 && both.events.duplicates == 0)
        // Both are known now.
        try fixture.send((25..<28).map { outcome($0) }, partition: 0)
        #expect(try fixture.run(try fixture.configuration()).examples == 28)
        #expect(try fixture.run(try fixture.configuration(elsewhere)).examples == 28)
    }

    @Test(
        "a record of 10 MB, an event or not, goes to the dead letters by hash, length and beginning, and the stream goes on",
        .enabled(if: DaemonFixture.isReal))
    func large() throws {
        let bytes = 10 << 20
        let fixture = try DaemonFixture(partitions: 1, settings: ["max.message.bytes": "20000000"])
        var random = SeededRandom(seed: 1)
        let rubbish = (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let event = Array(outcome(1, padding: bytes).utf8)
        try fixture.send(
            [Array(outcome(0).utf8), rubbish, event, Array(outcome(2).utf8)], partition: 0,
            client: ["message.max.bytes": "20000000"])
        let report = try fixture.run(try fixture.configuration())
        #expect(report.examples == 2 && report.events.deadLettered == 2)
        let letters = try fixture.read(fixture.deadLetters)
        for (letter, original) in zip(letters, [rubbish, event]) {
            let headers = Dictionary(
                letter.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }
            ) { $1 }
            #expect(letter.value == Array(original.prefix(1024)))
            #expect(headers["tidemark-value-length"] == "\(original.count)")
            #expect(headers["tidemark-value-sha256"] == SHA256.hash(original).hex)
        }
        #expect(letters.count == 2)
    }
}
