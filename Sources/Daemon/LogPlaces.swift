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

    /// - Parameter isLine: whether the record's offset is but the number of a line, between which
    ///   blank ones may lie.
    /// - Throws: `ReplayError.gap`.
    mutating func take(
        _ record: SourceRecord, isLine: Bool, in reader: LogReader
    ) throws -> Verdict {
        let known = next[record.position]
        if let known, record.offset < known { return .learnedBefore }
        next[record.position] = record.offset + 1
        guard !isLine, let known, record.offset > known else { return .next }
        let missing = known..<record.offset
        guard acceptsGaps else {
            throw ReplayError.gap(
                log: reader.path, line: reader.line, position: record.position, missing: missing)
        }
        return .behindGap(missing)
    }
}

extension SourceRecord {
    /// Whether it is a plain line of the log, not a captured record.
    func isLine(of reader: LogReader, _ entry: LogEntry) -> Bool {
        position.topic == reader.topic && position.partition == 0 && offset == entry.line
    }
}
