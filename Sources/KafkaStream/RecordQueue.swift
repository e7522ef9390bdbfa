import Records

/// A record and the partition it belongs to, as an index into the assignment.
struct QueuedRecord {
    let index: Int
    let record: SourceRecord
    let byteCount: Int
    let arrivedMs: Int64

    init(index: Int, record: SourceRecord, arrivedMs: Int64) {
        self.index = index
        self.record = record
        self.arrivedMs = arrivedMs
        // What the arrays and the record itself cost beside their bytes.
        let overhead = 160
        let headers = record.headers.reduce(0) { $0 + $1.0.utf8.count + $1.1.count + 80 }
        byteCount = overhead + (record.key?.count ?? 0) + (record.value?.count ?? 0) + headers
    }
}

/// Records between the poll thread and the consumer's caller: a pure value, first in, first out.
///
/// Bound: the poll thread stops reading while either bound is reached; it adds a chunk at a time,
/// which may exceed the bound by less than a chunk.
struct RecordQueue {
    private var chunks: [[QueuedRecord]] = []
    private var firstChunk = 0
    private var firstRecord = 0
    private(set) var count = 0
    private(set) var byteCount = 0
    let recordsMax: Int
    let bytesMax: Int

    init(recordsMax: Int, bytesMax: Int) {
        self.recordsMax = recordsMax
        self.bytesMax = bytesMax
    }

    var hasRoom: Bool { count < recordsMax && byteCount < bytesMax }

    mutating func append(_ chunk: [QueuedRecord]) {
        guard !chunk.isEmpty else { return }
        count += chunk.count
        for entry in chunk { byteCount += entry.byteCount }
        chunks.append(chunk)
    }

    /// Takes the first record.
    ///
    /// Complexity: O(1) over a chunk.
    mutating func popFirst() -> QueuedRecord? {
        guard firstChunk < chunks.count else { return nil }
        let entry = chunks[firstChunk][firstRecord]
        firstRecord += 1
        count -= 1
        byteCount -= entry.byteCount
        if firstRecord == chunks[firstChunk].count {
            chunks[firstChunk] = []
            firstChunk += 1
            firstRecord = 0
            if firstChunk == chunks.count || firstChunk >= 64 {
                chunks.removeFirst(firstChunk)
                firstChunk = 0
            }
        }
        return entry
    }
}

/// The batch that is being gathered for the caller: a pure value.
struct FormingBatch {
    private(set) var entries: [QueuedRecord] = []
    private(set) var byteCount = 0

    var isEmpty: Bool { entries.isEmpty }
    /// When the first record came to this process.
    var firstArrivedMs: Int64? { entries.first?.arrivedMs }

    /// Moves records over until there are `recordsMax`, or `bytesMax` is reached.
    mutating func fill(from queue: inout RecordQueue, recordsMax: Int, bytesMax: Int) {
        while entries.count < recordsMax, byteCount < bytesMax, let entry = queue.popFirst() {
            byteCount += entry.byteCount
            entries.append(entry)
        }
    }

    /// Why the batch is to be cut now; nil to go on gathering.
    ///
    /// By count and by bytes alone the cut depends on the records and on nothing else.
    func cut(recordsMax: Int, bytesMax: Int, lingerMs: Int, nowMs: Int64) -> KafkaBatch.Cut? {
        guard let firstArrivedMs else { return nil }
        if entries.count >= recordsMax { return .full }
        if byteCount >= bytesMax { return .bytes }
        if lingerMs > 0, nowMs >= firstArrivedMs + Int64(lingerMs) { return .lingered }
        return nil
    }

    mutating func take(upTo recordsMax: Int) -> [QueuedRecord] {
        guard entries.count > recordsMax else {
            defer { self = FormingBatch() }
            return entries
        }
        let taken = Array(entries.prefix(recordsMax))
        entries.removeFirst(recordsMax)
        byteCount -= taken.reduce(0) { $0 + $1.byteCount }
        return taken
    }
}
