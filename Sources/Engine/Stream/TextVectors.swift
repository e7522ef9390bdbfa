import Records

/// The vectors of texts under the adapters in service, at most so many bytes of them.
///
/// Vectors belong to the weights: a snapshot carries those its posterior was learned on. The same text
/// is encoded once, however many items carry it. One that was forgotten is encoded again when it is
/// asked for. Which are forgotten is part of the state: time is counted in periods, each of a quarter of
/// the bytes brought in, and those used in the oldest period go first.
struct TextVectors: Sendable {
    static let table = StateTable("vectors", .weights)

    private struct Entry: Sendable {
        /// Where its row is. Numbers ascend, so that what snapshots share stays where it is.
        let number: UInt64
        var vector: [Float]
        var period: UInt32
    }

    private var entries: [String: Entry] = [:]
    private var changed: Set<String> = []
    /// Keys of rows that go.
    private var removed: [[UInt8]] = []
    private var next: UInt64 = 0
    private(set) var bytes = 0
    private(set) var forgotten = 0
    private var period: UInt32 = 0
    /// Brought in during this period.
    private var periodBytes = 0
    private var isClockDirty = false

    static let periods = 4

    init() {}

    var count: Int { entries.count }

    /// What one takes in memory, about.
    private static func size(_ text: String, _ vector: [Float]) -> Int {
        4 * vector.count + text.utf8.count + 96
    }

    /// A vector that is not counted as used by being asked for.
    func peek(_ text: String) -> [Float]? { entries[text]?.vector }

    /// Counts a vector as used, and gives it; `nil` where the text is to be encoded.
    mutating func use(_ text: String) -> [Float]? {
        guard let index = entries.index(forKey: text) else { return nil }
        if entries.values[index].period != period {
            entries.values[index].period = period
            changed.insert(text)
        }
        return entries.values[index].vector
    }

    mutating func set(_ vector: [Float], of text: String) {
        let size = Self.size(text, vector)
        let old = entries[text]
        if let old { bytes -= Self.size(text, old.vector) }
        entries[text] = Entry(number: old?.number ?? takeNumber(), vector: vector, period: period)
        bytes += size
        periodBytes += size
        isClockDirty = true
        changed.insert(text)
    }

    private mutating func takeNumber() -> UInt64 {
        defer { next += 1 }
        isClockDirty = true
        return next
    }

    /// Puts the vectors under new adapters in the place of all there were; each text counts as used
    /// when it was.
    mutating func replace(_ new: [String: [Float]]) {
        let old = entries
        for (text, entry) in old where new[text] == nil { removed.append(Self.key(entry.number)) }
        changed = Set(new.keys)
        entries = [:]
        bytes = 0
        for (text, vector) in new.sorted(by: { $0.key < $1.key }) {
            entries[text] = Entry(
                number: old[text]?.number ?? takeNumber(), vector: vector,
                period: old[text]?.period ?? 0)
            bytes += Self.size(text, vector)
        }
    }

    /// At a batch's beginning: ends the period, and forgets what is too much.
    mutating func keep(bytesMax: Int) {
        if periodBytes > bytesMax / Self.periods {
            period += 1
            periodBytes = 0
            isClockDirty = true
        }
        guard bytes > bytesMax else { return }
        // Some more than need be, so that it is not done at each batch.
        let least = bytesMax - bytesMax / 16
        let order = entries.map { (period: $0.value.period, text: $0.key) }
            .sorted { ($0.period, $0.text) < ($1.period, $1.text) }
        for (_, text) in order {
            guard bytes > least, let entry = entries.removeValue(forKey: text) else { return }
            bytes -= Self.size(text, entry.vector)
            forgotten += 1
            isClockDirty = true
            changed.remove(text)
            removed.append(Self.key(entry.number))
        }
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for key in removed { changes.remove(Self.table, key) }
        removed = []
        for text in changed.sorted() {
            guard let entry = entries[text] else { continue }
            var writer = ByteWriter(capacity: 4 * entry.vector.count + text.utf8.count + 12)
            writer.string(text)
            writer.floats(entry.vector)
            writer.integer(entry.period)
            changes.put(Self.table, Self.key(entry.number), writer.bytes)
        }
        changed.removeAll(keepingCapacity: true)
    }

    /// The row of the clock, where it has changed since it was asked for.
    mutating func changedClock() -> [UInt8]? {
        guard isClockDirty else { return nil }
        isClockDirty = false
        var writer = ByteWriter(capacity: 20)
        writer.integer(period)
        writer.integer(Int64(periodBytes))
        writer.integer(Int64(forgotten))
        writer.integer(next)
        return writer.bytes
    }

    /// - Parameter clock: the row of the clock; `nil` where there is none.
    init(dimension: Int, reading state: any StateReader, clock: [UInt8]?) throws {
        if let clock {
            var reader = ByteReader(clock)
            period = try reader.integer()
            periodBytes = Int(try reader.integer(Int64.self))
            forgotten = Int(try reader.integer(Int64.self))
            next = try reader.integer()
            try reader.finish()
        }
        var early: [(text: String, vector: [Float])] = []
        try state.forEach(Self.table) { key, value in
            var reader = ByteReader(value)
            let text = try reader.string()
            let vector = try reader.floats()
            let period = reader.remaining > 0 ? try reader.integer(UInt32.self) : nil
            try reader.finish()
            guard vector.count == dimension else {
                throw EngineError.stateMismatch(
                    "a vector of \(vector.count) numbers where the base gives \(dimension)")
            }
            guard let period else {
                // A row of an earlier version, under a hash of its text.
                removed.append(key)
                early.append((text, vector))
                return
            }
            let number = key.reduce(0) { $0 << 8 | UInt64($1) }
            entries[text] = Entry(number: number, vector: vector, period: period)
            bytes += Self.size(text, vector)
        }
        for (text, vector) in early.sorted(by: { $0.text < $1.text }) { set(vector, of: text) }
    }

    private static func key(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
    }
}
