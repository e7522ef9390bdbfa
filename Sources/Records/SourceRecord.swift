/// One message as it came: from Kafka, from a captured log, or from a line of a plain log.
public struct SourceRecord: Sendable {
    /// Topic and partition; for a plain log the file's base name and partition 0.
    public var position: TopicPartition
    /// The message's offset; for a plain log the line number, counted from 1.
    public var offset: Int64
    /// The broker's timestamp, epoch milliseconds; `nil` where there is none.
    public var timestampMs: Int64?
    /// The message's key; `nil` where it has none, as in a plain log.
    public var key: [UInt8]?
    /// `nil` is a tombstone.
    public var value: [UInt8]?
    /// In the order of the message; a name may come more than once.
    public var headers: [(name: String, value: [UInt8])]

    /// Takes each field as it is; nothing is checked.
    public init(
        position: TopicPartition, offset: Int64, timestampMs: Int64? = nil, key: [UInt8]? = nil,
        value: [UInt8]?, headers: [(name: String, value: [UInt8])] = []
    ) {
        self.position = position
        self.offset = offset
        self.timestampMs = timestampMs
        self.key = key
        self.value = value
        self.headers = headers
    }
}
