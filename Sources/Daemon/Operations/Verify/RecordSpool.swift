import Engine
import EventLog
import Events
import Foundation
import Records

/// The records that a replay of the journal needs, in a temporary file, found by their offsets.
///
/// A rewind in the journal goes back to records that were read before, and a captured log may hold
/// its partitions in any order: so all that is needed is laid out once. Memory: 24 bytes a record.
final class RecordSpool {
    /// A record, or a line of a log that was refused before it was looked into.
    struct Entry {
        let record: SourceRecord
        let rejected: RejectedRecord?
    }

    private struct Place {
        let offset: Int64
        let at: UInt64
        let byteCount: Int
    }

    private let path: String
    private let file: FileHandle
    private var index: [TopicPartition: [Place]] = [:]
    /// Records of offsets that an earlier log had already.
    private var others: [TopicPartition: [Int64: [Place]]] = [:]
    private var pending: [UInt8] = []
    private var written: UInt64 = 0
    private let needed: OffsetRanges
    private(set) var topicsSeen: Set<String> = []

    private static let pendingMax = 1 << 20

    /// - Parameter needed: what to keep of the records that come by.
    init(needed: OffsetRanges) throws {
        self.needed = needed
        path = TemporaryFolder.path("spool")
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forUpdatingAtPath: path)
        else { throw OutputError(path: path, reason: "the folder cannot be written") }
        self.file = file
        // Gone with the process, however it ends.
        try FileManager.default.removeItem(atPath: path)
    }

    var count: Int { index.values.reduce(0) { $0 + $1.count } }

    func add(_ record: SourceRecord, rejected: RejectedRecord? = nil) throws {
        topicsSeen.insert(record.position.topic)
        guard needed.contains(record.offset, of: record.position) else { return }
        var writer = ByteWriter(capacity: 64 + (record.value?.count ?? 0))
        writer.integer(record.offset)
        writer.optional(record.timestampMs) { $0.integer($1) }
        writer.optional(record.key) { $0.data($1) }
        writer.optional(record.value) { $0.data($1) }
        writer.array(record.headers) { writer, header in
            writer.string(header.name)
            writer.data(header.value)
        }
        writer.optional(rejected) {
            $0.string($1.reason)
            $0.string($1.code)
        }
        index[record.position, default: []].append(
            Place(
                offset: record.offset, at: written + UInt64(pending.count),
                byteCount: writer.bytes.count))
        pending += writer.bytes
        if pending.count >= Self.pendingMax { try flush() }
    }

    /// Every line of the logs, as a replay of them takes it.
    func add(
        _ logs: [String], _ decoding: Decoding, skewMaxMs: Int64, isStopped: () -> Bool
    ) throws {
        for path in logs {
            let lines = LogInputs(
                try LogReader(path: path), decoding, skewMaxMs: skewMaxMs)
            while let line = try lines.take() {
                if isStopped() { throw Interrupted() }
                try add(line.record, rejected: line.refusal)
            }
        }
    }

    /// After the last record: makes them ready to be asked for.
    func finish() throws {
        try flush()
        for position in index.keys {
            // Where logs overlap the first of them counts.
            var seen: Set<Int64> = []
            var others: [Int64: [Place]] = [:]
            index[position]?.removeAll { place in
                if seen.insert(place.offset).inserted { return false }
                others[place.offset, default: []].append(place)
                return true
            }
            if !others.isEmpty { self.others[position] = others }
            index[position]?.sort { $0.offset < $1.offset }
        }
    }

    private func flush() throws {
        do {
            try file.seek(toOffset: written)
            try file.write(contentsOf: pending)
        } catch { throw OutputError(path: path, reason: error.localizedDescription) }
        written += UInt64(pending.count)
        pending.removeAll(keepingCapacity: true)
    }

    /// The records of a range, in order.
    func records(of position: TopicPartition, in range: Range<Int64>) throws -> [Entry] {
        let places = index[position, default: []]
        var low = places.startIndex
        var high = places.endIndex
        while low < high {
            let middle = (low + high) / 2
            if places[middle].offset < range.lowerBound { low = middle + 1 } else { high = middle }
        }
        return try places[low...].prefix { $0.offset < range.upperBound }.map { place in
            try entry(position, place)
        }
    }

    /// What later logs have in a record's place.
    func others(at place: RecordPlace) throws -> [Entry] {
        try (others[place.position]?[place.offset] ?? []).map { try entry(place.position, $0) }
    }

    private func entry(_ position: TopicPartition, _ place: Place) throws -> Entry {
        try file.seek(toOffset: place.at)
        let bytes = try file.read(upToCount: place.byteCount) ?? Data()
        return try Entry(position: position, bytes: [UInt8](bytes))
    }
}

extension RecordSpool.Entry {
    fileprivate init(position: TopicPartition, bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        var record = SourceRecord(position: position, offset: try reader.integer(), value: nil)
        record.timestampMs = try reader.optional { r throws(ByteCodingError) in try r.integer() }
        record.key = try reader.optional { r throws(ByteCodingError) in try r.data() }
        record.value = try reader.optional { r throws(ByteCodingError) in try r.data() }
        record.headers = try reader.array { r throws(ByteCodingError) in
            (name: try r.string(), value: try r.data())
        }
        rejected = try reader.optional { r throws(ByteCodingError) in
            RejectedRecord(reason: try r.string(), code: try r.string())
        }
        self.record = record
        try reader.finish()
    }
}

extension LogEntry {
    /// The record of the line; of a line that is none, what stands in its place and why.
    func input(topic: String) -> (record: SourceRecord, rejected: RejectedRecord?) {
        switch content {
        case .record(let record): (record, nil)
        case .rejected(let reason, let bytes, _):
            (
                SourceRecord(
                    position: TopicPartition(topic: topic, partition: 0), offset: line,
                    value: bytes), RejectedRecord(reason: reason, code: "log_line")
            )
        }
    }
}
