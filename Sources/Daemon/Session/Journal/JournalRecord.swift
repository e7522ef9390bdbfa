import Records

/// One entry of the journal: what changed the state, so that a replay can do it again.
///
/// Together with the events themselves the entries are the whole input of the engine: between two
/// commits nothing else reaches it. Going back (rollback, rewind) is journaled by the store.
enum JournalRecord: Sendable, Equatable {
    /// A process took the state up; everything it runs under.
    case started(Start)
    /// The digest of the state that the commit of this entry found: its first entry.
    case found(Digest256)
    /// Records learned together.
    case batch(BatchInput)
    /// What the engine told at the boundary of the batch before: refreshes, gates, drift.
    case notice(JournaledNotice)
    /// Records that were lost before they could be read, and whose loss was accepted.
    case gap(TopicPartition, Range<Int64>)
    /// The partitions that had something to be read when reading began, for which windows wait.
    case awaiting([TopicPartition])
    /// The verdict that a partition brings nothing for now, so that windows close without it.
    case idle(TopicPartition)
    /// The end of a log: events that waited for older ones were taken.
    case drained
    /// The training of a refresh was not done before the next batch, which was learned without
    /// judging it.
    case judgingPutOff
    /// What the batch that follows read of the rules' ledger, in order; `nil` where there was no row.
    case rules([[UInt8]?])
    /// Likewise of shoppers' objections, up to the last one; `nil` of who had not objected.
    case objections([[UInt8]?])

    struct Start: Sendable, Equatable {
        var configuration: String
        /// What bits depend on.
        var platform: String
        var version: String
        var cluster: String
        /// Records that are not learned from here on.
        var skips: OffsetRanges
    }

    /// In 3 a batch tells the daemon's clock; in 4 a notice is a record, and no words; in 5 there are
    /// entries of the rules' ledger, in 6 of objections. Entries that are as in 4 or 5 say so.
    private static let format: UInt8 = 4
    private static let formatOfRules: UInt8 = 5
    private static let formatOfObjections: UInt8 = 6
    private static let formatMin: UInt8 = 2

    private enum Kind: UInt8 {
        case started = 1
        case found, batch, notice, gap, idle, drained, awaiting
        case judgingPutOff, rules, objections
    }

    var encoded: [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .rules: writer.integer(Self.formatOfRules)
        case .objections: writer.integer(Self.formatOfObjections)
        default: writer.integer(Self.format)
        }
        func kind(_ kind: Kind) { writer.integer(kind.rawValue) }
        switch self {
        case .started(let start):
            kind(.started)
            for text in [start.configuration, start.platform, start.version, start.cluster] {
                writer.string(text)
            }
            writer.ranges(start.skips)
        case .found(let digest):
            kind(.found)
            writer.digest(digest)
        case .batch(let input):
            kind(.batch)
            input.write(to: &writer)
        case .notice(let notice):
            kind(.notice)
            notice.write(to: &writer)
        case .gap(let position, let range):
            kind(.gap)
            writer.position(position)
            writer.range(range)
        case .idle(let position):
            kind(.idle)
            writer.position(position)
        case .drained: kind(.drained)
        case .judgingPutOff: kind(.judgingPutOff)
        case .rules(let rows):
            kind(.rules)
            writer.array(rows) { $0.optional($1) { $0.data($1) } }
        case .objections(let rows):
            kind(.objections)
            writer.array(rows) { $0.optional($1) { $0.data($1) } }
        case .awaiting(let positions):
            kind(.awaiting)
            writer.array(positions) { $0.position($1) }
        }
        return writer.bytes
    }

    /// Throws: for an entry of another program's making.
    init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        let format = try reader.integer(UInt8.self)
        guard (Self.formatMin...Self.formatOfObjections).contains(format) else {
            throw .badValue(at: 0, "\(format) where format \(Self.formatOfObjections) should be")
        }
        let raw = try reader.integer(UInt8.self)
        switch Kind(rawValue: raw) {
        case .started:
            self = .started(
                Start(
                    configuration: try reader.string(), platform: try reader.string(),
                    version: try reader.string(), cluster: try reader.string(),
                    skips: try reader.ranges()))
        case .found: self = .found(try reader.digest())
        case .batch: self = .batch(try BatchInput(&reader, hasClock: format >= 3))
        case .notice:
            self = .notice(
                format >= 4 ? try JournaledNotice(&reader) : .words(try reader.string()))
        case .gap: self = .gap(try reader.position(), try reader.range())
        case .idle: self = .idle(try reader.position())
        case .drained: self = .drained
        case .judgingPutOff: self = .judgingPutOff
        case .rules: self = .rules(try Self.rows(&reader))
        case .objections: self = .objections(try Self.rows(&reader))
        case .awaiting:
            self = .awaiting(try reader.array { r throws(ByteCodingError) in try r.position() })
        case nil: throw .badValue(at: 1, "\(raw) where a kind of entry should be")
        }
        try reader.finish()
    }

    private static func rows(_ reader: inout ByteReader) throws(ByteCodingError) -> [[UInt8]?] {
        try reader.array { r throws(ByteCodingError) in
            try r.optional { r throws(ByteCodingError) in try r.data() }
        }
    }
}
