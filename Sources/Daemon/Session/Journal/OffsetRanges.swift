import Records

/// Sets of offsets by partition, as ranges: sorted, apart, none empty.
public struct OffsetRanges: Sendable, Equatable {
    /// By partition, in ascending order; no two touch, and no partition has none.
    public private(set) var ranges: [TopicPartition: [Range<Int64>]] = [:]

    /// The empty set.
    public init() {}

    /// Whether no offset of any partition is in it.
    public var isEmpty: Bool { ranges.isEmpty }

    /// All of it, in order.
    public var sorted: [(position: TopicPartition, range: Range<Int64>)] {
        ranges.sorted { $0.key < $1.key }.flatMap { entry in
            entry.value.map { (entry.key, $0) }
        }
    }

    /// Adds the offsets; ranges that touch become one. An empty range changes nothing.
    public mutating func insert(_ range: Range<Int64>, of position: TopicPartition) {
        guard !range.isEmpty else { return }
        var merged = range
        var kept: [Range<Int64>] = []
        for known in ranges[position, default: []] {
            if known.upperBound < merged.lowerBound || known.lowerBound > merged.upperBound {
                kept.append(known)
            } else {
                merged =
                    min(
                        known.lowerBound, merged.lowerBound)..<max(
                        known.upperBound, merged.upperBound)
            }
        }
        ranges[position] = (kept + [merged]).sorted { $0.lowerBound < $1.lowerBound }
    }

    /// - Returns: whether there was anything of the partition.
    mutating func remove(_ position: TopicPartition) -> Bool {
        ranges.removeValue(forKey: position) != nil
    }

    /// Adds all offsets of another set.
    public mutating func formUnion(_ other: OffsetRanges) {
        for (position, range) in other.sorted { insert(range, of: position) }
    }

    /// The offsets of both sets.
    public func union(_ other: OffsetRanges) -> OffsetRanges {
        guard !other.isEmpty else { return self }
        var union = self
        union.formUnion(other)
        return union
    }

    /// Whether one offset is in it. Complexity: O(ranges of the partition).
    public func contains(_ offset: Int64, of position: TopicPartition) -> Bool {
        guard let known = ranges[position] else { return false }
        return known.contains { $0.contains(offset) }
    }

    /// What of `range` is in the set.
    func within(_ range: Range<Int64>, of position: TopicPartition) -> [Range<Int64>] {
        ranges[position, default: []].map { $0.clamped(to: range) }.filter { !$0.isEmpty }
    }
}

extension OffsetRanges {
    /// Reads `topic:partition:from-to`, both ends included; `nil` for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, let partition = Int32(parts[parts.count - 2]), partition >= 0 else {
            return nil
        }
        let topic = parts.dropLast(2).joined(separator: ":")
        let ends = parts[parts.count - 1].split(separator: "-", omittingEmptySubsequences: false)
        guard !topic.isEmpty, ends.count == 2, let from = Int64(ends[0]), let to = Int64(ends[1]),
            from >= 0, from <= to, to < .max
        else { return nil }
        self.init()
        insert(from..<to + 1, of: TopicPartition(topic: topic, partition: partition))
    }

    /// As `init(_:)` reads them.
    public var texts: [String] {
        sorted.map { "\($0.position):\($0.range.lowerBound)-\($0.range.upperBound - 1)" }
    }
}

extension ByteWriter {
    mutating func position(_ position: TopicPartition) {
        string(position.topic)
        integer(position.partition)
    }

    mutating func range(_ range: Range<Int64>) {
        integer(range.lowerBound)
        integer(range.upperBound)
    }

    mutating func digest(_ digest: Digest256) { data(digest.bytes) }

    mutating func ranges(_ set: OffsetRanges) {
        array(set.sorted) { writer, entry in
            writer.position(entry.position)
            writer.range(entry.range)
        }
    }
}

extension ByteReader {
    mutating func position() throws(ByteCodingError) -> TopicPartition {
        TopicPartition(topic: try string(), partition: try integer())
    }

    mutating func range() throws(ByteCodingError) -> Range<Int64> {
        let at = position
        let (from, to) = (try integer(Int64.self), try integer(Int64.self))
        guard from <= to else { throw .badValue(at: at, "a range from \(from) to \(to)") }
        return from..<to
    }

    mutating func digest() throws(ByteCodingError) -> Digest256 {
        let at = position
        guard let digest = Digest256(bytes: try data()) else {
            throw .badValue(at: at, "a digest of another length")
        }
        return digest
    }

    mutating func ranges() throws(ByteCodingError) -> OffsetRanges {
        let entries = try array { r throws(ByteCodingError) in (try r.position(), try r.range()) }
        var set = OffsetRanges()
        for (position, range) in entries { set.insert(range, of: position) }
        return set
    }
}
