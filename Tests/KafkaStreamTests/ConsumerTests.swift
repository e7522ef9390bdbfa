import Foundation
import KafkaStream
import Records
import Testing

@Suite("Consumer")
struct ConsumerTests {
    @Test("a caller that is woken comes back at once, and what it has gathered stays")
    func woken() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("woken")
        let consumer = try cluster.consumer([topic])
        defer { consumer.close() }
        try cluster.send(["a"], to: topic)
        // Before the call, and from another thread in the middle of it.
        consumer.wake()
        #expect(try consumer.next(maxRecords: 2, lingerMs: 60_000, waitMs: 60_000).cut == .woken)
        Thread.detachNewThread {
            usleep(300_000)
            consumer.wake()
        }
        let empty = try consumer.next(maxRecords: 2, lingerMs: 60_000, waitMs: 60_000)
        #expect(empty.cut == .woken && empty.records.isEmpty)
        try cluster.send(["b"], to: topic)
        let full = try consumer.next(maxRecords: 2, lingerMs: 60_000, waitMs: 60_000)
        #expect(full.cut == .full && full.records.count == 2)
        // Woken all the time, it is told that nothing has come as soon as otherwise.
        let end = ContinuousClock.now + .seconds(20)
        var cut = KafkaBatch.Cut.woken
        while cut == .woken, ContinuousClock.now < end {
            consumer.wake()
            cut = try consumer.next(maxRecords: 2, lingerMs: 60_000, waitMs: 200).cut
        }
        #expect(cut == .waited)
        // A batch that is due comes first.
        try cluster.send(["c"], to: topic)
        _ = try consumer.next(maxRecords: 2, lingerMs: 60_000, waitMs: 1_000)
        consumer.wake()
        let due = try consumer.next(maxRecords: 1, lingerMs: 60_000, waitMs: 60_000)
        #expect(due.records.count == 1)
        #expect(try consumer.next(maxRecords: 1, lingerMs: 60_000, waitMs: 60_000).cut == .woken)
    }

    @Test("records come in order, with their offsets, keys and timestamps")
    func order() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("order", partitions: 3)
        let producer = try cluster.producer()
        let before = Int64(Date().timeIntervalSince1970 * 1000)
        for number in 0..<3000 {
            try producer.send(
                KafkaMessage(
                    topic: topic, partition: Int32(number % 3), key: Array("k\(number)".utf8),
                    value: Array("v\(number)".utf8)), token: UInt64(number))
        }
        #expect(producer.flush(timeoutMs: 20_000))
        let consumer = try cluster.consumer([topic])
        let records = try consumer.records(3000)
        for partition in Int32(0)..<3 {
            let own = records.filter { $0.position.partition == partition }
            #expect(own.map(\.offset) == Array(0..<1000))
            #expect(own.map(\.text) == (0..<1000).map { "v\($0 * 3 + Int(partition))" })
            #expect(own[7].key == Array("k\(21 + Int(partition))".utf8))
        }
        let timestamps = records.compactMap(\.timestampMs)
        #expect(timestamps.count == 3000)
        #expect(timestamps.allSatisfy { (before - 60_000...before + 60_000).contains($0) })
    }

    @Test("each partition goes on from its own offset, one without an offset from its beginning")
    func resume() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("resume", partitions: 2)
        try cluster.send((0..<100).map { "a\($0)" }, to: topic, partition: 0)
        try cluster.send((0..<50).map { "b\($0)" }, to: topic, partition: 1)
        let first = TopicPartition(topic: topic, partition: 0)
        let consumer = try cluster.consumer([topic], from: [first: 90])
        let batch = try consumer.next(maxRecords: 60, lingerMs: 0, waitMs: 20_000)
        let texts = Set(batch.records.compactMap(\.text))
        #expect(texts == Set((90..<100).map { "a\($0)" } + (0..<50).map { "b\($0)" }))
        let second = TopicPartition(topic: topic, partition: 1)
        #expect(batch.nextOffsets == [first: 100, second: 50])
        // And once more from what the batch said: there is nothing left.
        let again = try cluster.consumer([topic], from: batch.nextOffsets)
        try eventually("the end is reached") { again.status()?.isCaughtUp == true }
        #expect(again.status()?.recordsReceived == 0)
        #expect(again.status()?.lag == 0)
    }

    @Test("tombstones, empty values, null keys, headers and bytes that are no UTF-8 come through")
    func oddRecords() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("odd")
        let producer = try cluster.producer()
        let raw: [UInt8] = [0xff, 0x00, 0xfe, 0x80, 0x0a]
        let messages = [
            KafkaMessage(topic: topic, key: nil, value: nil),
            KafkaMessage(topic: topic, key: [], value: []),
            KafkaMessage(topic: topic, key: raw, value: raw),
            KafkaMessage(
                topic: topic, key: nil, value: [1],
                headers: [("a", raw), ("", []), ("a", [7]), ("größe", [])]),
            KafkaMessage(topic: topic, key: nil, value: [UInt8](repeating: 0x7b, count: 900_000)),
        ]
        for (number, message) in messages.enumerated() {
            try producer.send(message, token: UInt64(number))
            #expect(producer.flush(timeoutMs: 20_000))
        }
        let records = try cluster.consumer([topic]).records(5)
        #expect(records[0].key == nil && records[0].value == nil)
        #expect(records[1].key == [] && records[1].value == [])
        #expect(records[2].key == raw && records[2].value == raw)
        #expect(records[3].headers.map(\.name) == ["a", "", "a", "größe"])
        #expect(records[3].headers.map(\.value) == [raw, [], [7], []])
        #expect(records[4].value?.count == 900_000)
    }

    @Test("a batch is cut by count, and with linger 0 by nothing else until it is drained")
    func cuts() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("cuts")
        try cluster.send((0..<25).map { "\($0)" }, to: topic)
        let consumer = try cluster.consumer([topic])
        for round in 0..<2 {
            let batch = try consumer.next(maxRecords: 10, lingerMs: 0, waitMs: 20_000)
            #expect(batch.cut == .full)
            #expect(
                batch.records.map(\.offset) == Array(Int64(round * 10)..<Int64(round * 10 + 10)))
        }
        let none = try consumer.next(maxRecords: 10, lingerMs: 0, waitMs: 100)
        #expect(none.cut == .waited && none.records.isEmpty && none.nextOffsets.isEmpty)
        try eventually("the end is reached") { consumer.status()?.isCaughtUp == true }
        #expect(consumer.status()?.waitingRecords == 5)
        #expect(consumer.status()?.partitions.first?.nextOffset == 20)
        let rest = try consumer.drain(maxRecords: 10)
        #expect(rest.cut == .drained)
        #expect(rest.records.map(\.offset) == Array(20..<25))
        #expect(consumer.status()?.lag == 0)
    }

    @Test("a batch is cut when its first record has waited for the linger time")
    func linger() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("linger")
        try cluster.send(["a", "b", "c"], to: topic)
        let consumer = try cluster.consumer([topic])
        let batch = try consumer.next(maxRecords: 1000, lingerMs: 30, waitMs: 20_000)
        #expect(batch.cut == .lingered)
        #expect(!batch.records.isEmpty)
        let empty = try consumer.next(maxRecords: 1000, lingerMs: 30, waitMs: 50)
        #expect(batch.records.count == 3 ? empty.cut == .waited : empty.cut == .lingered)
    }

    @Test("a batch is cut when its bytes reach the bound, in the same place each time")
    func byteCut() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("bytes")
        try cluster.send((0..<100).map { _ in String(repeating: "x", count: 10_000) }, to: topic)
        let sizes = try (0..<2).map { _ in
            let consumer = try cluster.consumer([topic]) { $0.batchBytesMax = 200_000 }
            return try (0..<4).map { _ in
                let batch = try consumer.next(maxRecords: 1000, lingerMs: 0, waitMs: 20_000)
                #expect(batch.cut == .bytes)
                return batch.records.count
            }
        }
        #expect(sizes[0] == sizes[1])
        #expect(sizes[0].allSatisfy { (18...21).contains($0) })
    }

    @Test("shards read disjoint partitions that make up the whole")
    func shards() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("shards", partitions: 7)
        for partition in Int32(0)..<7 {
            try cluster.send(["p\(partition)"], to: topic, partition: partition)
        }
        var seen: [String] = []
        for shard in 0..<3 {
            let consumer = try cluster.consumer([topic]) { ($0.shards, $0.shard) = (3, shard) }
            let owned = try #require(consumer.status()).partitions.map(\.position.partition)
            #expect(owned.allSatisfy { Int($0) % 3 == shard })
            seen += try consumer.records(owned.count).compactMap(\.text)
        }
        #expect(seen.sorted() == (0..<7).map { "p\($0)" })
    }

    @Test("a backlog far larger than the queue comes through whole, and the queue keeps its bound")
    func smallQueue() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("backlog")
        let count = 40_000
        try cluster.send((0..<count).map { "\($0)-abcdefghijklmnopqrstuvwxyz" }, to: topic)
        let consumer = try cluster.consumer([topic]) {
            $0.queueRecordsMax = 500
            $0.queueBytesMax = 1 << 20
        }
        // The poll thread fills the queue while nobody reads it.
        try eventually("the queue is full") { (consumer.status()?.waitingRecords ?? 0) >= 500 }
        var offsets: [Int64] = []
        var waitingMax = 0
        while offsets.count < count {
            let batch = try consumer.next(maxRecords: 64, lingerMs: 20, waitMs: 20_000)
            try #require(!batch.records.isEmpty)
            offsets += batch.records.map(\.offset)
            waitingMax = max(waitingMax, consumer.status()?.waitingRecords ?? 0)
        }
        #expect(offsets == Array(0..<Int64(count)))
        // The bound, a chunk of the poll thread and the batch being gathered.
        #expect(waitingMax <= 500 + 1024 + 64, "\(waitingMax)")
    }

    @Test("consumption goes on after its caller stalled")
    func stall() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("stall")
        try cluster.send((0..<100).map { "\($0)" }, to: topic)
        // The settings under which a member of a group would be thrown out of it.
        let consumer = try cluster.consumer([topic]) {
            $0.queueRecordsMax = 10
            $0.client = ["max.poll.interval.ms": "6000", "session.timeout.ms": "6000"]
        }
        _ = try consumer.records(5)
        let stalled = ContinuousClock().now
        try eventually("7 seconds have passed", timeoutMs: 20_000) {
            ContinuousClock().now - stalled > .seconds(7)
        }
        #expect(try consumer.records(95).map(\.offset) == Array(5..<100))
        try cluster.send(["after"], to: topic)
        #expect(try consumer.records(1).first?.text == "after")
    }

    @Test("the end of every partition is noticed, and idleness counts from there")
    func idle() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("idle", partitions: 4)
        try cluster.send(["one"], to: topic, partition: 2)
        let consumer = try cluster.consumer([topic])
        _ = try consumer.records(1)
        try eventually("the end is reached") { consumer.status()?.isCaughtUp == true }
        try eventually("it has been idle") { (consumer.status()?.idleMs ?? 0) >= 300 }
        #expect(consumer.status()?.partitions.map(\.endOffset) == [0, 0, 1, 0])
        try cluster.send(["two"], to: topic, partition: 1)
        #expect(try consumer.records(1).first?.text == "two")
        #expect((consumer.status()?.sinceLastRecordMs ?? .max) < 5000)
        try eventually("the end is reached again") { consumer.status()?.isCaughtUp == true }
    }

    @Test("a waiting caller comes back when its stop says so, and when the consumer is closed")
    func stop() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("stop")
        let consumer = try cluster.consumer([topic])
        var asked = 0
        let batch = try consumer.next(maxRecords: 10, lingerMs: 0, waitMs: 60_000) {
            asked += 1
            return asked > 2
        }
        #expect(batch.cut == .stopped)
        let ended = Guarded<KafkaError?>(nil)
        let waiting = Thread {
            do throws(KafkaError) {
                _ = try consumer.next(maxRecords: 10, lingerMs: 0, waitMs: 60_000)
            } catch {
                ended.with { $0 = error }
            }
        }
        waiting.start()
        consumer.close()
        try eventually("the caller is let go") { ended.with { $0 != nil } }
        guard case .closed = try #require(ended.with { $0 }) else {
            Issue.record("not closed but \(String(describing: ended.with { $0 }))")
            return
        }
        #expect(consumer.status() == nil)
    }

    @Test("partitions beyond those of the start are discovered and read from their beginning")
    func growth() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("growth", partitions: 4)
        for partition in Int32(0)..<4 {
            try cluster.send(["p\(partition)"], to: topic, partition: partition)
        }
        let consumer = try KafkaConsumer(
            cluster.configuration([topic]) { $0.discoveryIntervalMs = 100 })
        try consumer.assign(from: [:], partitionsMax: 2)
        #expect(consumer.status()?.partitions.count == 2)
        let batch = try consumer.next(maxRecords: 4, lingerMs: 0, waitMs: 20_000)
        #expect(Set(batch.records.compactMap(\.text)) == ["p0", "p1", "p2", "p3"])
        #expect(batch.addedPartitions.map(\.partition).sorted() == [2, 3])
        // Those that were there from the start go on undisturbed.
        try cluster.send(["more"], to: topic, partition: 0)
        #expect(try consumer.records(1).first?.offset == 1)
    }

    @Test("offsets committed for monitors are in the group, and are not what is read from")
    func monitorOffsets() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("monitor")
        try cluster.send((0..<10).map { "\($0)" }, to: topic)
        let position = TopicPartition(topic: topic, partition: 0)
        let group = "tidemark-test-\(UUID().uuidString)"
        let consumer = try cluster.consumer([topic]) { $0.monitorGroup = group }
        #expect(try consumer.commitForMonitors([position: 7], waitMs: 10_000) == nil)
        // A consumer of the same group without an offset of its own starts at the beginning.
        let second = try cluster.consumer([topic]) { $0.monitorGroup = group }
        #expect(try second.records(10).first?.offset == 0)
    }
}
