import Records

/// Labels that were found shifted: no refresh is trained on them, as nobody has said yet whether they are
/// false. What the heads have learned of them stays.
public struct SuspectLabels: Sendable, Equatable {
    /// Whose labels they are.
    public let slice: LevelHistory.Category
    /// Their numbers in replay memory.
    public private(set) var examples: Range<UInt64>

    /// Takes both as they are.
    public init(slice: LevelHistory.Category, examples: Range<UInt64>) {
        self.slice = slice
        self.examples = examples
    }

    /// Whether an example's label is one of them.
    ///
    /// - Parameter category: that of its item.
    public func contains(_ example: MemoryExample, category: String?) -> Bool {
        examples.contains(example.sequence) && example.head == slice.head
            && (slice.name == RefreshGate.everything || slice.name == category)
    }

    /// One range where they touch.
    mutating func merge(_ other: SuspectLabels) -> Bool {
        guard slice == other.slice, examples.lowerBound <= other.examples.upperBound,
            other.examples.lowerBound <= examples.upperBound
        else { return false }
        examples =
            min(
                examples.lowerBound, other.examples.lowerBound)..<max(
                examples.upperBound, other.examples.upperBound)
        return true
    }
}

extension [SuspectLabels] {
    /// Kept, the newest.
    private static let most = 64

    /// Adds labels, merged with a range of the same slice that they touch. Of more than 64 ranges
    /// the oldest goes.
    public mutating func note(_ labels: SuspectLabels) {
        for place in indices where self[place].merge(labels) { return }
        append(labels)
        removeFirst(Swift.max(0, count - Self.most))
    }

    /// Examples from a number on are other ones from now on.
    public mutating func forget(from end: UInt64) {
        self = compactMap {
            $0.examples.lowerBound >= end
                ? nil
                : SuspectLabels(
                    slice: $0.slice,
                    examples: $0.examples.lowerBound..<Swift.min($0.examples.upperBound, end))
        }
    }

    /// All ranges, for a row of the store.
    public func write(to writer: inout ByteWriter) {
        writer.array(self) { writer, labels in
            labels.slice.write(to: &writer)
            writer.integer(labels.examples.lowerBound)
            writer.integer(labels.examples.upperBound)
        }
    }

    /// What `write` wrote; throws `badValue` for a range that ends before it begins.
    public init(from reader: inout ByteReader) throws(ByteCodingError) {
        self = try reader.array { reader throws(ByteCodingError) in
            let slice = try LevelHistory.Category(from: &reader)
            let place = reader.position
            let (first, end) = (
                try reader.integer(UInt64.self), try reader.integer(UInt64.self)
            )
            guard first <= end else { throw .badValue(at: place, "examples \(first) to \(end)") }
            return SuspectLabels(slice: slice, examples: first..<end)
        }
    }
}
