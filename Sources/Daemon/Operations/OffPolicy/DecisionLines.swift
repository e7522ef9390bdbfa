import Engine
import EventLog
import Events
import Records

/// One line of a log of decisions.
struct DecisionLine {
    enum Content {
        case inputs([EngineInput])
        case recommendation(LoggedRecommendation)
    }

    let path: String
    let number: Int64
    let record: SourceRecord
    let content: Content
    let tsMs: Int64

    var place: String { "\(path), line \(number)" }

    /// A recommendation comes after the click that asked for it, at the same time.
    var order: (Int64, Int) {
        if case .recommendation = content { (tsMs, 1) } else { (tsMs, 0) }
    }

    /// What could have been delivered, as an outcome may tell beside what an event has.
    func actions() throws -> [LoggedDepth]? {
        guard let value = record.value, Self.mentionsActions(value) else { return nil }
        do {
            return try JSONParser().value(value).depths("actions")
        } catch let error as DecisionLineError {
            throw BadLogLine(place: place, reason: error.reason)
        }
    }

    private static func mentionsActions(_ bytes: [UInt8]) -> Bool {
        bytes.contains(Array("\"actions\"".utf8))
    }
}

/// A line that cannot be used: nothing is concluded from the others.
public struct BadLogLine: Error, CustomStringConvertible, ClassifiedFailure {
    /// File and line.
    let place: String
    let reason: String

    /// Takes both as they are.
    public init(place: String, reason: String) {
        self.place = place
        self.reason = reason
    }

    /// Data, not usage.
    public var failureKind: FailureKind { .badData }
    /// Where, and what is wrong.
    public var description: String { "\(place): \(reason)" }
}

/// Logs of events and of recommendations as one, by time.
struct DecisionLines {
    private final class Source {
        let reader: LogReader
        var peeked: DecisionLine?
        var positions: Set<TopicPartition> = []
        var isAtEnd = false

        init(_ reader: LogReader) { self.reader = reader }
    }

    enum Step {
        case line(DecisionLine)
        /// A log has ended, and others go on.
        case ended([TopicPartition])
    }

    private let sources: [Source]
    private let decoding: Decoding
    private let parser = JSONParser()

    init(_ readers: [LogReader], _ decoding: Decoding) {
        sources = readers.map { Source($0) }
        self.decoding = decoding
    }

    /// The earliest line of all logs; of equal ones that of the log given first.
    ///
    /// - Throws: `BadLogLine`.
    mutating func next() throws -> Step? {
        var earliest: (source: Source, order: (Int64, Int))?
        for source in sources where !source.isAtEnd {
            if source.peeked == nil { source.peeked = try read(source.reader) }
            guard let line = source.peeked else {
                source.isAtEnd = true
                return .ended(source.positions.sorted())
            }
            if earliest.map({ line.order < $0.order }) ?? true { earliest = (source, line.order) }
        }
        guard let source = earliest?.source, let line = source.peeked else { return nil }
        source.peeked = nil
        source.positions.insert(line.record.position)
        return .line(line)
    }

    private func read(_ reader: LogReader) throws -> DecisionLine? {
        while let entry = try reader.next() {
            let (record, refusal) = entry.input(topic: reader.topic)
            let place = "\(reader.path), line \(entry.line)"
            if let refusal { throw BadLogLine(place: place, reason: refusal.reason) }
            if let found = try recommendation(record, place) {
                return DecisionLine(
                    path: reader.path, number: entry.line, record: record,
                    content: .recommendation(found), tsMs: found.issuedMs)
            }
            try decoding.fetchSchemas(for: [record])
            var inputs: [EngineInput] = []
            var tsMs: Int64?
            for input in decoding.decode(record, rejected: nil) {
                switch input.event {
                case .success(let event):
                    inputs.append(input)
                    tsMs = tsMs ?? event.tsMs
                case .failure(let rejected):
                    if rejected.code == EventError.ignoredCode { continue }
                    throw BadLogLine(place: place, reason: rejected.reason)
                }
            }
            guard let tsMs else { continue }
            return DecisionLine(
                path: reader.path, number: entry.line, record: record, content: .inputs(inputs),
                tsMs: tsMs)
        }
        return nil
    }

    private func recommendation(
        _ record: SourceRecord, _ place: String
    ) throws -> LoggedRecommendation? {
        guard let value = record.value, value.contains(Array("\"issued_at\"".utf8)),
            let document = try? parser.value(value)
        else { return nil }
        do throws(DecisionLineError) {
            return try LoggedRecommendation(document)
        } catch {
            throw BadLogLine(place: place, reason: error.reason)
        }
    }
}
