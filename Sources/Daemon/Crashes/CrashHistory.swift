import Records

/// What is known of processes that ended while they learned, and what to do about it: a pure value.
///
/// A stretch of a partition at which a process ended three times is learned in halves, each
/// committed before the next, until the record is alone that the process ends at; after three times
/// alone it is refused. Crashes are counted by partition, since which records of several partitions
/// come together is chance.
///
/// An end that is no crash (`kill -9`, no memory left, a probe) changes nothing of how batches are
/// cut and refuses nothing: it is counted, so that one who is ended at the same place again and
/// again can be told of it.
package struct CrashHistory: Equatable, Sendable {
    /// Crashes at one place before anything is done about it.
    package static let patience = 3
    /// Records refused without one learned in between: beyond that it is not the records.
    package static let refusedMax = 10

    package struct Stretch: Equatable, Sendable {
        /// The first record not learned.
        var from: Int64
        /// Behind the last record that was ever tried.
        var end: Int64
        var crashes: Int
    }

    /// Records under way since the last commit.
    package struct Attempt: Equatable, Sendable {
        package var ranges: [TopicPartition: Range<Int64>] = [:]
        package var records = 0

        package mutating func add(_ records: some Sequence<SourcePlace>) {
            for place in records {
                let known = ranges[place.position]
                ranges[place.position] =
                    min(
                        known?.lowerBound ?? .max, place.offset)..<max(
                        known?.upperBound ?? .min, place.offset + 1)
                self.records += 1
            }
        }
    }

    /// Ends that were no crashes, at one place.
    package struct Ends: Equatable, Sendable {
        /// The first record not learned.
        package var from: Int64
        package var count: Int
    }

    /// Where processes were ended without a crash, again and again.
    package struct Held: Equatable, Sendable {
        /// What was under way, by partition.
        package var ranges: [TopicPartition: Range<Int64>]
        package var count: Int

        /// As `--skip` would have them.
        package var texts: [String] {
            ranges.sorted { $0.key < $1.key }.map {
                "\($0.key):\($0.value.lowerBound)-\($0.value.upperBound - 1)"
            }
        }
    }

    package struct SourcePlace: Equatable, Sendable {
        package var position: TopicPartition
        package var offset: Int64

        package init(_ position: TopicPartition, _ offset: Int64) {
            self.position = position
            self.offset = offset
        }
    }

    package private(set) var stretches: [TopicPartition: Stretch] = [:]
    package private(set) var attempt = Attempt()
    /// Records to learn at one go while a culprit is looked for; nil in good times.
    package private(set) var limit: Int?
    package private(set) var ends: [TopicPartition: Ends] = [:]
    /// Set when a process starts after `patience` ends at one place; not kept.
    package private(set) var held: Held?
    private var alone: SourcePlace?
    private var crashesAlone = 0
    package private(set) var refusedInARow = 0

    package init() {}

    /// The record that is to be refused instead of being learned.
    package var culprit: SourcePlace? { crashesAlone >= Self.patience ? alone : nil }

    /// Takes in how the last process ended, when another one starts.
    ///
    /// - Parameters:
    ///   - offsets: the store's, from which this one goes on.
    ///   - crashed: whether it left the mark of a crash.
    package mutating func resume(from offsets: [TopicPartition: Int64], crashed: Bool) {
        let last = attempt
        attempt = Attempt()
        held = nil
        forget(passed: offsets)
        // Where the commit was made before the end came, nothing ended too early.
        let stuck = last.ranges.filter { (offsets[$0.key] ?? 0) <= $0.value.lowerBound }
        guard !stuck.isEmpty else { return }
        guard crashed else { return noteEnd(stuck) }
        for (position, range) in stuck {
            var stretch = stretches[position] ?? Stretch(from: -1, end: 0, crashes: 0)
            let isSame =
                stretch.from == range.lowerBound
                || (limit != nil && stretch.from <= range.lowerBound
                    && range.lowerBound < stretch.end)
            stretch.crashes = isSame ? stretch.crashes + 1 : 1
            stretch.from = range.lowerBound
            stretch.end = max(isSame ? stretch.end : 0, range.upperBound)
            stretches[position] = stretch
        }
        if last.records == 1, let (position, range) = stuck.first {
            let place = SourcePlace(position, range.lowerBound)
            crashesAlone = place == alone ? crashesAlone + 1 : 1
            alone = place
        }
        if limit != nil || stretches.values.contains(where: { $0.crashes >= Self.patience }) {
            limit = max(1, last.records / 2)
        }
    }

    private mutating func noteEnd(_ stuck: [TopicPartition: Range<Int64>]) {
        for (position, range) in stuck {
            let isSame = ends[position]?.from == range.lowerBound
            ends[position] = Ends(
                from: range.lowerBound, count: (isSame ? ends[position]?.count ?? 0 : 0) + 1)
        }
        let most = stuck.keys.compactMap { ends[$0]?.count }.max() ?? 0
        if most >= Self.patience { held = Held(ranges: stuck, count: most) }
    }

    package mutating func begin(_ records: some Sequence<SourcePlace>) {
        attempt.add(records)
    }

    /// The record is refused, and its place counts as passed with the next commit.
    ///
    /// - Returns: false when so many were refused in a row that it cannot be the records.
    package mutating func refused(_ place: SourcePlace) -> Bool {
        alone = nil
        crashesAlone = 0
        refusedInARow += 1
        return refusedInARow <= Self.refusedMax
    }

    package mutating func committed(_ offsets: [TopicPartition: Int64]) {
        if attempt.records > 0 { refusedInARow = 0 }
        attempt = Attempt()
        forget(passed: offsets)
    }

    /// What was under way ended for a reason that is not the records'.
    package mutating func spare() { attempt = Attempt() }

    private mutating func forget(passed offsets: [TopicPartition: Int64]) {
        for (position, next) in offsets {
            if let alone, alone.position == position, alone.offset < next {
                self.alone = nil
                crashesAlone = 0
            }
            if let stretch = stretches[position], stretch.end <= next {
                stretches[position] = nil
            }
            if let end = ends[position], end.from < next { ends[position] = nil }
        }
        if !stretches.values.contains(where: { $0.crashes >= Self.patience }) { limit = nil }
    }
}

