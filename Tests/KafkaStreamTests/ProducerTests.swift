import Foundation
import KafkaStream
import Records
import Testing

@Suite("Producer")
struct ProducerTests {
    private func message(_ topic: String, _ text: String, partition: Int32? = 0) -> KafkaMessage {
        KafkaMessage(topic: topic, partition: partition, key: nil, value: Array(text.utf8))
    }

    @Test("every message is reported once, under its token, with its offset")
    func deliveries() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("deliveries")
        let producer = try cluster.producer()
        // Tokens are the caller's: zero and the largest are as good as any.
        let tokens: [UInt64] = [0, .max] + Array(1...500)
        for token in tokens {
            try producer.send(message(topic, "\(token)"), token: token)
        }
        #expect(producer.flush(timeoutMs: 20_000))
        let deliveries = producer.drainDeliveries()
        #expect(deliveries.map(\.token) == tokens)
        #expect(
            deliveries.map(\.result)
                == tokens.indices.map { .delivered(partition: 0, offset: Int64($0)) })
        #expect(producer.inFlight == 0 && producer.drainDeliveries().isEmpty)
        #expect(!producer.waitForDeliveries(timeoutMs: 1))
    }

    @Test("equal keys go to one partition")
    func partitioning() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("keys", partitions: 5)
        let producer = try cluster.producer()
        for number in 0..<200 {
            try producer.send(
                KafkaMessage(
                    topic: topic, key: Array("user-\(number % 20)".utf8), value: [1]),
                token: UInt64(number))
        }
        #expect(producer.flush(timeoutMs: 20_000))
        let records = try cluster.consumer([topic]).records(200)
        let partitions = Dictionary(grouping: records, by: \.key)
            .mapValues { Set($0.map(\.position.partition)) }
        #expect(partitions.count == 20 && partitions.values.allSatisfy { $0.count == 1 })
        #expect(Set(records.map(\.position.partition)).count > 1)
    }

    @Test(
        "a key's partition is known without asking, for both partitioners",
        arguments: [
            (KeyPartitioner.crc32, "consistent"), (.crc32, "consistent_random"),
            (.murmur2, "murmur2"), (.murmur2, "murmur2_random"),
        ])
    func knownPartition(partitioner: KeyPartitioner, setting: String) throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("partitioner", partitions: 7)
        let producer = try cluster.producer(client: ["partitioner": setting])
        for length in 1..<60 {
            let key = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length * 11) }
            try producer.send(
                KafkaMessage(topic: topic, key: key, value: key), token: UInt64(length))
        }
        #expect(producer.flush(timeoutMs: 20_000))
        for record in try cluster.consumer([topic]).records(59) {
            let key = try #require(record.key)
            #expect(partitioner.partition(of: key, count: 7) == record.position.partition)
        }
    }

    @Test("murmur2 is that of Java's clients")
    func murmur2() {
        // Source: Apache Kafka, UtilsTest.testMurmur2.
        for (key, hash) in [
            ("21", -973_932_308), ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] as [(String, Int32)] {
            let positive = Int(hash & 0x7fff_ffff)
            for count in [1, 7, 1000] {
                #expect(
                    KeyPartitioner.murmur2.partition(of: Array(key.utf8), count: count)
                        == Int32(positive % count))
            }
        }
    }

    @Test("a message that is too large is reported so, and the others are delivered")
    func tooLarge() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("large")
        let producer = try cluster.producer()
        try producer.send(message(topic, "before"), token: 1)
        try producer.send(
            KafkaMessage(
                topic: topic, partition: 0, key: nil,
                value: [UInt8](repeating: 0x61, count: 10 << 20)), token: 2)
        try producer.send(message(topic, "after"), token: 3)
        #expect(producer.flush(timeoutMs: 20_000))
        let deliveries = producer.drainDeliveries().sorted { $0.token < $1.token }
        #expect(
            deliveries.map(\.result) == [
                .delivered(partition: 0, offset: 0), .tooLarge,
                .delivered(partition: 0, offset: 1),
            ])
        #expect(producer.fatalError == nil)
    }

    @Test(
        "a full queue holds the sender up, and nothing is lost", .disabled(if: TestCluster.isReal))
    func backPressure() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("pressure")
        let producer = try cluster.producer({ $0.queueRecordsMax = 20 })
        try broker.apply(.latency(broker: nil, ms: 20))
        var inFlightMax = 0
        for number in 0..<300 {
            try producer.send(message(topic, "\(number)"), token: UInt64(number))
            inFlightMax = max(inFlightMax, producer.inFlight)
        }
        #expect(inFlightMax <= 20, "\(inFlightMax)")
        #expect(producer.flush(timeoutMs: 20_000))
        #expect(producer.drainDeliveries().map(\.token) == Array(0..<300))
        // With no broker at all the sender is told, and the message is not taken.
        try broker.apply(.down(broker: nil))
        for number in 0..<20 {
            try producer.send(message(topic, "late"), token: UInt64(1000 + number))
        }
        let error = try #require(throws: KafkaError.self) {
            try producer.send(message(topic, "refused"), token: 2000, timeoutMs: 150)
        }
        guard case .timedOut = error else {
            Issue.record("\(error)")
            return
        }
        try broker.apply(.latency(broker: nil, ms: 0))
        try broker.apply(.up(broker: nil))
        #expect(producer.flush(timeoutMs: 20_000))
        #expect(producer.drainDeliveries().map(\.token) == Array(1000..<1020))
    }

    @Test("reports that nobody takes end the sending, and taking them lets it go on")
    func undrained() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("undrained")
        let producer = try cluster.producer({ $0.deliveriesMax = 10 })
        for number in 0..<10 {
            try producer.send(message(topic, "\(number)"), token: UInt64(number))
        }
        let error = try #require(throws: KafkaError.self) {
            try producer.send(message(topic, "eleventh"), token: 10)
        }
        guard case .deliveriesNotDrained(count: 10) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(producer.flush(timeoutMs: 20_000))
        #expect(producer.drainDeliveries().count == 10)
        try producer.send(message(topic, "eleventh"), token: 10)
        #expect(producer.waitForDeliveries(timeoutMs: 20_000))
    }

    @Test(
        "requests that fail are sent again without duplicates and in order",
        .disabled(if: TestCluster.isReal),
        arguments: [
            "NOT_LEADER_FOR_PARTITION", "REQUEST_TIMED_OUT", "_TRANSPORT",
            "NOT_ENOUGH_REPLICAS", "LEADER_NOT_AVAILABLE",
        ])
    func retries(name: String) throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("retries")
        let producer = try cluster.producer(
            { $0.lingerMs = 1 },
            client: [
                "retry.backoff.ms": "20", "reconnect.backoff.max.ms": "100",
                "batch.num.messages": "50", "topic.metadata.refresh.fast.interval.ms": "50",
            ])
        try producer.send(message(topic, "0"), token: 0)
        #expect(producer.flush(timeoutMs: 20_000))
        let error = try #require(BrokerErrorCode(name: name))
        try broker.apply(.requestErrors(api: .produce, error: error, count: 4))
        for number in 1..<500 {
            try producer.send(message(topic, "\(number)"), token: UInt64(number))
        }
        #expect(producer.flush(timeoutMs: 30_000))
        #expect(producer.drainDeliveries().map(\.token).sorted() == Array(0..<500))
        let records = try cluster.consumer([topic]).records(500)
        #expect(records.map(\.text) == (0..<500).map { "\($0)" })
    }

    @Test(
        "after a fatal error a new producer sends what was not reported",
        .disabled(if: TestCluster.isReal))
    func fatal() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("fatal")
        let refused = try #require(BrokerErrorCode(name: "CLUSTER_AUTHORIZATION_FAILED"))
        try broker.apply(.requestErrors(api: .initProducerId, error: refused, count: 1))
        let first = try cluster.producer()
        try eventually("the producer fails for good") { first.fatalError != nil }
        guard case .fatal = try #require(first.fatalError) else {
            Issue.record("\(String(describing: first.fatalError))")
            return
        }
        #expect(throws: KafkaError.self) { try first.send(message(topic, "a"), token: 1) }
        first.close()
        let second = try cluster.producer()
        try second.send(message(topic, "a"), token: 1)
        #expect(second.flush(timeoutMs: 20_000))
        #expect(
            second.drainDeliveries() == [
                Delivery(token: 1, result: .delivered(partition: 0, offset: 0))
            ])
    }

    @Test("a closed producer says so")
    func closed() throws {
        let cluster = try TestCluster()
        let producer = try cluster.producer()
        producer.close()
        let error = try #require(throws: KafkaError.self) {
            try producer.send(message("t", "a"), token: 1)
        }
        guard case .closed = error else {
            Issue.record("\(error)")
            return
        }
        #expect(!producer.flush(timeoutMs: 10) || producer.inFlight == 0)
    }
}

