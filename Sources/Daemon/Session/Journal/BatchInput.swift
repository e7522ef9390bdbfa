import Engine
import Events
import Records

/// What one batch took in, as the journal keeps it: enough to fetch the same records again, and to
/// tell that they are the same.
struct BatchInput: Sendable, Equatable {
    /// The engine's number of the batch.
    let number: Int
    /// Where the offsets count; `Replay.cluster` for logs.
    let cluster: String
    /// When the records were read by the daemon's clock, epoch milliseconds; `nil` for logs, and in
    /// entries of earlier versions.
    let clockMs: Int64?
    /// By partition, in order.
    let parts: [Part]
    /// Over the digests of all records learned, in the order of partition and offset.
    let digest: Digest256

    struct Part: Sendable, Equatable {
        let position: TopicPartition
        /// From the first offset to behind the last.
        let range: Range<Int64>
        /// What of the range was not learned, as `--skip` asked for.
        let skipped: [Range<Int64>]
        /// The beginning of each learned record's digest, by offset: enough to name the one that
        /// is another.
        let checks: [UInt32]
    }

    var records: Int { parts.reduce(0) { $0 + $1.checks.count } }

    /// - Parameters:
    ///   - learned: the records without the skipped ones.
    ///   - ranges: what was read of each partition.
    init(
        number: Int, cluster: String, clockMs: Int64?, learned: [SourceRecord],
        ranges: [TopicPartition: Range<Int64>], skips: OffsetRanges
    ) {
        self.number = number
        self.cluster = cluster
        self.clockMs = clockMs
        var digests: [TopicPartition: [(offset: Int64, digest: Digest256)]] = [:]
        for record in learned {
            digests[record.position, default: []].append((record.offset, record.digest))
        }
        var all = SHA256()
        var parts: [Part] = []
        for (position, range) in ranges.sorted(by: { $0.key < $1.key }) {
            let own = digests[position, default: []].sorted { $0.offset < $1.offset }
            for entry in own { all.update(entry.digest.bytes) }
            parts.append(
                Part(
                    position: position, range: range,
                    skipped: skips.within(range, of: position),
                    checks: own.map { $0.digest.check }))
        }
        self.parts = parts
        digest = all.finalize()
    }
}

extension SourceRecord {
    /// Over everything of the record that decoding sees, and its place.
    var digest: Digest256 {
        var writer = ByteWriter(capacity: 64 + (value?.count ?? 0))
        writer.string(position.topic)
        writer.integer(position.partition)
        writer.integer(offset)
        writer.optional(timestampMs) { $0.integer($1) }
        writer.optional(key) { $0.data($1) }
        writer.optional(value) { $0.data($1) }
        writer.array(headers) { writer, header in
            writer.string(header.name)
            writer.data(header.value)
        }
        return SHA256.hash(writer.bytes)
    }
}

extension Digest256 {
    /// A part that tells two records apart, but for one in four billion.
    var check: UInt32 { UInt32(truncatingIfNeeded: words.0) }
}

extension BatchInput {
    func write(to writer: inout ByteWriter) {
        writer.integer(Int64(number))
        writer.string(cluster)
        writer.optional(clockMs) { $0.integer($1) }
        writer.array(parts) { writer, part in
            writer.position(part.position)
            writer.range(part.range)
            writer.array(part.skipped) { $0.range($1) }
            writer.array(part.checks) { $0.integer($1) }
        }
        writer.digest(digest)
    }

    /// - Parameter hasClock: whether the entry is of a format that tells the clock.
    init(_ reader: inout ByteReader, hasClock: Bool) throws(ByteCodingError) {
        number = Int(try reader.integer(Int64.self))
        cluster = try reader.string()
        clockMs =
            hasClock
            ? try reader.optional { r throws(ByteCodingError) in try r.integer() } : nil
        parts = try reader.array { r throws(ByteCodingError) in
            Part(
                position: try r.position(), range: try r.range(),
                skipped: try r.array { r throws(ByteCodingError) in try r.range() },
                checks: try r.array { r throws(ByteCodingError) in try r.integer(UInt32.self) })
        }
        digest = try reader.digest()
    }
}
