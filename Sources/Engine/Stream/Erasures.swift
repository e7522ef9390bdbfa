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
            try covering(anonymousID, atMs: event.tsMs, in: state) != nil
        {
            return true
        }
        guard let userID = event.userID else { return false }
        return try covering(userID, atMs: event.tsMs, in: state) != nil
    }

    /// When the user was erased, where what was at a time is from before that. Units: milliseconds since 1970.
    func covering(
        _ userID: String, atMs ms: Int64, in state: (any StateReader)?
    ) throws -> Int64? {
        let owner = RowOwner(user: userID)
        let erasedMs = try fresh[owner] ?? stored(owner, in: state)
        return erasedMs.flatMap { ms <= $0 ? $0 : nil }
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
