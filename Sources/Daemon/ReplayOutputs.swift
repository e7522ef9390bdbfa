import Engine
import EventLog
import Foundation

/// The files a replay writes beside its report.
struct ReplayOutputs: ~Copyable {
    private var predictions: LogWriter?
    private var recommendations: LogWriter?

    init(predictions: String?, recommendations: String?) throws {
        if let predictions {
            self.predictions = try LogWriter(path: predictions, replaces: true)
            try self.predictions?.writeLine(Array("event_id,head,probability,label".utf8))
        }
        if let recommendations {
            self.recommendations = try LogWriter(path: recommendations, replaces: true)
        }
    }

    mutating func write(_ output: StepOutput) throws {
        for row in output.predictions {
            let line = "\(csv(row.eventID)),\(row.head),\(row.probability),\(row.label ? 1 : 0)"
            try predictions?.writeLine(Array(line.utf8))
        }
        for recommendation in output.recommendations where recommendations != nil {
            try recommendations?.writeLine(try recommendation.json())
        }
    }

    consuming func close() throws {
        try predictions?.flush()
        try recommendations?.flush()
    }

    /// Quoted where the field needs it (RFC 4180).
    private func csv(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}

/// How far a replay is, over all its logs.
struct ReplayProgress {
    private var bar = ProgressBar("replay")
    private let started = ContinuousClock.now
    private let readers: [LogReader]
    private let readBefore: Int

    init(_ readers: [LogReader], readBefore: Int) {
        self.readers = readers
        self.readBefore = readBefore
    }

    mutating func update(_ learner: Learner, in reader: LogReader) {
        let whole = readers.reduce(Int64?(0)) { sum, reader in
            sum.flatMap { sum in reader.byteCount.map { sum + $0 } }
        }
        let done = readers.reduce(0) { $0 + $1.bytesRead }
        bar.update(
            fraction: whole.map { Double(done) / Double(max(1, $0)) },
            note: note(learner))
    }

    mutating func finish(_ learner: Learner) {
        bar.finish(note: note(learner))
    }

    private func note(_ learner: Learner) -> String {
        let counters = learner.engine.counters
        let rate = wallSeconds > 0 ? Int(Double(eventsRead(learner)) / wallSeconds) : 0
        return "\(counters.read) events, \(rate)/s"
    }

    /// Events of this replay alone.
    func eventsRead(_ learner: Learner) -> Int { learner.engine.counters.read - readBefore }

    var wallSeconds: Double {
        let elapsed = started.duration(to: .now).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }
}
