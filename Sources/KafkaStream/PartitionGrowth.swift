/// Whether topics that shards share out have grown in a way that leaves every shopper where it is:
/// a pure value, told the counts as they are looked up.
///
/// Topics are grown one by one, so unequal counts are borne for some looks; new partitions wait
/// unread meanwhile.
package struct PartitionGrowth {
    /// What is to be done about new partitions.
    package enum Verdict {
        /// Read them from their beginning.
        case read
        /// New partitions are not read yet.
        case wait
        /// The topics do not fit the shards any more; reading ends.
        case refuse(KafkaError)
    }

    private let choice: PartitionChoice
    private let atStart: [String: Int]
    private var unequalLooks = 0

    /// Looks a second apart, at most so many with unequal counts.
    package static let unequalLooksMax = 10

    /// - Parameter atStart: partitions of each topic when reading began.
    package init(_ choice: PartitionChoice, atStart: [String: Int]) {
        self.choice = choice
        self.atStart = atStart
    }

    /// Takes what one look has found.
    ///
    /// - Parameter counts: partitions of each topic now.
    package mutating func verdict(_ counts: [String: Int]) -> Verdict {
        guard choice.shards > 1 else { return .read }
        for (topic, count) in counts.sorted(by: { $0.key < $1.key })
        where !choice.wholeTopics.contains(topic) {
            let before = atStart[topic, default: count]
            guard count != before, before % choice.shards != 0 || count % choice.shards != 0 else {
                continue
            }
            return .refuse(
                .configuration(
                    key: "kafka.topics",
                    reason: "topic \(topic) has grown from \(before) to \(count) partitions, which "
                        + "\(choice.shards) shards do not both divide: its shoppers are spread "
                        + "anew among the shards, whose stores know others. Start all shards with "
                        + "new stores, or write to a new topic"))
        }
        do throws(KafkaError) {
            try choice.requireEqualCounts(counts)
            unequalLooks = 0
            return .read
        } catch {
            unequalLooks += 1
            return unequalLooks < Self.unequalLooksMax ? .wait : .refuse(error)
        }
    }
}
