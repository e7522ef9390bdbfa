import Foundation
import KafkaStream
import Records
import Testing

@Suite("Growth") struct GrowthTests {
    private let choice = PartitionChoice(shards: 3, shard: 1, wholeTopics: ["items"])

    private func refusal(_ growth: inout PartitionGrowth, _ counts: [String: Int]) -> String? {
        guard case .refuse(let error) = growth.verdict(counts) else { return nil }
        return "\(error)"
    }

    @Test("topics that grow together, by counts that the shards divide, are read on")
    func together() {
        var growth = PartitionGrowth(choice, atStart: ["a": 6, "b": 6, "items": 1])
        for counts in [["a": 6, "b": 6, "items": 1], ["a": 12, "b": 12, "items": 5]] {
            guard case .read = growth.verdict(counts) else {
                Issue.record("\(counts) are not read")
                return
            }
        }
    }

    @Test("topics that grow one by one are borne for a while, and refused when they stay unequal")
    func oneByOne() {
        var growth = PartitionGrowth(choice, atStart: ["a": 6, "b": 6])
        for _ in 0..<3 {
            for _ in 1..<PartitionGrowth.unequalLooksMax {
                guard case .wait = growth.verdict(["a": 12, "b": 6]) else {
                    Issue.record("unequal counts are not waited for")
                    return
                }
            }
            guard case .read = growth.verdict(["a": 12, "b": 12]) else {
                Issue.record("equal counts are not read")
                return
            }
        }
        for _ in 1..<PartitionGrowth.unequalLooksMax { _ = growth.verdict(["a": 24, "b": 12]) }
        let refused = refusal(&growth, ["a": 24, "b": 12])
        #expect(refused?.contains("a has 24, b has 12") == true, "\(refused ?? "nothing")")
    }

    @Test("growth that would spread shoppers anew among the shards is refused at once")
    func spread() {
        var growth = PartitionGrowth(choice, atStart: ["a": 6])
        let refused = refusal(&growth, ["a": 8])
        #expect(refused?.contains("from 6 to 8 partitions") == true, "\(refused ?? "nothing")")
        var odd = PartitionGrowth(choice, atStart: ["a": 4])
        #expect(refusal(&odd, ["a": 6]) != nil)
        var alone = PartitionGrowth(
            PartitionChoice(shards: 1, shard: 0), atStart: ["a": 4, "b": 1])
        guard case .read = alone.verdict(["a": 5, "b": 1]) else {
            Issue.record("one daemon reads whatever there is")
            return
        }
    }

    @Test(
        "with shards, topics that grow together are read on, and one that grows alone ends the stream by name",
        .enabled(if: TestCluster.isReal))
    func watched() throws {
        let cluster = try TestCluster()
        let topics = try ["clicks", "purchases"].map { try cluster.topic($0, partitions: 3) }
        let consumer = try cluster.consumer(topics) {
            ($0.shards, $0.shard) = (3, 1)
            $0.discoveryIntervalMs = 200
        }
        for topic in topics {
            try TopicAdministration.grow(
                topic, to: 6, configuration: cluster.configuration([topic]))
        }
        for topic in topics { try cluster.send(["grown"], to: topic, partition: 4) }
        let records = try consumer.records(2)
        #expect(Set(records.map(\.position)) == Set(topics.map { .init(topic: $0, partition: 4) }))
        try TopicAdministration.grow(
            topics[0], to: 9, configuration: cluster.configuration(topics))
        try cluster.send(["too early"], to: topics[0], partition: 7)
        let error = try #require(throws: KafkaError.self) {
            let batch = try consumer.next(maxRecords: 1, lingerMs: 0, waitMs: 60_000)
            Issue.record("read \(batch.records.map(\.position))")
        }
        #expect("\(error)".contains("\(topics[0]) has 9"), "\(error)")
    }
}
