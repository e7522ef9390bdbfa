import Records

/// Logs that cannot be read as one stream.
public enum ReplayError: Error, CustomStringConvertible, ClassifiedFailure {
    case sameName(first: String, second: String)
    case gap(log: String, line: Int64, position: TopicPartition, missing: Range<Int64>)

    /// A gap is bad data; two logs of one name are a wrong command line.
    public var failureKind: FailureKind { if case .gap = self { .badData } else { .usage } }

    /// Which logs or offsets, and the way out.
    public var description: String {
        switch self {
        case .gap(let log, let line, let position, let missing):
            "\(log), line \(line): offsets \(missing.lowerBound) to \(missing.upperBound - 1) of \(position) are missing; nothing is skipped unless kafka.on_gap: accept says so"
        case .sameName(let first, let second):
            "\(first) and \(second) have the same file name, by which a store keeps how far it has read; rename one"
        }
    }
}
