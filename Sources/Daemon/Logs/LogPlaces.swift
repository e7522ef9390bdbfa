import EventLog
import Events
import Records

/// How far each partition has been read, over all logs of a replay: a pure value.
struct LogPlaces {
    enum Verdict: Equatable {
        case next
        case learnedBefore
        /// What lies between was lost, and the configuration accepts it.
        case behindGap(Range<Int64>)
    }

    private var next: [TopicPartition: Int64]
    private let acceptsGaps: Bool

    /// - Parameter next: the store's offsets.
    init(next: [TopicPartition: Int64], acceptsGaps: Bool) {
        self.next = next
        self.acceptsGaps = acceptsGaps
    }

    /// - Throws: `ReplayError.gap`.
    mutating func take(_ line: LogLine) throws -> Verdict {
        let record = line.record
        let known = next[record.position]
        if let known, record.offset < known { return .learnedBefore }
        next[record.position] = record.offset + 1
        guard !line.isPlain, let known, record.offset > known else { return .next }
        let missing = known..<record.offset
        guard acceptsGaps else {
            throw ReplayError.gap(
                log: line.path, line: line.number, position: record.position, missing: missing)
        }
        return .behindGap(missing)
    }
}
