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

/// What a table's keys tell, and so how a store keeps them at rest. Raw values are part of its format.
public enum StateKeys: UInt8, Sendable {
    /// Nothing of anybody.
    case plain = 0
    /// The owner each row is about (`RowOwner.bytes`); at rest a number that only the owner's key
    /// leads to. Rows come in the order of those numbers.
    case owner = 1
    /// Likewise, in rows that outlive the owner's key; at rest a keyed hash that nothing leads back
    /// from. They can be asked for, not listed.
    case blinded = 2
}

/// One named table of the learned state or the ledger.
public struct StateTable: Hashable, Sendable {
    /// Its name in the store; part of the format.
    public let name: String
    /// What a rollback does with its rows.
    public let kind: StateKind
    /// What its keys tell of persons.
    public let keys: StateKeys

    /// Two tables are the same when name, kind and keys are.
    public init(_ name: String, _ kind: StateKind, keys: StateKeys = .plain) {
        self.name = name
        self.kind = kind
        self.keys = keys
    }
}

/// The rows that one batch changed, in the order they were changed.
public struct StateChanges: Sendable {
    /// One row; a `nil` value removes it.
    public struct Row: Sendable {
        /// Where the row belongs.
        public let table: StateTable
        /// The row's key in its table, as the table's owner encodes it.
        public let key: [UInt8]
        /// The row's new bytes; `nil` removes the row.
        public let value: [UInt8]?
        /// Whom the row is about; `nil` for a row about nobody.
        public let owner: RowOwner?
    }

    /// In the order of the calls; a key may come more than once, and the last one holds.
    public private(set) var rows: [Row] = []
    /// Owners whose keys are destroyed before any of the rows is put: rows put for them are those of
    /// a new acquaintance. All their rows in the head must be among those removed or put anew.
    public private(set) var erased: [RowOwner] = []

    /// No change yet.
    public init() {}

    /// Writes a row, over the one that is there.
    public mutating func put(
        _ table: StateTable, _ key: [UInt8], _ value: [UInt8], owner: RowOwner? = nil
    ) {
        rows.append(Row(table: table, key: key, value: value, owner: owner))
    }

    /// Removes a row; no fault where there is none.
    public mutating func remove(_ table: StateTable, _ key: [UInt8]) {
        rows.append(Row(table: table, key: key, value: nil, owner: nil))
    }

    /// Destroys the key of an owner; see `erased`.
    public mutating func erase(_ owner: RowOwner) {
        erased.append(owner)
    }
}

/// Rows of a stored state: a live store, a snapshot of it, or memory.
public protocol StateReader {
    /// - Throws: when the row is there and cannot be trusted.
    func value(_ table: StateTable, _ key: [UInt8]) throws -> [UInt8]?

    /// Visits every row of `table` in the order of the keys' bytes, where they are plain.
    func forEach(_ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void)
        throws
}

/// A state held in memory: for runs without a store, and for tests.
public struct MemoryState: StateReader, Sendable {
    private var tables: [StateTable: [[UInt8]: [UInt8]]] = [:]

    /// No rows in any table.
    public init() {}

    /// Puts and removes the rows in order. Owners make no difference: nothing is encrypted here.
    public mutating func apply(_ changes: StateChanges) {
        for row in changes.rows {
            tables[row.table, default: [:]][row.key] = row.value
        }
    }

    /// The row's bytes; `nil` where there is none.
    public func value(_ table: StateTable, _ key: [UInt8]) -> [UInt8]? {
        tables[table]?[key]
    }

    /// Visits every row in the order of the keys' bytes; what `body` throws ends the visit.
    /// Complexity: O(n log n), as the keys are sorted each time.
    public func forEach(
        _ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) rethrows {
        let rows = tables[table, default: [:]]
        for (key, value) in rows.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            try body(key, value)
        }
    }
}
