import Foundation
import Records
import SnapshotStore

/// Which request a client means to be done once, however often it comes.
public struct RequestKey: Sendable, Equatable {
    /// The client's own name for it.
    public let text: String
    /// What it asks for: a digest of path and body.
    public let fingerprint: Digest256

    /// Takes both as they are.
    public init(_ text: String, asking fingerprint: Digest256) {
        self.text = text
        self.fingerprint = fingerprint
    }
}

/// A request that is to be done once, and its answer.
struct HeldAnswer: Sendable, Equatable {
    /// When it was begun, by the wall clock. Unit: milliseconds since 1970.
    var atMs: Int64
    /// What it asked for.
    var fingerprint: Digest256
    /// How many entries the audit had before it was done.
    var audited: UInt64
    /// The reply as JSON; `nil` from the beginning of the request until its end.
    var reply: [UInt8]?

    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.integer(Self.version)
        writer.integer(atMs)
        writer.digest(fingerprint)
        writer.integer(audited)
        writer.optional(reply) { $0.data($1) }
        return writer.bytes
    }

    init(atMs: Int64, fingerprint: Digest256, audited: UInt64, reply: [UInt8]? = nil) {
        self.atMs = atMs
        self.fingerprint = fingerprint
        self.audited = audited
        self.reply = reply
    }

    /// - Throws: for bytes that are no such row.
    init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        let version = try reader.integer(UInt8.self)
        guard version == Self.version else {
            throw .badValue(at: 0, "\(version) where version \(Self.version) should be")
        }
        atMs = try reader.integer()
        fingerprint = try reader.digest()
        audited = try reader.integer()
        reply = try reader.optional { r throws(ByteCodingError) in try r.data() }
        try reader.finish()
    }
}

/// The answers that requests with a key were given, in rows of the ledger: a restart keeps them, and no
/// rollback takes one back.
///
/// A request is noted before it is done. If the process ends meanwhile, the audit tells whether it may have
/// changed something: then it is not done a second time.
package struct HeldAnswers {
    private static let table = StateTable("held answers", .ledger)
    /// For so long an answer is held.
    package static let keepMs: Int64 = 86_400_000
    /// More are not held: the oldest gives way.
    package static let countMax = 1_000

    private let store: SnapshotStore

    package init(store: SnapshotStore) { self.store = store }

    private static func row(_ key: RequestKey) -> [UInt8] { SHA256.hash(key.text).bytes }

    /// What the request is answered with without being done.
    ///
    /// - Returns: `nil` for a request that has not come before, or was begun and has changed nothing.
    /// - Throws: `RequestError.refused` for one that was begun, may have changed something, and whose end is
    ///   not known.
    package func reply(to key: RequestKey, nowMs: Int64) throws -> ControlReply? {
        let found = try store.withHead { try $0.value(Self.table, Self.row(key)) }
        guard let held = try found.map({ try HeldAnswer(encoded: $0) }),
            nowMs - held.atMs < Self.keepMs
        else { return nil }
        guard held.fingerprint == key.fingerprint else {
            return .keyReused(
                "Idempotency-Key: it came before with another request, at \(Timestamp.text(ms: held.atMs)); nothing was changed"
            )
        }
        guard let reply = held.reply else {
            // Whatever is changed is audited, in the same transaction.
            if try store.auditCount() == held.audited { return nil }
            throw RequestError.refused(
                code: FailureKind.badData.rawValue,
                "this request was begun at \(Timestamp.text(ms: held.atMs)), and how it ended is not known; it is not done a second time: look at /v1/audit, and ask under another key"
            )
        }
        return try JSONDecoder().decode(ControlReply.self, from: Data(reply))
    }

    /// Notes that the request is begun; what is held for too long, or is too much, goes.
    ///
    /// - Returns: how many entries the audit has.
    @discardableResult
    package func begin(_ key: RequestKey, nowMs: Int64) throws -> UInt64 {
        var changes = StateChanges()
        for row in try outdated(nowMs: nowMs, room: 1) { changes.remove(Self.table, row) }
        let audited = try store.auditCount()
        changes.put(
            Self.table, Self.row(key),
            HeldAnswer(atMs: nowMs, fingerprint: key.fingerprint, audited: audited).encoded)
        try store.changeLedger(changes)
        return audited
    }

    /// Forgets what is held for too long.
    package func forgetOutdated(nowMs: Int64) throws {
        var changes = StateChanges()
        let rows = try outdated(nowMs: nowMs, room: 0)
        guard !rows.isEmpty else { return }
        for row in rows { changes.remove(Self.table, row) }
        try store.changeLedger(changes)
    }

    /// - Parameter room: for so many more there is to be room.
    private func outdated(nowMs: Int64, room: Int) throws -> [[UInt8]] {
        var held: [(row: [UInt8], atMs: Int64)] = []
        try store.withHead { state in
            try state.forEach(Self.table) { row, value in
                held.append((row, try HeldAnswer(encoded: value).atMs))
            }
        }
        held.sort { $0.atMs < $1.atMs }
        let surplus = max(0, held.count + room - Self.countMax)
        return held.enumerated()
            .filter { $0 < surplus || nowMs - $1.atMs >= Self.keepMs }.map(\.element.row)
    }

    /// Notes the answer of the request that was begun.
    package func end(_ key: RequestKey, _ reply: ControlReply, nowMs: Int64) throws {
        var changes = StateChanges()
        changes.put(
            Self.table, Self.row(key),
            HeldAnswer(
                atMs: nowMs, fingerprint: key.fingerprint, audited: try store.auditCount(),
                reply: Array(try JSONText.data(reply, [.sortedKeys]))
            ).encoded)
        try store.changeLedger(changes)
    }

    /// The request changed nothing: it may come again.
    package func forget(_ key: RequestKey) throws {
        var changes = StateChanges()
        changes.remove(Self.table, Self.row(key))
        try store.changeLedger(changes)
    }
}

extension ControlService {
    /// Does a request once: the same one again gets the answer it got.
    ///
    /// - Parameter key: `nil` for a request that is done as often as it comes.
    func answer(
        _ request: ControlRequest, _ key: RequestKey?, didRewind: inout Bool
    ) throws -> ControlReply {
        guard let key else { return try answer(request, didRewind: &didRewind) }
        let held = HeldAnswers(store: store)
        let nowMs = wallTimeMs()
        if let reply = try held.reply(to: key, nowMs: nowMs) { return reply }
        let audited = try held.begin(key, nowMs: nowMs)
        let reply: ControlReply
        do { reply = try answer(request, didRewind: &didRewind) } catch {
            // Where something was changed all the same, the request stays begun.
            if let now = try? store.auditCount(), now == audited { try? held.forget(key) }
            throw error
        }
        // What was done is done, also where its answer finds no room.
        try? held.end(key, reply, nowMs: nowMs)
        return reply
    }

    /// The answer to a request that has come before; nothing is done.
    func heldReply(to key: RequestKey?) throws -> ControlReply? {
        try key.flatMap { try HeldAnswers(store: store).reply(to: $0, nowMs: wallTimeMs()) }
    }
}
