import Records

/// The event ids of a stated window of event time, as 128-bit hashes, bounded in number.
///
/// Ids are kept in segments in the order they came, so that a commit writes the newest segment
/// alone and forgetting drops whole ones.
struct DuplicateMemory: Sendable {
    static let table = StateTable("join.seen", .keyed)
    private static let segmentCount = 512

    /// Two hashes of different seeds: by chance alone a million ids hold a false duplicate once in
    /// 10^26.
    private struct Fingerprint: Hashable {
        let a: UInt64
        let b: UInt64

        init(a: UInt64, b: UInt64) {
            self.a = a
            self.b = b
        }

        init(of eventID: String) {
            a = StableHash.of(eventID, seed: 0x5eed_0001)
            b = StableHash.of(eventID, seed: 0x5eed_0002)
        }
    }

    private struct Segment: ShopperRow {
        var entries: [(id: Fingerprint, tsMs: Int64)] = []
        var newestMs = Int64.min

        var rowUser: String? { nil }
    }

    /// The time of each id remembered.
    private var seen: [Fingerprint: Int64] = [:]
    private var segments = TrackedRows<Segment>()
    /// Segments in use are those from `first` to `next`.
    private var first: UInt64 = 0
    private var next: UInt64 = 0
    private var entryCount = 0

    init() {}

    /// Ids remembered.
    var count: Int { seen.count }

    /// Remembers the id; false when it was there already and still inside the window.
    mutating func insert(
        _ eventID: String, tsMs: Int64, watermarkMs: Int64, configuration: AttributionConfiguration
    ) -> Bool {
        let id = Fingerprint(of: eventID)
        if let known = seen[id], known + configuration.duplicateWindowMs > watermarkMs {
            return false
        }
        if next == first || segments[next - 1]?.entries.count == Self.segmentCount {
            segments.insert(next, Segment())
            next += 1
        }
        _ = segments.update(next - 1) { segment in
            segment.entries.append((id, tsMs))
            segment.newestMs = max(segment.newestMs, tsMs)
        }
        seen[id] = tsMs
        entryCount += 1
        forget(watermarkMs: watermarkMs, configuration)
        return true
    }

    /// Drops segments from the old end: those wholly past the window, and those beyond the bound.
    private mutating func forget(watermarkMs: Int64, _ configuration: AttributionConfiguration) {
        while next - first > 1, let oldest = segments[first],
            entryCount > configuration.duplicatesMax
                || oldest.newestMs + configuration.duplicateWindowMs <= watermarkMs
        {
            for (id, tsMs) in oldest.entries where seen[id] == tsMs { seen[id] = nil }
            entryCount -= oldest.entries.count
            segments.remove(first)
            first += 1
        }
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        segments.collect(Self.table, into: &changes) { segment, writer in
            writer.array(segment.entries) {
                $0.integer($1.id.a)
                $0.integer($1.id.b)
                $0.integer($1.tsMs)
            }
        }
    }

    init(from reader: some StateReader) throws {
        segments = try TrackedRows(Self.table, from: reader) { row throws(ByteCodingError) in
            var segment = Segment()
            segment.entries = try row.array { r throws(ByteCodingError) in
                let id = Fingerprint(a: try r.integer(), b: try r.integer())
                return (id, try r.integer(Int64.self))
            }
            segment.newestMs = segment.entries.map(\.tsMs).max() ?? .min
            return segment
        }
        let numbers = segments.numbers
        first = numbers.first ?? 0
        next = numbers.last.map { $0 + 1 } ?? 0
        for number in numbers {
            for (id, tsMs) in segments[number]?.entries ?? [] {
                seen[id] = tsMs
                entryCount += 1
            }
        }
    }
}
