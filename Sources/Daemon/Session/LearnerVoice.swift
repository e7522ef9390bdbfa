import Engine
import Events
import Records
import Telemetry

/// What the log is told of learning: dead letters, events that come too late, weights that are clipped,
/// each at most so often.
///
/// Thread: the learning thread.
struct LearnerVoice {
    let log: EventLogger
    private var letterLines = DeadLetterLines()
    private var losses: LossWatch
    /// Whether it was said in this run that weights are clipped.
    private var toldOfClipping = false
    private let begun = ContinuousClock.now

    init(_ log: EventLogger, _ counts: JoinCounts) {
        self.log = log
        losses = LossWatch(counts)
    }

    /// How many of the newest events came too late.
    var lateShare: LateShare { losses.lateShare }

    /// A batch of so many records begins.
    mutating func begin(_ records: Int) {
        sayLetters(isEnd: false)
        letterLines.read(records)
    }

    mutating func tell(_ output: StepOutput, _ engine: Engine, store: String) {
        for event in losses.note(output.arrivals, engine, store: store) { log.emit(event) }
        guard let place = output.clippedWeight, !toldOfClipping else { return }
        toldOfClipping = true
        log.emit(
            .weightsClipped(position: "\(place)", most: plain(engine.configuration.weightMax)))
    }

    mutating func tell(_ unusable: UnusableRecord) {
        guard letterLines.tell(unusable.reason) else { return }
        let record = unusable.record
        log.emit(
            .deadLetter(position: "\(record.position):\(record.offset)", reason: unusable.reason))
    }

    /// Says what is to be said of dead letters that got no line of their own.
    ///
    /// - Parameter isEnd: whether nothing comes after.
    mutating func sayLetters(isEnd: Bool) {
        let nowMs = Int64(begun.duration(to: .now).inSeconds * 1000)
        guard let summary = isEnd ? letterLines.rest : letterLines.next(nowMs: nowMs) else {
            return
        }
        if summary.untold > 0 {
            log.emit(.moreDeadLetters(count: summary.untold, reason: summary.reason))
        }
        if summary.isAlarming {
            log.emit(.mostUnusable(letters: summary.letters, records: summary.records))
        }
    }

    mutating func wentBack(_ counts: JoinCounts) { losses = LossWatch(counts) }
}
