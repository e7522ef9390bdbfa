import Engine
import EventLog
import Events
import Records

/// One line of a log, as the engine takes it.
struct LogLine {
    let path: String
    let number: Int64
    let input: EngineInput
    /// Why it was refused before it was looked into, or in spite of what it says.
    let refusal: RejectedRecord?
    /// Whether its offset is but the number of the line, between which blank ones may lie; else it
    /// is a captured record.
    let isPlain: Bool
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
            let input =
                refusal.map { EngineInput(record: record, event: .failure($0)) }
                ?? decoding.decode([record])[0]
            let position = record.position
            let line = LogLine(
                path: reader.path, number: entry.line, input: input, refusal: refusal,
                isPlain: position.topic == reader.topic && position.partition == 0
                    && input.record.offset == entry.line)
            if let released = clock.push(line, tsMs: timeToVouchFor(input)) {
                return judged(released)
            }
        }
        return clock.pop().map(judged)
    }

    /// Items move no clock, and an erasure of a year to come would last until then; what has the
    /// broker's timestamp was held against that.
    private func timeToVouchFor(_ input: EngineInput) -> Int64? {
        guard input.record.timestampMs == nil, case .success(let event) = input.event,
            event.type != .item
        else { return nil }
        return event.tsMs
    }

    private func judged(_ released: NeighbourClock<LogLine>.Released) -> LogLine {
        let line = released.element
        guard let aheadMs = released.aheadMs else { return line }
        let error = EventError.neighbourSkew(aheadMs: aheadMs, aheadMsMax: skewMaxMs)
        let rejected = RejectedRecord(reason: error.description, code: error.code)
        return LogLine(
            path: line.path, number: line.number,
            input: EngineInput(record: line.input.record, event: .failure(rejected)),
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
            if case .success(let event) = line.input.event { tsMs = event.tsMs }
            if earliest.map({ tsMs < $0.tsMs }) ?? true { earliest = (index, tsMs) }
            if !isByTime { break }
        }
        guard let (index, _) = earliest, let line = try logs[index].take() else { return nil }
        positions[index].insert(line.input.record.position)
        return .input(line)
    }
}
