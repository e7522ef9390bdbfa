/// One partition of one topic: the unit in which offsets count.
public struct TopicPartition: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The topic's name.
    public let topic: String
    /// The number of the partition, from 0.
    public let partition: Int32

    /// Takes both as they are; nothing is checked.
    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// `topic:partition`, as the command line takes it.
    public var description: String { "\(topic):\(partition)" }

    /// By topic, then by number.
    public static func < (a: Self, b: Self) -> Bool {
        (a.topic, a.partition) < (b.topic, b.partition)
    }
}

/// Where one record stands in its stream.
public struct RecordPlace: Hashable, Sendable, CustomStringConvertible {
    /// Its topic and partition.
    public let position: TopicPartition
    /// Its offset in the partition.
    public let offset: Int64

    /// Takes both as they are; nothing is checked.
    public init(_ position: TopicPartition, _ offset: Int64) {
        self.position = position
        self.offset = offset
    }

    /// `topic:partition:offset`, as the command line takes it.
    public var description: String { "\(position):\(offset)" }
}
