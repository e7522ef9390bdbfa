import Engine
import EventLog
import Events
import Records

/// One line of a log, as the engine takes it.
struct LogLine {
    let path: String
    let number: Int64
    /// At least one, all of one record.
    let inputs: [EngineInput]
    /// Why it was refused before it was looked into, or in spite of what it says.
    let refusal: RejectedRecord?
    /// Whether its offset is but the number of the line, between which blank ones may lie; else it
    /// is a captured record.
    let isPlain: Bool

    var record: SourceRecord { inputs[0].record }
}

/// The lines of a log, those of a wrong clock refused.
final class LogInputs {
    private let reader: LogReader
    private let decoding: Decoding
    private let skewMaxMs: Int64
    private var clock: NeighbourClock<LogLine>
    private var peeked: LogLine?
    private var isAtEnd = false

    init(_ reader: LogReader, _ decoding: Decoding, skewMaxMs: Int64) {
        self.reader = reader
        self.decoding = decoding
        self.skewMaxMs = skewMaxMs
        clock = NeighbourClock(skewMaxMs: skewMaxMs)
    }

    /// The next line without taking it; `nil` at the log's end.
    func peek() throws -> LogLine? {
        if peeked == nil { peeked = try read() }
        return peeked
    }

    func take() throws -> LogLine? {
        defer { peeked = nil }
        return try peek()
    }

    private func read() throws -> LogLine? {
        while !isAtEnd {
            guard let entry = try reader.next() else {
                isAtEnd = true
                break
            }
            let (record, refusal) = entry.input(topic: reader.topic)
            if refusal == nil { try decoding.fetchSchemas(for: [record]) }
            let inputs = decoding.decode(record, rejected: refusal)
            let position = record.position
            let line = LogLine(
                path: reader.path, number: entry.line, inputs: inputs, refusal: refusal,
                isPlain: position.topic == reader.topic && position.partition == 0
                    && record.offset == entry.line)
            if let released = clock.push(line, tsMs: timeToVouchFor(line)) {
                return judged(released)
            }
        }
        return clock.pop().map(judged)
    }

    /// Items move no clock, and an erasure of a year to come would last until then; what has the
    /// broker's timestamp was held against that.
    private func timeToVouchFor(_ line: LogLine) -> Int64? {
        guard line.record.timestampMs == nil else { return nil }
        var newest: Int64?
        for case .success(let event) in line.inputs.map(\.event) where event.type != .item {
            newest = max(newest ?? event.tsMs, event.tsMs)
        }
        return newest
    }

    private func judged(_ released: NeighbourClock<LogLine>.Released) -> LogLine {
        let line = released.element
        guard let aheadMs = released.aheadMs else { return line }
        let error = EventError.neighbourSkew(aheadMs: aheadMs, aheadMsMax: skewMaxMs)
        let rejected = RejectedRecord(reason: error.description, code: error.code)
        return LogLine(
            path: line.path, number: line.number,
            inputs: [EngineInput(record: line.record, event: .failure(rejected))],
            refusal: rejected, isPlain: line.isPlain)
    }
}

/// Several logs as one.
///
/// Plain logs are read together by event time, so that windows need not wait for a log not read
/// yet. Captured logs may share partitions, and are read one after the other.
struct MergedInputs {
    private let logs: [LogInputs]
    private let isByTime: Bool
    private var positions: [Set<TopicPartition>]
    private var isAtEnd: [Bool]

    init(_ logs: [LogInputs]) throws {
        self.logs = logs
        isByTime = try logs.allSatisfy { try $0.peek()?.isPlain ?? true }
        positions = logs.map { _ in [] }
        isAtEnd = logs.map { _ in false }
    }

    enum Step {
        case input(LogLine)
        /// A log has ended, and others go on: these partitions bring nothing more.
        case ended([TopicPartition])
    }

    /// The earliest line of all logs, of equal ones that of the log given first; what is no event
    /// comes before any.
    mutating func next() throws -> Step? {
        var earliest: (log: Int, tsMs: Int64)?
        for (index, log) in logs.enumerated() where !isAtEnd[index] {
            guard let line = try log.peek() else {
                isAtEnd[index] = true
                if isAtEnd.contains(false) { return .ended(positions[index].sorted()) }
                continue
            }
            var tsMs = Int64.min
            for case .success(let event) in line.inputs.map(\.event) {
                tsMs = event.tsMs
                break
            }
            if earliest.map({ tsMs < $0.tsMs }) ?? true { earliest = (index, tsMs) }
            if !isByTime { break }
        }
        guard let (index, _) = earliest, let line = try logs[index].take() else { return nil }
        positions[index].insert(line.record.position)
        return .input(line)
    }
}
