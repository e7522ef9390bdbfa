import Records

/// Who is known under which other ids: an anonymous id that was joined to a user is that user from then on.
///
/// An id is joined to one shopper, who is joined to nobody: what is joined to a shopper who is joined
/// further goes along. So nothing can go in a circle, and one look answers.
package struct Identities: Sendable {
    static let table = StateTable("identities", .keyed, keys: .owner)
    /// Ids of one shopper at most; for one more the oldest is on its own again.
    static let idsMax = 256

    /// What is known of one id.
    struct Row: Sendable, Equatable {
        /// The shopper it was joined to, and when by event time. Units: milliseconds since 1970.
        var joined: (userID: String, atMs: Int64)?
        /// The ids that were joined to it, the latest last.
        var ids: [String] = []

        var isEmpty: Bool { joined == nil && ids.isEmpty }

        static func == (a: Row, b: Row) -> Bool {
            a.ids == b.ids && a.joined?.userID == b.joined?.userID
                && a.joined?.atMs == b.joined?.atMs
        }
    }

    /// What an identity came to.
    package enum Outcome: Equatable, Sendable {
        /// The id was on its own: what is held of it is to go along.
        case joined
        /// It was another shopper's until now, who keeps what was.
        case moved
        /// It was the shopper's own already.
        case known
        /// A newer identity is known.
        case outdated
        /// The shopper is joined to the id, or is the id.
        case circle
    }

    /// Ids that are joined to a shopper. Where there are none, nothing is looked up.
    private(set) var count = 0
    private var isCounted = false
    /// Since the last commit; empty rows are to be removed.
    private var changed: [RowOwner: Row] = [:]
    private var recent = RecentRows<RowOwner, Row>(bytesMax: 4 << 20)

    package init() {}

    // MARK: Looking

    /// The shopper that an id stands for: itself where it was joined to nobody.
    package mutating func shopper(_ id: String, in state: (any StateReader)?) throws -> String {
        guard count > 0 else { return id }
        return try row(RowOwner(user: id), in: state).joined?.userID ?? id
    }

    /// The same, and leaves what is at hand as it is.
    func peek(_ id: String, in state: (any StateReader)?) throws -> String {
        guard count > 0 else { return id }
        return try look(RowOwner(user: id), in: state).joined?.userID ?? id
    }

    /// The ids that were joined to a shopper.
    package func ids(of userID: String, in state: (any StateReader)?) throws -> [String] {
        guard count > 0 else { return [] }
        return try look(RowOwner(user: userID), in: state).ids
    }

    private func look(_ owner: RowOwner, in state: (any StateReader)?) throws -> Row {
        if let own = changed[owner] { return own }
        if let known = recent.peek(owner) { return known }
        return try state?.value(Self.table, owner.bytes).map(Row.init(encoded:)) ?? Row()
    }

    private mutating func row(_ owner: RowOwner, in state: (any StateReader)?) throws -> Row {
        if let own = changed[owner] { return own }
        if let known = recent.find(owner) { return known }
        // That nothing can be read now says nothing of what is there later.
        guard let state else { return Row() }
        let row = try state.value(Self.table, owner.bytes).map(Row.init(encoded:)) ?? Row()
        recent.put(owner, row, bytes: row.bytes)
        return row
    }

    // MARK: Joining

    /// Joins an id to a shopper from now on, with all that was joined to it.
    ///
    /// - Parameters:
    ///   - userID: another id, that of a shopper who is joined to nobody.
    ///   - ms: event time of the identity.
    package mutating func join(
        _ id: String, to userID: String, atMs ms: Int64, in state: (any StateReader)?
    ) throws -> Outcome {
        let (owner, shopper) = (RowOwner(user: id), RowOwner(user: userID))
        var own = try row(owner, in: state)
        guard owner != shopper else { return .circle }
        if let joined = own.joined {
            guard ms >= joined.atMs else { return .outdated }
            if joined.userID.utf8.elementsEqual(userID.utf8) {
                own.joined = (userID, ms)
                set(owner, own)
                return .known
            }
            try leave(id, RowOwner(user: joined.userID), in: state)
        }
        let (before, ids) = (own.joined, own.ids)
        own = Row(joined: (userID, ms))
        set(owner, own)
        if before == nil { count += 1 }
        for other in ids {
            var row = try row(RowOwner(user: other), in: state)
            row.joined?.userID = userID
            set(RowOwner(user: other), row)
        }
        var taker = try row(shopper, in: state)
        taker.ids += ids + [id]
        while taker.ids.count > Self.idsMax {
            set(RowOwner(user: taker.ids.removeFirst()), Row())
            count -= 1
        }
        set(shopper, taker)
        return before == nil ? .joined : .moved
    }

    private mutating func leave(
        _ id: String, _ shopper: RowOwner, in state: (any StateReader)?
    ) throws {
        var row = try row(shopper, in: state)
        row.ids.removeAll { $0.utf8.elementsEqual(id.utf8) }
        set(shopper, row)
    }

    /// Forgets a shopper with all ids that were joined.
    package mutating func forget(_ owner: RowOwner, in state: (any StateReader)?) throws {
        guard count > 0 else { return }
        let own = try row(owner, in: state)
        for id in own.ids {
            set(RowOwner(user: id), Row())
            count -= 1
        }
        if let joined = own.joined {
            var taker = try row(RowOwner(user: joined.userID), in: state)
            taker.ids.removeAll { RowOwner(user: $0) == owner }
            set(RowOwner(user: joined.userID), taker)
            count -= 1
        }
        if !own.isEmpty { set(owner, Row()) }
    }

    private mutating func set(_ owner: RowOwner, _ row: Row) {
        changed[owner] = row
        isCounted = true
    }

    // MARK: State

    mutating func collectChanges(into changes: inout StateChanges) {
        for (owner, row) in changed.sorted(by: { $0.key < $1.key }) {
            if row.isEmpty {
                changes.remove(Self.table, owner.bytes)
            } else {
                changes.put(Self.table, owner.bytes, row.encoded(), owner: owner)
            }
            recent.put(owner, row, bytes: row.bytes)
        }
        changed = [:]
        guard isCounted else { return }
        isCounted = false
        var writer = ByteWriter(capacity: 8)
        writer.integer(Int64(count))
        changes.put(EngineTables.state, Self.countKey, writer.bytes)
    }

    private static let countKey = Array("identities".utf8)

    init(reading state: any StateReader) throws {
        guard let row = try state.value(EngineTables.state, Self.countKey) else { return }
        var reader = ByteReader(row)
        count = Int(try reader.integer(Int64.self))
        try reader.finish()
    }
}

extension Identities.Row {
    fileprivate var bytes: Int {
        ids.reduce(128 + (joined?.userID.utf8.count ?? 0)) { $0 + 32 + $1.utf8.count }
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.integer(1 as UInt8)
        writer.optional(joined) { writer, joined in
            writer.string(joined.userID)
            writer.integer(joined.atMs)
        }
        writer.array(ids) { $0.string($1) }
        return writer.bytes
    }

    /// - Throws: for bytes that are none.
    init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "an identity of another version")
        }
        joined = try reader.optional { r throws(ByteCodingError) in
            (userID: try r.string(), atMs: try r.integer(Int64.self))
        }
        ids = try reader.array { r throws(ByteCodingError) in try r.string() }
        try reader.finish()
    }
}
