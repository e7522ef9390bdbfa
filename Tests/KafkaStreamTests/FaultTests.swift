import Foundation
import KafkaStream
import Records
import Testing

@Suite("Faults")
struct FaultTests {
    /// A loopback port at which nobody listens: it was free a moment ago.
    private func unusedAddress() throws -> String {
        try DevelopmentBroker().address
    }

    @Test("an unreachable broker is an error within the time given, naming its address")
    func unreachable() throws {
        let address = try unusedAddress()
        var configuration = KafkaConfiguration(brokers: address, topics: ["t"])
        configuration.connectTimeoutMs = 700
        let consumer = try KafkaConsumer(configuration)
        let start = ContinuousClock().now
        let error = try #require(throws: KafkaError.self) { try consumer.assign(from: [:]) }
        #expect(ContinuousClock().now - start < .seconds(10))
        guard case .unreachable(address, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(error.category == .unavailable)
        #expect(error.description.contains("refused"), "\(error)")
        let name = KafkaConfiguration(brokers: "no-such-host.invalid:9092", topics: ["t"])
        let unresolved = try #require(throws: KafkaError.self) {
            var name = name
            name.connectTimeoutMs = 700
            _ = try ClusterDescription.describe(name)
        }
        #expect(unresolved.description.contains("no-such-host.invalid:9092"))
    }

