import Records
import SnapshotStore
import Synchronization

/// What a person may stop for a while.
public enum PausedPart: String, Codable, Sendable, CaseIterable {
    /// Reading and learning of the stream.
    case learning
    /// Sending of what is decided.
    case publishing
}

/// A part that stands still because a person wants it to.
public struct Pause: Codable, Sendable, Equatable {
    /// Since when, by the wall clock. Unit: milliseconds since 1970.
    public var sinceMs: Int64
    /// Who paused it.
    public var who: String
    /// Why.
    public var reason: String

    enum CodingKeys: String, CodingKey {
        case who, reason
        case sinceMs = "since_ms"
    }
}

/// What stands still now.
public struct PauseState: Codable, Sendable, Equatable {
    /// Learning; `nil`: it goes on.
    public var learning: Pause?
    /// Publishing; `nil`: it goes on.
    public var publishing: Pause?

    /// Nothing stands still.
    public init() {}

    /// The pause of one part.
    public subscript(_ part: PausedPart) -> Pause? {
        get { part == .learning ? learning : publishing }
        set { if part == .learning { learning = newValue } else { publishing = newValue } }
    }

    /// Writes `null` for what goes on, so that readers always find both keys.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(learning, forKey: .learning)
        try container.encode(publishing, forKey: .publishing)
    }

    enum CodingKeys: String, CodingKey { case learning, publishing }
}

/// A pause as a store keeps it: it outlives the process, so that no crash sets a poisoned feed going
/// again. Rows of the ledger: no rollback takes one back.
enum PauseRecord {
    private static let table = StateTable("paused", .ledger)

    /// What stands still, as a store has it.
    static func read(_ state: any StateReader) throws -> PauseState {
        var pauses = PauseState()
        for part in PausedPart.allCases {
            guard let bytes = try state.value(table, Array(part.rawValue.utf8)) else { continue }
            pauses[part] = try decoded(bytes)
        }
        return pauses
    }

    /// Notes, with its audit, that a part is paused or, with `nil`, that it goes on.
    static func put(
        _ pause: Pause?, of part: PausedPart, into store: SnapshotStore, audit: AuditEntry
    ) throws {
        try store.putLedger(
            table.name, Array(part.rawValue.utf8), encoded(pause), audit: audit)
    }

    static func encoded(_ pause: Pause?) -> [UInt8] {
        var writer = ByteWriter()
        writer.bool(pause != nil)
        if let pause {
            writer.integer(pause.sinceMs)
            writer.string(pause.who)
            writer.string(pause.reason)
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are no pause.
    static func decoded(_ bytes: [UInt8]) throws(ByteCodingError) -> Pause? {
        var reader = ByteReader(bytes)
        guard try reader.bool() else {
            try reader.finish()
            return nil
        }
        let pause = Pause(
            sinceMs: try reader.integer(), who: try reader.string(), reason: try reader.string())
        try reader.finish()
        return pause
    }
}

/// The pauses of a running daemon. Thread: any may read; the learning thread changes them.
package final class Pauses: Sendable {
    private let state = Mutex(PauseState())

    package init() {}

    package var now: PauseState { state.withLock { $0 } }

    func set(_ pauses: PauseState) { state.withLock { $0 = pauses } }
}

extension SnapshotStore {
    /// Pauses a part of the daemon that learns into this store, or has it go on; one that runs must be
    /// asked instead.
    ///
    /// - Parameter reason: why; must say something for a pause.
    /// - Throws: `RequestError.badRequest` without a reason.
    public func setPause(
        of part: PausedPart, paused: Bool, reason: String, who: String, wallTimeMs: Int64
    ) throws -> PauseState {
        if paused { try RequestError.require(reason: reason) }
        var pauses = try withHead { try PauseRecord.read($0) }
        // A second pause keeps the first one's time.
        let since = pauses[part]?.sinceMs ?? wallTimeMs
        pauses[part] = paused ? Pause(sinceMs: since, who: who, reason: reason) : nil
        try PauseRecord.put(
            pauses[part], of: part, into: self,
            audit: AuditEntry(
                wallTimeMs: wallTimeMs, who: who,
                action: "\(paused ? "pause" : "resume") \(part.rawValue)", reason: reason))
        return pauses
    }
}
