import Events
import Records

/// Which context keys are learned from: the first ones seen, up to a bound, and later the most used.
///
/// Each key that is learned from takes room in the posterior that nothing gives back, so a stream of
/// ever-new keys would leave none for those that tell something. A key beyond the bound is left out and
/// counted. Once in `period` events uses count half; a key that is no longer used makes room, and one
/// left out that is used twice as much as another takes its place.
struct ContextKeys: Sendable {
    private let countMax: Int
    /// Keys that are never learned from, nor counted as left out.
    private let refused: Set<String>
    /// Uses of those learned from.
    private var learned: [String: UInt64] = [:]
    /// Uses of those left out, as far as there is room.
    private var waiting: [String: UInt64] = [:]
    /// Entries left out, since the store began.
    private(set) var leftOut = 0
    /// Events with a context in this period.
    private var events = 0
    private var isDirty = false

    static let period = 100_000
    static let waitingMax = 256

    init(countMax: Int, refused: Set<String> = []) {
        self.countMax = countMax
        self.refused = refused
    }

    var count: Int { learned.count }

    /// The keys left out that are used most.
    func mostLeftOut(_ most: Int) -> [String] {
        waiting.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(most).map(\.key)
    }

    /// What is learned from of a context that nobody will learn.
    func known(_ context: [Event.Attribute]) -> [Event.Attribute] {
        let allowed = allowed(context)
        return learned.count < countMax ? allowed : allowed.filter { learned[$0.key] != nil }
    }

    private func allowed(_ context: [Event.Attribute]) -> [Event.Attribute] {
        refused.isEmpty ? context : context.filter { !refused.contains($0.key) }
    }

    /// What is learned from of an event's context, which counts as use of its keys.
    mutating func admit(_ given: [Event.Attribute]) -> [Event.Attribute] {
        let context = allowed(given)
        if context.isEmpty { return context }
        isDirty = true
        events += 1
        if events >= Self.period { endPeriod() }
        var isWhole = true
        for attribute in context where !use(attribute.key) { isWhole = false }
        return isWhole ? context : context.filter { learned[$0.key] != nil }
    }

    /// Counts a use; returns whether the key is learned from.
    private mutating func use(_ key: String) -> Bool {
        if let index = learned.index(forKey: key) {
            learned.values[index] += 1
            return true
        }
        if learned.count < countMax {
            learned[key] = 1
            return true
        }
        leftOut += 1
        if waiting[key] != nil || waiting.count < Self.waitingMax { waiting[key, default: 0] += 1 }
        return false
    }

    private mutating func endPeriod() {
        events = 0
        guard !waiting.isEmpty else {
            learned = learned.mapValues { $0 / 2 }
            return
        }
        learned = learned.mapValues { $0 / 2 }.filter { $0.value > 0 }
        waiting = waiting.mapValues { $0 / 2 }.filter { $0.value > 0 }
        for (key, uses) in waiting.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            if learned.count >= countMax {
                let least = learned.min { ($0.value, $0.key) < ($1.value, $1.key) }
                guard let least, uses > 2 * least.value else { return }
                learned[least.key] = nil
                waiting[least.key] = least.value
            }
            learned[key] = uses
            waiting[key] = nil
        }
    }

    /// The row, where it has changed since it was asked for.
    mutating func changedRow() -> [UInt8]? {
        guard isDirty else { return nil }
        isDirty = false
        var writer = ByteWriter()
        writer.integer(1 as UInt8)
        writer.integer(Int64(events))
        writer.integer(Int64(leftOut))
        for uses in [learned, waiting] {
            writer.array(uses.sorted { $0.key < $1.key }) { writer, entry in
                writer.string(entry.key)
                writer.integer(entry.value)
            }
        }
        return writer.bytes
    }

    init(
        countMax: Int, refused: Set<String> = [], row bytes: [UInt8]
    ) throws(ByteCodingError) {
        self.init(countMax: countMax, refused: refused)
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "context keys of another version")
        }
        events = Int(try reader.integer(Int64.self))
        leftOut = Int(try reader.integer(Int64.self))
        learned = try Self.uses(&reader).filter { !refused.contains($0.key) }
        waiting = try Self.uses(&reader).filter { !refused.contains($0.key) }
        try reader.finish()
        // Of a smaller bound than before, the least used wait.
        let surplus = learned.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.dropFirst(countMax)
        for (key, uses) in surplus {
            learned[key] = nil
            if waiting.count < Self.waitingMax { waiting[key] = uses }
        }
    }

    private static func uses(
        _ reader: inout ByteReader
    ) throws(ByteCodingError) -> [String: UInt64] {
        let listed = try reader.array { r throws(ByteCodingError) in
            (try r.string(), try r.integer(UInt64.self))
        }
        return Dictionary(listed) { first, _ in first }
    }
}

extension Event {
    /// With the context that `keep` leaves of its offer's.
    func keepingContext(_ keep: ([Attribute]) -> [Attribute]) -> Event {
        guard let context = offer?.context, !context.isEmpty else { return self }
        let kept = keep(context)
        guard kept.count < context.count else { return self }
        return withOffer { $0.context = kept }
    }
}
