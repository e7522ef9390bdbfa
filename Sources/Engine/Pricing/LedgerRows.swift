import Pricing
import Records

/// What a row of the rules' ledger is made of.
protocol LedgerRow: Equatable, Sendable {
    /// Nothing happened.
    init()
    init(encoded bytes: [UInt8]) throws(ByteCodingError)
    func encoded() -> [UInt8]
}

extension OfferHistory: LedgerRow {}
extension OfferTally: LedgerRow {}
extension DepthHistory: LedgerRow {}
extension PriceHistory: LedgerRow {}
extension BudgetAccount: LedgerRow {}
extension BudgetOffers: LedgerRow {}
extension Approval: LedgerRow {}
extension WaitingList: LedgerRow {}

/// What rows are known by.
protocol LedgerKey: Hashable, Comparable, Sendable {
    var bytes: [UInt8] { get }
    /// Whom the row is about.
    var owner: RowOwner? { get }
}

extension RowOwner: LedgerKey {
    var owner: RowOwner? { self }
}

extension String: LedgerKey {
    var bytes: [UInt8] { Array(utf8) }
    var owner: RowOwner? { nil }
}

/// The rows of one table that were looked at since the last commit, each read once, and those that changed.
struct LedgerRows<Key: LedgerKey, Row: LedgerRow>: Sendable {
    let table: StateTable
    private var rows: [Key: Row] = [:]
    /// `false` for what is to be forgotten.
    private var changed: [Key: Bool] = [:]

    init(_ table: StateTable) { self.table = table }

    /// The row as it is now; an empty one where there is none.
    mutating func row(_ key: Key, in state: (any StateReader)?) throws -> Row {
        if let known = rows[key] { return known }
        // That nothing can be read now says nothing of what is there later.
        guard let state else { return Row() }
        let row = try state.value(table, key.bytes).map { try Row(encoded: $0) } ?? Row()
        rows[key] = row
        return row
    }

    mutating func set(_ key: Key, _ row: Row) {
        guard rows[key] != row || changed[key] == false else { return }
        rows[key] = row
        changed[key] = true
    }

    mutating func forget(_ key: Key) {
        rows[key] = Row()
        changed[key] = false
    }

    /// Emits what changed, in the order of the keys, and begins anew.
    mutating func collectChanges(into changes: inout StateChanges) {
        for (key, isKept) in changed.sorted(by: { $0.key < $1.key }) {
            if isKept, let row = rows[key] {
                // A row under a blinded key outlives its owner's key.
                let owner = table.keys == .blinded ? nil : key.owner
                changes.put(table, key.bytes, row.encoded(), owner: owner)
            } else {
                changes.remove(table, key.bytes)
            }
        }
        (rows, changed) = ([:], [:])
    }
}
