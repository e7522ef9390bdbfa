import EventLog
import Foundation
import Records

/// How far the reading of event logs is, over all of them.
struct LogProgress {
    private var bar: ProgressBar
    private let started = ContinuousClock.now
    private let readers: [LogReader]
    private let readBefore: Int
    /// Events read since it was made.
    private(set) var eventsRead = 0

    /// - Parameter readBefore: events that `update` will count and that were read before.
    init(_ label: String, _ readers: [LogReader], readBefore: Int = 0) {
        bar = ProgressBar(label)
        self.readers = readers
        self.readBefore = readBefore
    }

    mutating func update(eventsRead count: Int) {
        eventsRead = count - readBefore
        let whole = readers.reduce(Int64?(0)) { sum, reader in
            sum.flatMap { sum in reader.byteCount.map { sum + $0 } }
        }
        let done = readers.reduce(0) { $0 + $1.bytesRead }
        bar.update(fraction: whole.map { Double(done) / Double(max(1, $0)) }, note: note(count))
    }

    mutating func finish(eventsRead count: Int) {
        eventsRead = count - readBefore
        bar.finish(note: note(count))
    }

    private func note(_ count: Int) -> String {
        let rate = wallSeconds > 0 ? Int(saturating: Double(eventsRead) / wallSeconds) : 0
        return "\(count) events, \(rate)/s"
    }

    var wallSeconds: Double { started.duration(to: .now).inSeconds }
}
