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
        if case .identify(let anonymousID, _) = event.body,
            try covers(anonymousID, atMs: event.tsMs, in: state)
        {
            return true
        }
        return try event.userID.map { try covers($0, atMs: event.tsMs, in: state) } ?? false
    }

    private func covers(
        _ userID: String, atMs ms: Int64, in state: (any StateReader)?
    ) throws -> Bool {
        let owner = RowOwner(user: userID)
        if let erasedMs = fresh[owner], ms <= erasedMs { return true }
        guard let row = try state?.value(Self.table, owner.bytes) else { return false }
        var reader = ByteReader(row)
        return ms <= (try reader.integer(Int64.self))
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
