/// One partition of one topic: the unit in which offsets count.
public struct TopicPartition: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let topic: String
    public let partition: Int32

    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    public var description: String { "\(topic):\(partition)" }

    public static func < (a: Self, b: Self) -> Bool {
        (a.topic, a.partition) < (b.topic, b.partition)
    }
}

/// Where one record stands in its stream.
public struct RecordPlace: Hashable, Sendable, CustomStringConvertible {
    public let position: TopicPartition
    public let offset: Int64

    public init(_ position: TopicPartition, _ offset: Int64) {
        self.position = position
        self.offset = offset
    }

    public var description: String { "\(position):\(offset)" }
}
