import Schemas

/// Ids that a registry says it does not have, and for how long it has said so: a pure value, told the time.
///
/// A registry that cannot say is none of this: only two answers count, so far apart.
package struct UnknownSchemas {
    private struct Standing {
        let sinceMs: Int64
        var askedMs: Int64
    }

    /// How long it may be said; 0: for ever.
    package let patienceMs: Int64
    private var ids: [SchemaID: Standing] = [:]

    /// Ids that are told apart; the next one begins anew for all.
    private static let idsMax = 4_096
    /// Between two questions for an id that was given up.
    private static let againMs: Int64 = 60_000

    package init(patienceMs: Int64) { self.patienceMs = patienceMs }

    /// Whether records of the id are no longer waited for.
    package func isGivenUp(_ id: SchemaID) -> Bool {
        guard patienceMs > 0, let known = ids[id] else { return false }
        return known.askedMs - known.sinceMs >= patienceMs
    }

    /// Whether the registry is to be asked: one that was given up may have come since.
    package func asks(_ id: SchemaID, nowMs: Int64) -> Bool {
        guard isGivenUp(id), let known = ids[id] else { return true }
        return nowMs - known.askedMs >= Self.againMs
    }

    /// The registry says that it does not have it.
    package mutating func note(missing id: SchemaID, nowMs: Int64) {
        if ids[id] == nil, ids.count >= Self.idsMax { ids = [:] }
        ids[id, default: Standing(sinceMs: nowMs, askedMs: nowMs)].askedMs = nowMs
    }

    /// The registry has it.
    package mutating func note(found id: SchemaID) { ids[id] = nil }
}
