import Foundation
import KafkaStream
import Records
import Testing

@Suite struct ShardTests {
    private let choice = PartitionChoice(shards: 3, shard: 1, wholeTopics: ["catalogue"])

    @Test("every partition has one owner, and every shard reads a whole topic")
    func owners() {
        let all = (0..<3).map { PartitionChoice(shards: 3, shard: $0, wholeTopics: ["catalogue"]) }
        for partition in 0..<12 as Range<Int32> {
            let events = TopicPartition(topic: "events", partition: partition)
            #expect(all.filter { $0.owns(events) }.count == 1)
            let items = TopicPartition(topic: "catalogue", partition: partition)
            #expect(all.allSatisfy { $0.owns(items) })
        }
        #expect(
            choice.positions(topic: "events", count: 5).map(\.partition) == [1, 4])
    }

    @Test("topics of unequal partition counts are refused by name, but for whole ones")
    func equalCounts() throws {
        try choice.requireEqualCounts(["clicks": 12, "purchases": 12, "catalogue": 1])
        let error = try #require(throws: KafkaError.self) {
            try choice.requireEqualCounts(["clicks": 12, "purchases": 6])
        }
        #expect(error.category == .configuration)
        #expect("\(error)".contains("clicks has 12, purchases has 6"), "\(error)")
        try PartitionChoice(shards: 1, shard: 0).requireEqualCounts(["a": 1, "b": 2])
    }

    @Test("a key in another shard's partition is told, also in a topic that has grown")
    func misplaced() {
        let keys = ShardKeys(shards: 3, partitioner: .murmur2, partitionCounts: ["events": 12])
        for number in 0..<200 {
            let key = Array("user-\(number)".utf8)
            let partition = KeyPartitioner.murmur2.partition(of: key, count: 12)
            func record(_ partition: Int32) -> SourceRecord {
                SourceRecord(
                    position: .init(topic: "events", partition: partition), offset: 0, key: key,
                    value: nil)
            }
            #expect(!keys.isMisplaced(record(partition)))
            // Where the topic's first six partitions put it.
            let before = KeyPartitioner.murmur2.partition(of: key, count: 6)
            #expect(!keys.isMisplaced(record(before)))
            #expect(keys.isMisplaced(record((partition + 1) % 12)))
            #expect(keys.shard(of: record(0)) == Int(partition) % 3)
        }
    }

    @Test("a topic written with another partitioner is refused before anything is learned")
    func check() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("partitioner", partitions: 6)
        let producer = try cluster.producer(client: ["partitioner": "murmur2_random"])
        for number in 0..<100 {
            try producer.send(
                KafkaMessage(topic: topic, key: Array("user-\(number)".utf8), value: [1]),
                token: UInt64(number))
        }
        try #require(producer.flush(timeoutMs: 20_000))
        var configuration = cluster.configuration([topic]) { $0.shards = 3 }
        try ShardKeys.check(configuration, partitionCounts: [topic: 6])
        configuration.partitioner = .crc32
        let error = try #require(throws: KafkaError.self) {
            try ShardKeys.check(configuration, partitionCounts: [topic: 6])
        }
        #expect("\(error)".contains("kafka.partitioner") && "\(error)".contains(topic), "\(error)")
    }
}
