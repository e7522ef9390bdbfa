import Events
import Records

/// Users that were erased, with the time of the erasure: what is older never brings them back.
struct Erasures: Sendable {
    static let table = StateTable("erased", .ledger, keys: .blinded)

    /// Since the last commit.
    private var fresh: [RowOwner: Int64] = [:]

    mutating func add(_ userID: String, atMs ts: Int64) {
        let owner = RowOwner(user: userID)
        fresh[owner] = max(ts, fresh[owner] ?? .min)
    }

    /// Whether the event is from before its user was erased.
    func covers(_ event: Event, in state: (any StateReader)?) throws -> Bool {
        guard let userID = event.userID else { return false }
        let owner = RowOwner(user: userID)
        if let erasedMs = fresh[owner], event.tsMs <= erasedMs { return true }
        guard let row = try state?.value(Self.table, owner.bytes) else { return false }
        var reader = ByteReader(row)
        return event.tsMs <= (try reader.integer(Int64.self))
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for (owner, erasedMs) in fresh.sorted(by: { $0.key < $1.key }) {
            var row = ByteWriter(capacity: 8)
            row.integer(erasedMs)
            changes.erase(owner)
            changes.put(Self.table, owner.bytes, row.bytes)
        }
        fresh = [:]
    }
}
