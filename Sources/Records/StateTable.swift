/// What a rollback does with a table.
public enum StateKind: UInt8, Sendable, CaseIterable {
    /// Weights: in every snapshot, and what a rollback brings back.
    case weights
    /// Learned state by key (users, items, open joins, replay memory): goes on through a rollback
    /// of weights, goes back in a rewind.
    case keyed
    /// Spend, price history, audit: never goes back.
    case ledger
}

/// One named table of the learned state or the ledger.
public struct StateTable: Hashable, Sendable {
    public let name: String
    public let kind: StateKind

    public init(_ name: String, _ kind: StateKind) {
        self.name = name
        self.kind = kind
    }
}

/// The rows that one batch changed, in the order they were changed.
public struct StateChanges: Sendable {
    /// One row; a `nil` value removes it.
    public struct Row: Sendable {
        public let table: StateTable
        public let key: [UInt8]
        public let value: [UInt8]?
    }

    public private(set) var rows: [Row] = []

    public init() {}

    public mutating func put(_ table: StateTable, _ key: [UInt8], _ value: [UInt8]) {
        rows.append(Row(table: table, key: key, value: value))
    }

    public mutating func remove(_ table: StateTable, _ key: [UInt8]) {
        rows.append(Row(table: table, key: key, value: nil))
    }
}

/// Rows of a stored state: a live store, a snapshot of it, or memory.
public protocol StateReader {
    /// - Throws: when the row is there and cannot be trusted.
    func value(_ table: StateTable, _ key: [UInt8]) throws -> [UInt8]?

    /// Visits every row of `table` in the order of the keys' bytes.
    func forEach(_ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void)
        throws
}

/// A state held in memory: for runs without a store, and for tests.
public struct MemoryState: StateReader, Sendable {
    private var tables: [StateTable: [[UInt8]: [UInt8]]] = [:]

    public init() {}

    public mutating func apply(_ changes: StateChanges) {
        for row in changes.rows {
            tables[row.table, default: [:]][row.key] = row.value
        }
    }

    public func value(_ table: StateTable, _ key: [UInt8]) -> [UInt8]? {
        tables[table]?[key]
    }

    public func forEach(
        _ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) rethrows {
        let rows = tables[table, default: [:]]
        for (key, value) in rows.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            try body(key, value)
        }
    }
}