extension CrashHistory {
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.array(stretches.sorted { $0.key < $1.key }) { writer, entry in
            writer.position(entry.key)
            writer.range(entry.value.from..<entry.value.end)
            writer.integer(UInt32(clamping: entry.value.crashes))
        }
        writer.array(attempt.ranges.sorted { $0.key < $1.key }) { writer, entry in
            writer.position(entry.key)
            writer.range(entry.value)
        }
        writer.integer(UInt64(attempt.records))
        writer.optional(limit) { $0.integer(UInt64($1)) }
        writer.optional(alone) { writer, place in
            writer.position(place.position)
            writer.integer(place.offset)
        }
        writer.integer(UInt32(clamping: crashesAlone))
        writer.integer(UInt32(clamping: refusedInARow))
        writer.array(ends.sorted { $0.key < $1.key }) { writer, entry in
            writer.position(entry.key)
            writer.integer(entry.value.from)
            writer.integer(UInt32(clamping: entry.value.count))
        }
        return writer.bytes
    }

    package init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        let stretches = try reader.array { r throws(ByteCodingError) in
            let position = try r.position()
            let range = try r.range()
            return (
                position,
                Stretch(
                    from: range.lowerBound, end: range.upperBound,
                    crashes: Int(try r.integer(UInt32.self)))
            )
        }
        self.stretches = Dictionary(stretches) { $1 }
        let ranges = try reader.array { r throws(ByteCodingError) in
            let (position, at, range) = (try r.position(), r.position, try r.range())
            guard !range.isEmpty else { throw .badValue(at: at, "an attempt at nothing") }
            return (position, range)
        }
        attempt.ranges = Dictionary(ranges) { $1 }
        attempt.records = Int(clamping: try reader.integer(UInt64.self))
        limit = try reader.optional { r throws(ByteCodingError) in
            max(1, Int(clamping: try r.integer(UInt64.self)))
        }
        alone = try reader.optional { r throws(ByteCodingError) in
            SourcePlace(try r.position(), try r.integer())
        }
        crashesAlone = Int(try reader.integer(UInt32.self))
        refusedInARow = Int(try reader.integer(UInt32.self))
        let ends = try reader.array { r throws(ByteCodingError) in
            (
                try r.position(),
                Ends(from: try r.integer(), count: Int(try r.integer(UInt32.self)))
            )
        }
        self.ends = Dictionary(ends) { $1 }
        try reader.finish()
    }
}
