import Events
import Records

/// What is remembered of a shopper who objected to personalised prices: since when. It outlives the shopper's
/// erasure, as a keyed hash that nothing leads back from, so that it holds for who comes back under the same id.
package struct ObjectionRow: LedgerRow {
    /// By the event's time; `nil` where there was no objection. Units: milliseconds since 1970.
    package private(set) var sinceMs: Int64?

    private static let version: UInt8 = 1

    package init() {}

    init(sinceMs: Int64) { self.sinceMs = sinceMs }

    package init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        let version = try reader.integer(UInt8.self)
        guard version == Self.version else {
            throw .badValue(at: 0, "\(version) where version \(Self.version) should be")
        }
        sinceMs = try reader.optional { r throws(ByteCodingError) in try r.integer() }
        try reader.finish()
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 10)
        writer.integer(Self.version)
        writer.optional(sinceMs) { $0.integer($1) }
        return writer.bytes
    }
}

/// An objection that was not known before.
public struct NewObjection: Sendable, Equatable {
    /// Who objected: the shopper's id, and all others that were joined to it.
    public let userIDs: [String]
    /// The record that said so.
    public let place: RecordPlace
}

extension RuleLedger {
    /// Takes an objection under all ids of a shopper, so that it holds for each that is parted from the others; the
    /// first one counts.
    ///
    /// - Returns: whether it is new.
    package mutating func object(_ userIDs: [String], atMs ms: Int64) throws -> Bool {
        var isNew = false
        for userID in userIDs where try object(userID, atMs: ms) { isNew = true }
        return isNew
    }

    /// Since when a shopper objects; `nil` for one who does not.
    mutating func objectedMs(_ userID: String) throws -> Int64? {
        try objections.row(RowOwner(user: userID), in: state).sinceMs
    }

    private mutating func object(_ userID: String, atMs ms: Int64) throws -> Bool {
        let owner = RowOwner(user: userID)
        guard try objections.row(owner, in: state).sinceMs == nil else { return false }
        objections.set(owner, ObjectionRow(sinceMs: ms))
        return true
    }
}