    @Test("an unknown topic is named, and is not made by asking for it")
    func unknownTopic() throws {
        let cluster = try TestCluster()
        let there = try cluster.topic("there")
        let missing = "tidemark-test-missing-\(UUID().uuidString)"
        for _ in 0..<2 {
            let error = try #require(throws: KafkaError.self) {
                _ = try cluster.consumer([there, missing])
            }
            guard case .unknownTopic(missing, _) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(error.description.contains(missing))
        }
        let description = try ClusterDescription.describe(cluster.configuration([there, missing]))
        #expect(description.missingTopics == [missing])
        #expect(description.partitionCounts == [there: 1])
        #expect(description.clusterId?.isEmpty == false)
    }

    @Test("a topic that appears within the time given is waited for")
    func lateTopic() throws {
        let cluster = try TestCluster()
        let topic = "tidemark-test-late-\(UUID().uuidString)"
        let making = Thread {
            usleep(300_000)
            if let broker = cluster.embedded {
                try? broker.createTopic(topic, partitions: 2)
            } else {
                _ = try? TopicAdministration.ensureTopics(
                    [TopicSpecification(name: topic, partitions: 2, replication: 1)],
                    configuration: cluster.configuration([topic]))
            }
        }
        let consumer = try KafkaConsumer(
            cluster.configuration([topic]) { $0.topicWaitMs = 20_000 })
        making.start()
        #expect(try consumer.assign(from: [:]).partitionCounts == [topic: 2])
    }

    @Test("a stored offset beyond the end stops the start, with both offsets named")
    func offsetBeyondEnd() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("beyond")
        try cluster.send(["a", "b"], to: topic)
        let position = TopicPartition(topic: topic, partition: 0)
        let error = try #require(throws: KafkaError.self) {
            _ = try cluster.consumer([topic], from: [position: 9])
        }
        guard case .offsetGap(let gap) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(
            gap
                == OffsetGap(
                    position: position, kind: .endBeforeOffset, stored: 9, available: 0..<2))
        let accepting = try KafkaConsumer(cluster.configuration([topic]) { $0.onGap = .accept })
        #expect(try accepting.assign(from: [position: 9]).acceptedGaps == [gap])
        #expect(try accepting.records(2).map(\.offset) == [0, 1])
    }

    /// Fills a partition beyond the 5 MiB that the embedded broker keeps.
    private func overflow(_ cluster: TestCluster, _ topic: String) throws {
        let producer = try cluster.producer({ $0.compression = "none" })
        for number in 0..<80 {
            try producer.send(
                KafkaMessage(
                    topic: topic, partition: 0, key: nil,
                    value: [UInt8](repeating: 1, count: 100_000)), token: UInt64(number))
        }
        try #require(producer.flush(timeoutMs: 20_000))
    }

    /// Has a real cluster delete records as its retention would.
    private func delete(_ cluster: TestCluster, _ position: TopicPartition, before: Int64) throws {
        guard cluster.embedded == nil else { return }
        try TopicAdministration.deleteRecords(
            of: position, before: before, configuration: cluster.configuration([position.topic]))
    }

    @Test("records lost to retention stop the start")
    func retentionAtStart() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("retention")
        try overflow(cluster, topic)
        let position = TopicPartition(topic: topic, partition: 0)
        try delete(cluster, position, before: 60)
        let error = try #require(throws: KafkaError.self) {
            _ = try cluster.consumer([topic], from: [position: 0])
        }
        guard case .offsetGap(let gap) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(gap.kind == .retention && gap.stored == 0)
        #expect(gap.available.lowerBound > 0 && gap.available.upperBound == 80)
    }

    @Test(
        "records lost to retention behind a slow reader stop it, or are reported when accepted",
        arguments: [KafkaConfiguration.GapPolicy.stop, .accept])
    func retentionWhileReading(policy: KafkaConfiguration.GapPolicy) throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("slow")
        try cluster.send(["first"], to: topic)
        let consumer = try cluster.consumer([topic]) {
            $0.onGap = policy
            // So small that fetching stops long before the end.
            $0.fetchQueueBytesMax = 1 << 20
            $0.queueRecordsMax = 1
        }
        #expect(try consumer.records(1).first?.offset == 0)
        // Nothing is fetched while the log moves on.
        try cluster.embedded?.apply(
            .requestErrors(api: .fetch, error: #require(.init(name: "_TRANSPORT")), count: 200))
        for _ in 0..<3 { try overflow(cluster, topic) }
        try delete(cluster, TopicPartition(topic: topic, partition: 0), before: 200)
        try cluster.embedded?.apply(.clearRequestErrors(api: .fetch))
        var offsets: [Int64] = []
        var gaps: [OffsetGap] = []
        do throws(KafkaError) {
            while offsets.last != 240 {
                let batch = try consumer.next(maxRecords: 10, lingerMs: 10, waitMs: 20_000)
                guard batch.cut != .waited else { break }
                offsets += batch.records.map(\.offset)
                gaps += batch.gaps
            }
            #expect(policy == .accept)
        } catch {
            #expect(policy == .stop)
            guard case .offsetGap(let gap) = error else {
                Issue.record("\(error)")
                return
            }
            gaps.append(gap)
        }
        let gap = try #require(gaps.first)
        #expect(gap.kind == .retention)
        #expect(gap.stored == (offsets.last { $0 < gap.available.lowerBound } ?? 0) + 1)
        if policy == .accept {
            // Nothing but the gaps is missing.
            let lost = gaps.map { Set($0.stored..<$0.available.lowerBound) }
                .reduce(Set<Int64>()) { $0.union($1) }
            #expect(Set(offsets).union(lost) == Set(1...240))
            #expect(offsets.last == 240)
        }
    }

    @Test(
        "a broker that goes away and comes back costs nothing but time",
        .disabled(if: TestCluster.isReal))
    func downAndUp() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("down")
        let consumer = try cluster.consumer([topic])
        try cluster.send((0..<10).map { "\($0)" }, to: topic)
        #expect(try consumer.records(10).count == 10)
        let producer = try cluster.producer(client: ["reconnect.backoff.max.ms": "200"])
        try producer.connect(timeoutMs: 10_000)
        try broker.apply(.down(broker: nil))
        for number in 0..<10 {
            try producer.send(
                KafkaMessage(topic: topic, partition: 0, key: nil, value: Array("x\(number)".utf8)),
                token: UInt64(number))
        }
        #expect(!producer.flush(timeoutMs: 300))
        #expect(producer.inFlight == 10)
        #expect(try consumer.next(maxRecords: 1, lingerMs: 1, waitMs: 200).cut == .waited)
        try broker.apply(.up(broker: nil))
        #expect(producer.flush(timeoutMs: 20_000))
        let results = producer.drainDeliveries()
        #expect(results.map(\.token) == Array(0..<10))
        #expect(
            results.map(\.result)
                == (0..<10).map { .delivered(partition: 0, offset: Int64($0 + 10)) })
        #expect(try consumer.records(10).map(\.text) == (0..<10).map { "x\($0)" })
    }

    @Test("a leader that moves is followed", .disabled(if: TestCluster.isReal))
    func leaderChange() throws {
        let cluster = try TestCluster(brokers: 3)
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("leader")
        let consumer = try cluster.consumer([topic])
        for (number, leader) in [Int32(1), 2, 3, 1].enumerated() {
            try broker.apply(.leader(topic: topic, partition: 0, broker: leader))
            try cluster.send(["\(number)"], to: topic)
            #expect(try consumer.records(1).first?.offset == Int64(number))
        }
    }

    @Test(
        "fetches that fail for a while lose nothing",
        .disabled(if: TestCluster.isReal),
        arguments: [
            "OFFSET_OUT_OF_RANGE", "NOT_LEADER_FOR_PARTITION", "UNKNOWN_TOPIC_OR_PART",
            "LEADER_NOT_AVAILABLE", "REQUEST_TIMED_OUT", "UNKNOWN", "KAFKA_STORAGE_ERROR",
            "FENCED_LEADER_EPOCH", "_TRANSPORT",
        ])
    func fetchErrors(name: String) throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("fetch-errors")
        let consumer = try cluster.consumer([topic]) {
            $0.client = [
                "fetch.error.backoff.ms": "50", "retry.backoff.ms": "20",
                "reconnect.backoff.max.ms": "100",
                "topic.metadata.refresh.fast.interval.ms": "50",
            ]
        }
        try cluster.send(["a"], to: topic)
        _ = try consumer.records(1)
        let error = try #require(BrokerErrorCode(name: name))
        try broker.apply(.requestErrors(api: .fetch, error: error, count: 3))
        try cluster.send((0..<100).map { "\($0)" }, to: topic)
        #expect(try consumer.records(100).map(\.offset) == Array(1...100))
    }

    /// A consumer that learns of topics that go away at once.
    private func watchful(_ cluster: TestCluster, _ topic: String) throws -> KafkaConsumer {
        try cluster.consumer([topic]) {
            $0.client = [
                "topic.metadata.propagation.max.ms": "100",
                "topic.metadata.refresh.interval.ms": "100",
                "topic.metadata.refresh.fast.interval.ms": "50",
            ]
        }
    }

    @Test("a topic that goes away while it is read ends the stream by name")
    func deletedTopic() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("deleted")
        let consumer = try watchful(cluster, topic)
        try cluster.send(["a", "b"], to: topic)
        _ = try consumer.records(2)
        let gone = try #require(BrokerErrorCode(name: "UNKNOWN_TOPIC_OR_PART"))
        if let broker = cluster.embedded {
            try broker.apply(.topicError(topic: topic, error: gone))
        } else {
            try TopicAdministration.delete(topic, configuration: cluster.configuration([topic]))
        }
        let error = try #require(throws: KafkaError.self) {
            _ = try consumer.next(maxRecords: 10, lingerMs: 0, waitMs: 20_000)
        }
        guard case .unknownTopic(topic, _) = error else {
            Issue.record("\(error)")
            return
        }
        let start = ContinuousClock().now
        consumer.close()
        #expect(ContinuousClock().now - start < .seconds(10))
    }

    @Test(
        "a topic that the brokers do not know for a moment is read on",
        .disabled(if: TestCluster.isReal))
    func forgottenTopic() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("forgotten")
        let consumer = try watchful(cluster, topic)
        try cluster.send(["a"], to: topic)
        _ = try consumer.records(1)
        let gone = try #require(BrokerErrorCode(name: "UNKNOWN_TOPIC_OR_PART"))
        let there = try #require(BrokerErrorCode(name: "NO_ERROR"))
        try broker.apply(.topicError(topic: topic, error: gone))
        try eventually("the consumer notices") {
            cluster.notices.all.contains { $0.contains("UNKNOWN_TOPIC_OR_PART") }
        }
        try broker.apply(.topicError(topic: topic, error: there))
        try cluster.send(["b", "c"], to: topic)
        #expect(try consumer.records(2).map(\.offset) == [1, 2])
    }

    @Test("a group's coordinator that is gone disturbs nothing", .disabled(if: TestCluster.isReal))
    func noCoordinator() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("coordinator")
        let failing = try #require(BrokerErrorCode(name: "COORDINATOR_NOT_AVAILABLE"))
        try broker.apply(.requestErrors(api: .findCoordinator, error: failing, count: 10_000))
        let consumer = try cluster.consumer([topic])
        try cluster.send(["a"], to: topic)
        _ = try consumer.records(1)
        let position = TopicPartition(topic: topic, partition: 0)
        #expect(try consumer.commitForMonitors([position: 1], waitMs: 200) != nil)
        #expect(try consumer.commitForMonitors([position: 1]) == nil)
        let start = ContinuousClock().now
        consumer.close()
        #expect(ContinuousClock().now - start < .seconds(5))
    }
}
