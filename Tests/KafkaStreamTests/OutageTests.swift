import Foundation
import KafkaStream
import Records
import Testing

@Suite("Brokers that come and go")
struct OutageTests {
    private let a = TopicPartition(topic: "t", partition: 0)
    private let b = TopicPartition(topic: "t", partition: 1)

    private func statistics(_ states: [(Int32, String)], from sources: (Int32, Int32) = (1, 2))
        -> ClientStatistics
    {
        ClientStatistics(
            brokers: states.map {
                ClientStatistics.Broker(id: $0.0, name: "host\($0.0):9092/\($0.0)", state: $0.1)
            }, sources: [a: sources.0, b: sources.1])
    }

    @Test(
        "a broker that is lost and comes back is told once each, and with the last one that none answers"
    )
    func changes() {
        var watch = BrokerWatch()
        #expect(watch.take(statistics([(1, "UP"), (2, "UP")]), nowMs: 0) == [])
        watch.failed("host1:9092/1: Connect failed: Connection refused")
        #expect(
            watch.take(statistics([(1, "CONNECT"), (2, "UP")]), nowMs: 1000) == [
                .lost(
                    address: "host1:9092",
                    reason: "host1:9092/1: Connect failed: Connection refused")
            ])
        #expect(watch.unservedMs(a, nowMs: 3000) == 2000 && watch.unservedMs(b, nowMs: 3000) == nil)
        #expect(watch.withoutBrokerMs(nowMs: 3000) == nil)
        // Between two attempts librdkafka calls the state INIT.
        #expect(watch.take(statistics([(1, "INIT"), (2, "UP")]), nowMs: 2000) == [])
        #expect(
            watch.take(statistics([(1, "TRY_CONNECT"), (2, "DOWN")]), nowMs: 3000) == [
                .lost(address: "host2:9092", reason: nil), .allLost,
            ])
        for ms in [4000, 5000, 6000] as [Int64] {
            #expect(watch.take(statistics([(1, "CONNECT"), (2, "CONNECT")]), nowMs: ms) == [])
        }
        #expect(watch.withoutBrokerMs(nowMs: 6500) == 3500)
        #expect(
            watch.take(statistics([(1, "UP"), (2, "CONNECT")]), nowMs: 7000) == [
                .back(address: "host1:9092", afterMs: 6000), .answering(afterMs: 4000),
            ])
        #expect(watch.unservedMs(a, nowMs: 7000) == nil && watch.unservedMs(b, nowMs: 7000) == 4000)
    }

    @Test("a broker that owes an answer is down though its connection stands, an idle one is not")
    func silence() {
        func state(waiting: Int64, silentMs: Int64) -> BrokerState.Standing? {
            var watch = BrokerWatch(silentMaxMs: 5000)
            let broker = ClientStatistics.Broker(
                id: 1, name: "h:1/1", state: "UP", waiting: waiting, silentMs: silentMs)
            _ = watch.take(ClientStatistics(brokers: [broker], sources: [a: 1]), nowMs: 0)
            return watch.states(nowMs: 0).first?.standing
        }
        #expect(state(waiting: 1, silentMs: 5001) == .down)
        #expect(state(waiting: 1, silentMs: 200) == .up)
        #expect(state(waiting: 0, silentMs: 600_000) == .up)
    }

    @Test("brokers that nothing is asked of are no outage")
    func unused() {
        var watch = BrokerWatch()
        _ = watch.take(statistics([(1, "UP"), (2, "INIT")], from: (1, 1)), nowMs: 0)
        #expect(watch.states(nowMs: 0).map(\.standing) == [.up, .unused])
        #expect(watch.take(statistics([(1, "INIT"), (2, "INIT")], from: (1, 1)), nowMs: 9) == [])
        #expect(watch.withoutBrokerMs(nowMs: 99) == nil)
    }

    @Test(
        "a broker that is tried again after a moment in which nobody wanted it is lost all the same"
    )
    func lostBetween() {
        var watch = BrokerWatch()
        _ = watch.take(statistics([(1, "UP"), (2, "UP")]), nowMs: 0)
        #expect(watch.take(statistics([(1, "INIT"), (2, "UP")]), nowMs: 1) == [])
        #expect(
            watch.take(statistics([(1, "CONNECT"), (2, "UP")]), nowMs: 2) == [
                .lost(address: "host1:9092", reason: nil)
            ])
    }

    @Test("brokers that librdkafka forgets are down while none answers, and gone where others do")
    func forgotten() {
        var watch = BrokerWatch()
        _ = watch.take(statistics([(1, "UP"), (2, "UP")]), nowMs: 0)
        #expect(
            watch.take(statistics([], from: (-1, -1)), nowMs: 1000) == [
                .lost(address: "host1:9092", reason: nil),
                .lost(address: "host2:9092", reason: nil), .allLost,
            ])
        #expect(watch.take(statistics([], from: (-1, -1)), nowMs: 2000) == [])
        #expect(watch.withoutBrokerMs(nowMs: 3000) == 2000)
        #expect(
            watch.take(statistics([(1, "UP")], from: (1, 1)), nowMs: 4000) == [
                .back(address: "host1:9092", afterMs: 3000), .answering(afterMs: 3000),
            ])
        #expect(watch.states(nowMs: 4000).map(\.address) == ["host1:9092"])
        #expect(watch.unservedMs(a, nowMs: 4000) == nil)
    }

    @Test("time without brokers is not idle time")
    func idleness() {
        var progress = AssignmentProgress(nowMs: 0)
        progress.assigned(a, from: 0, end: 0, nowMs: 0)
        progress.reachedEnd(0, offset: 0, nowMs: 0)
        #expect(progress.idleMs(nowMs: 9000) == 9000)
        progress.outage(nowMs: 9000)
        #expect(progress.idleMs(nowMs: 9500) == 500)
    }

    @Test(
        "with the brokers gone the lag is not known, the consumer is not at its end, and what comes back is told",
        .disabled(if: TestCluster.isReal))
    func outage() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("outage")
        try cluster.send(["a", "b"], to: topic)
        let consumer = try cluster.consumer([topic]) {
            $0.client["reconnect.backoff.max.ms"] = "200"
        }
        defer { consumer.close() }
        #expect(try consumer.records(2).count == 2)
        try eventually("the end") { consumer.status()?.isCaughtUp == true }
        #expect(try consumer.confirmEnd())
        #expect(consumer.status()?.lag == 0 && consumer.status()?.withoutBrokerMs == nil)
        try eventually("the broker's standing") {
            consumer.status()?.brokers.map(\.standing) == [.up]
        }
        try broker.apply(.down(broker: nil))
        try eventually("an outage") { consumer.status()?.withoutBrokerMs != nil }
        let during = try #require(consumer.status())
        #expect(during.lag == nil && during.lastKnownLag == 0)
        #expect(during.brokers.map(\.standing) == [.down])
        #expect(try !consumer.confirmEnd(timeoutMs: 300))
        #expect((consumer.status()?.idleMs ?? 0) < 2000)
        try broker.apply(.up(broker: nil))
        try eventually("the broker again") { consumer.status()?.withoutBrokerMs == nil }
        try cluster.send(["c"], to: topic)
        #expect(try consumer.records(1).map(\.text) == ["c"])
        try eventually("the lag") { consumer.status()?.lag == 0 }
        let told = cluster.notices.all
        #expect(told.filter { $0.contains("does not answer any more") }.count == 1, "\(told)")
        #expect(told.filter { $0.contains("answers again") }.count == 2, "\(told)")
        #expect(!told.contains { $0.contains("_TRANSPORT") || $0.contains("ALL_BROKERS") })
    }

    @Test(
        "a record that was read is known again, and another one at its offset is not taken for it")
    func marks() throws {
        func record(_ value: String?, key: String? = "k", ms: Int64 = 5, offset: Int64 = 3)
            -> SourceRecord
        {
            SourceRecord(
                position: a, offset: offset, timestampMs: ms, key: key.map { Array($0.utf8) },
                value: value.map { Array($0.utf8) })
        }
        let mark = RecordMark(record("v"))
        #expect(try RecordMark.decoded(mark.encoded) == mark)
        #expect(mark.isReplaced(by: record("v")) == false)
        for other in [
            record("w"), record("v", key: "l"), record("v", ms: 6), record(nil),
            record("v", key: nil),
        ] { #expect(mark.isReplaced(by: other) == true) }
        // Key and value do not run into each other.
        #expect(
            RecordMark(record("b", key: "a")).digest != RecordMark(record("", key: "ab")).digest)
        // Taken by compaction or retention: nothing can be told.
        #expect(
            mark.isReplaced(by: record("v", offset: 4)) == nil && mark.isReplaced(by: nil) == nil)
        #expect(try RecordMark.decoded([9] + mark.encoded.dropFirst()) == nil)
    }

    @Test("a topic whose record is not the one that was read stops the start, or is read anew")
    func otherTopic() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("anew", partitions: 2)
        try cluster.send(["a", "b", "c"], to: topic)
        try cluster.send(["x"], to: topic, partition: 1)
        let position = TopicPartition(topic: topic, partition: 0)
        let other = TopicPartition(topic: topic, partition: 1)
        let consumer = try cluster.consumer([topic])
        let records = try consumer.records(4)
        consumer.close()
        let mark = RecordMark(try #require(records.first { $0.text == "b" }))
        let foreign = RecordMark(
            SourceRecord(
                position: position, offset: 1, timestampMs: 1, key: nil, value: Array("z".utf8)))
        func start(_ mark: RecordMark, _ onGap: KafkaConfiguration.GapPolicy) throws -> Assignment {
            let consumer = try KafkaConsumer(cluster.configuration([topic]) { $0.onGap = onGap })
            defer { consumer.close() }
            return try consumer.assign(
                from: [position: 2, other: 1], marks: [position: mark])
        }
        #expect(try start(mark, .stop).acceptedGaps.isEmpty)
        let error = try #require(throws: KafkaError.self) { _ = try start(foreign, .stop) }
        guard case .offsetGap(let gap) = error else { throw error }
        #expect(gap.kind == .otherRecord && gap.position == position && error.category == .data)
        #expect(error.description.contains("offset 1 is not the one"), "\(error)")
        #expect(try start(foreign, .accept).acceptedGaps == [gap])
        // Beyond the end of what is there now: another topic as well, also after a rewind.
        let beyond = RecordMark(
            SourceRecord(position: position, offset: 9, timestampMs: 1, key: nil, value: nil))
        let shorter = try #require(throws: KafkaError.self) { _ = try start(beyond, .stop) }
        guard case .offsetGap(let end) = shorter else { throw shorter }
        #expect(end.kind == .endBeforeOffset && end.stored == 10)
    }

    @Test("writing is judged without a record being left")
    func writing() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("asked", partitions: 2)
        let configuration = cluster.configuration([topic])
        #expect(
            try AccessCheck.writing(to: [topic], configuration: configuration) == [topic: .allowed])
        let consumer = try cluster.consumer([topic])
        try eventually("the end") { consumer.status()?.isCaughtUp == true }
        #expect(try consumer.drain(maxRecords: 10).records.isEmpty)
        consumer.close()
        #expect(
            try AccessCheck.reading(
                [TopicPartition(topic: topic, partition: 0): 0], configuration: configuration
            )
            .isEmpty)
        #expect(
            try AccessCheck.monitorGroup(
                TopicPartition(topic: topic, partition: 0), configuration: configuration) == nil)
        guard let broker = cluster.embedded else { return }
        try broker.apply(
            .requestErrors(
                api: .addPartitionsToTransaction,
                error: #require(.init(name: "TOPIC_AUTHORIZATION_FAILED")), count: 10))
        let refused = try AccessCheck.writing(to: [topic], configuration: configuration)
        guard case .refused(let reason)? = refused[topic] else {
            Issue.record("\(refused)")
            return
        }
        #expect(reason.lowercased().contains("authorization"), "\(reason)")
    }

    @Test("a missing file of TLS is named with its setting and its path")
    func files() throws {
        let configuration = KafkaConfiguration(
            brokers: "127.0.0.1:1", topics: ["t"],
            client: ["security.protocol": "ssl", "ssl.ca.location": "/nowhere/ca.pem"])
        let error = try #require(throws: KafkaError.self) { _ = try KafkaConsumer(configuration) }
        #expect(error.description.contains("kafka.client.ssl.ca.location"))
        #expect(error.description.contains("/nowhere/ca.pem") && error.category == .configuration)
    }

    @Test("SCRAM on a librdkafka that doubles its nonce is warned of")
    func scram() {
        let client = ["sasl.mechanism": "SCRAM-SHA-256"]
        func warning(_ version: Int32, _ client: [String: String]) -> String? {
            LibraryVersion.warning(client: client, version: version, text: "x")
        }
        #expect(warning(0x0200_02ff, client)?.contains("2.6.1") == true)
        #expect(warning(0x0206_00ff, ["sasl.mechanisms": "scram-sha-512"]) != nil)
        #expect(warning(0x0206_01ff, client) == nil && warning(0x0210_01ff, client) == nil)
        #expect(warning(0x0200_02ff, ["sasl.mechanism": "PLAIN"]) == nil)
        #expect(LibraryVersion.text.split(separator: ".").count >= 3)
    }
}