@Suite("Transactions")
struct TransactionTests {
    private func marker(_ topic: String, _ sequence: Int) -> KafkaMessage {
        KafkaMessage(
            topic: topic, partition: 0, key: Array("store".utf8), value: Array("\(sequence)".utf8))
    }

    private func messages(_ topic: String, _ range: Range<Int>) -> [KafkaMessage] {
        range.map {
            KafkaMessage(topic: topic, partition: 0, key: nil, value: Array("r\($0)".utf8))
        }
    }

    @Test("messages and their marker are published together, and the marker is found again")
    func publish() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("exactly")
        let markers = try cluster.topic("markers")
        let id = "tidemark-test-\(UUID().uuidString)"
        let producer = try cluster.producer({ $0.transactionalId = id })
        try producer.initTransactions(timeoutMs: 20_000)
        let key = Array("store".utf8)
        func last() throws -> String? {
            try KafkaConsumer.lastRecord(
                topic: markers, key: key, configuration: cluster.configuration([markers]),
                timeoutMs: 20_000)?.text
        }
        #expect(try last() == nil)
        for sequence in 0..<3 {
            try producer.publish(
                messages(topic, sequence * 10..<sequence * 10 + 10),
                marker: marker(markers, sequence), timeoutMs: 20_000)
        }
        #expect(try last() == "2")
        let records = try cluster.consumer([topic]).records(30)
        #expect(records.map(\.text) == (0..<30).map { "r\($0)" })
        // Other stores keep their markers in the same topic.
        let other = try KafkaConsumer.lastRecord(
            topic: markers, key: Array("other".utf8),
            configuration: cluster.configuration([markers]), timeoutMs: 20_000)
        #expect(other == nil)
    }

    @Test("a transaction with a message that cannot be sent is aborted, and the next one works")
    func abort() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("abort")
        let markers = try cluster.topic("abort-markers")
        let id = "tidemark-test-\(UUID().uuidString)"
        let producer = try cluster.producer({ $0.transactionalId = id })
        try producer.initTransactions(timeoutMs: 20_000)
        let large = KafkaMessage(
            topic: topic, partition: 0, key: nil, value: [UInt8](repeating: 1, count: 2 << 20))
        let error = try #require(throws: KafkaError.self) {
            try producer.publish([large], marker: marker(markers, 0), timeoutMs: 20_000)
        }
        guard case .undeliverable(0, topic: _, .tooLarge) = error else {
            Issue.record("\(error)")
            return
        }
        try producer.publish(
            messages(topic, 0..<5), marker: marker(markers, 1), timeoutMs: 20_000)
        #expect(try cluster.consumer([topic]).records(5).map(\.text).last == "r4")
        #expect(producer.inFlight == 0 && producer.drainDeliveries().isEmpty)
    }

    @Test(
        "a commit that the broker refuses for a while succeeds", .disabled(if: TestCluster.isReal))
    func commitErrors() throws {
        let cluster = try TestCluster()
        let broker = try #require(cluster.embedded)
        let topic = try cluster.topic("commit")
        let producer = try cluster.producer({ $0.transactionalId = "id" })
        try producer.initTransactions(timeoutMs: 20_000)
        for (name, api) in [
            ("COORDINATOR_NOT_AVAILABLE", BrokerRequest.endTransaction),
            ("CONCURRENT_TRANSACTIONS", .addPartitionsToTransaction),
            ("COORDINATOR_LOAD_IN_PROGRESS", .endTransaction),
        ] {
            let error = try #require(BrokerErrorCode(name: name))
            try broker.apply(.requestErrors(api: api, error: error, count: 2))
            try producer.publish([], marker: marker(topic, 1), timeoutMs: 20_000)
        }
        #expect(try cluster.consumer([topic]).records(3).count == 3)
    }

    @Test("a producer without an id has no transactions")
    func withoutId() throws {
        let cluster = try TestCluster()
        let producer = try cluster.producer()
        #expect(throws: KafkaError.self) { try producer.initTransactions(timeoutMs: 1000) }
    }
}
