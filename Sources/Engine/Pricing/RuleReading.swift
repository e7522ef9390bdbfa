import Records

/// What a step reads of the rules' ledger, for the journal: since the ledger never goes back, a replay would
/// find it as it is today.
///
/// Rows are kept in the order they were asked for and without their keys: a row alone tells of nobody.
/// Thread: the one that takes the step.
public final class RecordedRules: StateReader {
    private let state: any StateReader
    private let published: [[UInt8]: Int64]
    /// Rows in the order they were asked for; `nil` where there was none.
    public private(set) var rows: [[UInt8]?] = []
    /// Whether each shopper asked about had objected, in order, up to the last who had: of streams without
    /// objections there is nothing to note.
    public private(set) var objections: [[UInt8]?] = []
    /// Shoppers since the last who had objected.
    private var withoutObjection = 0

    /// - Parameters:
    ///   - state: what is read from.
    ///   - publishedTo: up to where records were published before a rewind, which are learned again.
    public init(_ state: any StateReader, publishedTo: [TopicPartition: Int64] = [:]) {
        self.state = state
        published = Dictionary(
            uniqueKeysWithValues: publishedTo.map { (RuleLedger.publishedKey($0.key), $0.value) })
    }

    /// As the state has it; noted where it is the rules'.
    public func value(_ table: StateTable, _ key: [UInt8]) throws -> [UInt8]? {
        guard table != RuleLedger.publishedTable else {
            let row = published[key].map { offset in
                var writer = ByteWriter()
                writer.integer(offset)
                return writer.bytes
            }
            rows.append(row)
            return row
        }
        let value = try state.value(table, key)
        if table == RuleLedger.objectionTable { note(objection: value) }
        if RuleLedger.tables.contains(table) { rows.append(value) }
        return value
    }

    private func note(objection row: [UInt8]?) {
        guard let row else {
            withoutObjection += 1
            return
        }
        objections += Array(repeating: nil, count: withoutObjection)
        objections.append(row)
        withoutObjection = 0
    }

    /// As the state has them.
    public func forEach(
        _ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) throws {
        try state.forEach(table, body)
    }
}

/// A state whose rules' ledger is what the journal says that a step read.
///
/// Thread: the one that takes the step.
public final class ReplayedRules: StateReader {
    private let state: any StateReader
    private var rows: ArraySlice<[UInt8]?>
    private var objections: ArraySlice<[UInt8]?>

    /// - Parameters:
    ///   - rows: as `RecordedRules` noted them. Asked for more, there is none: what comes of that
    ///     differs from the first run, and is found as any difference is.
    ///   - objections: likewise; after these nobody had objected.
    public init(_ state: any StateReader, rows: [[UInt8]?], objections: [[UInt8]?] = []) {
        self.state = state
        self.rows = rows[...]
        self.objections = objections[...]
    }

    /// The next row of the rules; all others as the state has them.
    public func value(_ table: StateTable, _ key: [UInt8]) throws -> [UInt8]? {
        if table == RuleLedger.objectionTable { return objections.popFirst() ?? nil }
        guard RuleLedger.tables.contains(table) || table == RuleLedger.publishedTable else {
            return try state.value(table, key)
        }
        return rows.popFirst() ?? nil
    }

    /// As the state has them.
    public func forEach(
        _ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) throws {
        try state.forEach(table, body)
    }
}
