import Records

/// How far event time has come, from the partitions that are not idle.
///
/// Each partition's time is that of its newest event less the lateness; the watermark is the least
/// of them and never goes back. A partition that is waited for and has brought nothing holds the
/// watermark where it is until it does or is called idle.
///
/// An event that is further ahead than the leap allows of all that any partition has seen does not
/// move its partition by itself: one producer's clock must not close everybody's windows. It is
/// held until more of the partition's events agree than do not, of several users; until another
/// partition has come as far; or until the daemon's clock has gone on for a while with no event of
/// the partition that says otherwise.
struct Watermarks: Sendable {
    private struct Partition: Sendable {
        var newestMs: Int64?
        var isIdle = false
        var leap: HeldLeap?
    }

    private var partitions: [TopicPartition: Partition] = [:]
    /// No event older than this is taken any more; `nil` before there is any.
    private(set) var watermarkMs: Int64?
    private(set) var lastLeap: TimeLeap?
    /// When the present events were read, by the daemon's clock.
    private var clockMs: Int64?

    /// Leaps of more than this are never taken at a log's end for want of events behind them.
    private static let endLeapMaxMs: Int64 = 366 * 86_400_000

    init() {}

    var positions: some Collection<TopicPartition> { partitions.keys }

    /// The newest time of any partition; leaps that are held do not count.
    var newestMs: Int64? { partitions.values.lazy.compactMap(\.newestMs).max() }

    func isAwaiting(_ position: TopicPartition) -> Bool {
        partitions[position].map { $0.newestMs == nil && !$0.isIdle } ?? false
    }

    mutating func setIdle(_ position: TopicPartition, _ isIdle: Bool) {
        partitions[position, default: Partition()].isIdle = isIdle
    }

    /// The newest time, where an event of this time would leap ahead of it; else `nil`.
    func leap(of tsMs: Int64, max leapMaxMs: Int64?) -> Int64? {
        guard let leapMaxMs, let newestMs, tsMs - newestMs > leapMaxMs else { return nil }
        return newestMs
    }

    /// Notes an event that was taken: its partition is not idle.
    mutating func note(
        _ position: TopicPartition, tsMs: Int64, offset: Int64, userID: String, leapMaxMs: Int64?
    ) {
        var partition = partitions[position] ?? Partition()
        partition.isIdle = false
        if leap(of: tsMs, max: leapMaxMs) != nil {
            var leap = partition.leap ?? HeldLeap(leastMs: tsMs, offset: offset, sinceMs: clockMs)
            leap.agree(tsMs, offset: offset, userID: userID)
            partition.leap = leap
            if leap.isAgreed { take(leap, &partition, position) }
        } else {
            partition.newestMs = max(partition.newestMs ?? tsMs, tsMs)
            if partition.leap?.contradict() == true { partition.leap = nil }
        }
        partitions[position] = partition
    }

    private mutating func take(
        _ leap: HeldLeap, _ partition: inout Partition, _ position: TopicPartition
    ) {
        lastLeap = TimeLeap(
            position: position, offset: leap.offset, lastOffset: leap.lastOffset,
            fromMs: newestMs ?? leap.leastMs, toMs: leap.leastMs)
        partition.newestMs = max(partition.newestMs ?? leap.leastMs, leap.leastMs)
        partition.leap = nil
    }

    /// Takes the daemon's clock, and leaps that nothing has contradicted for long enough.
    ///
    /// - Returns: whether there was one.
    mutating func read(atMs clockMs: Int64?, holdMs: Int64) -> Bool {
        self.clockMs = clockMs
        guard let clockMs else { return false }
        return takeLeaps { leap in
            if leap.sinceMs == nil { leap.sinceMs = clockMs }
            return !leap.isContradicted && clockMs - (leap.sinceMs ?? clockMs) >= holdMs
        }
    }

    /// At a log's end: takes the leaps that nothing has contradicted.
    mutating func settleLeaps() {
        let limitMs = (newestMs ?? 0) + Self.endLeapMaxMs
        _ = takeLeaps { !$0.isContradicted && $0.leastMs <= limitMs }
    }

    private mutating func takeLeaps(_ isTaken: (inout HeldLeap) -> Bool) -> Bool {
        var found = false
        for position in partitions.keys.sorted(by: { $0.precedes($1) }) {
            guard var partition = partitions[position], var leap = partition.leap else { continue }
            if isTaken(&leap) {
                take(leap, &partition, position)
                found = true
            } else {
                partition.leap = leap
            }
            partitions[position] = partition
        }
        return found
    }

    /// Brings the watermark up to where the partitions stand.
    mutating func advance(latenessMs: Int64, leapMaxMs: Int64?) {
        if let leapMaxMs, let newestMs {
            // Another partition has come as far.
            for (position, partition) in partitions {
                guard let leap = partition.leap, leap.leastMs - newestMs <= leapMaxMs else {
                    continue
                }
                partitions[position]?.newestMs = max(
                    partition.newestMs ?? leap.leastMs, leap.leastMs)
                partitions[position]?.leap = nil
            }
        }
        var least: Int64?
        var newest: Int64?
        for partition in partitions.values {
            if let time = partition.newestMs { newest = max(newest ?? time, time) }
            if partition.isIdle { continue }
            guard let time = partition.newestMs else { return }
            least = min(least ?? time, time)
        }
        // With every partition idle nobody is waited for.
        if let time = least ?? newest { raise(to: time - latenessMs) }
    }

    /// Brings the watermark to `ms` at least.
    mutating func raise(to ms: Int64) {
        watermarkMs = max(watermarkMs ?? ms, ms)
    }
}

// MARK: State

extension Watermarks {
    func write(_ writer: inout ByteWriter) {
        writer.optional(watermarkMs) { $0.integer($1) }
        writer.array(partitions.keys.sorted { $0.precedes($1) }) { writer, position in
            writer.position(position)
            writer.optional(partitions[position]?.newestMs) { $0.integer($1) }
            writer.bool(partitions[position]?.isIdle ?? false)
        }
    }

    init(_ row: inout ByteReader) throws(ByteCodingError) {
        watermarkMs = try row.optional { r throws(ByteCodingError) in try r.integer() }
        let listed = try row.array { r throws(ByteCodingError) in
            let position = try r.position()
            let newestMs: Int64? = try r.optional { r throws(ByteCodingError) in try r.integer() }
            return (position, Partition(newestMs: newestMs, isIdle: try r.bool()))
        }
        for (position, partition) in listed { partitions[position] = partition }
    }

    func writeLeaps(_ writer: inout ByteWriter) {
        writer.optional(lastLeap) { $1.write(to: &$0) }
        let held = partitions.keys.filter { partitions[$0]?.leap != nil }
        writer.array(held.sorted { $0.precedes($1) }) { writer, position in
            writer.position(position)
            partitions[position]?.leap?.write(to: &writer)
        }
    }

    mutating func readLeaps(_ row: inout ByteReader) throws(ByteCodingError) {
        lastLeap = try row.optional { r throws(ByteCodingError) in try TimeLeap(from: &r) }
        let held = try row.array { r throws(ByteCodingError) in
            (try r.position(), try HeldLeap(from: &r))
        }
        for (position, leap) in held { partitions[position, default: Partition()].leap = leap }
    }
}

extension TopicPartition {
    /// By the bytes of the topic, then the partition: the same order on every machine.
    func precedes(_ other: TopicPartition) -> Bool {
        if topic.utf8.elementsEqual(other.topic.utf8) { return partition < other.partition }
        return topic.utf8.lexicographicallyPrecedes(other.topic.utf8)
    }
}
