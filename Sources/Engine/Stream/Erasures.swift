import Events
import Records

/// Users that were erased, with the time of the erasure: what is older never brings them back.
struct Erasures: Sendable {
    static let table = StateTable("erased", .ledger, keys: .blinded)

    /// Since the last commit.
    private var fresh: [RowOwner: Int64] = [:]

    /// Of two erasures of a user the later one counts, in whatever order they come.
    mutating func add(_ userID: String, atMs ts: Int64, in state: (any StateReader)?) throws {
        let owner = RowOwner(user: userID)
        let known = try fresh[owner] ?? stored(owner, in: state)
        fresh[owner] = max(ts, known ?? .min)
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
        return try stored(owner, in: state).map { ms <= $0 } ?? false
    }

    private func stored(_ owner: RowOwner, in state: (any StateReader)?) throws -> Int64? {
        guard let row = try state?.value(Self.table, owner.bytes) else { return nil }
        var reader = ByteReader(row)
        return try reader.integer()
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
