import ContinualLearning
import Engine
import EventLog
import Events
import Foundation
import Records
import SnapshotStore

/// Asks a snapshot to predict a log, and scores it; learns nothing and changes nothing.
///
/// The store is opened for reading alone. What the log says of items is taken, since a catalogue is
/// knowledge and not learning; so is what its clicks and purchases say of each other.
public final class Evaluation {
    private let store: SnapshotStore
    private var subject: Contestant
    private var reference: Contestant?
    private let logs: [String]
    private let predictions: String?

    /// - Parameters:
    ///   - snapshot: the snapshot that predicts.
    ///   - against: another one of the store, to be compared example by example.
    ///   - base: folder of the base; the one of the snapshot's configuration where `nil`.
    ///   - catalog: a log of items, read first.
    ///   - predictions: where to write each prediction of `snapshot`.
    public init(
        store path: String, snapshot: String, against: String? = nil, base: String? = nil,
        events: [String], catalog: String? = nil, predictions: String? = nil
    ) throws {
        DamageExit.install()
        store = try SnapshotStore.open(path: path, mode: .readOnly)
        let keeps = predictions != nil || against != nil
        subject = try Contestant(store, snapshot, base: base, keepsPredictions: keeps)
        reference = try against.map { [store] in
            try Contestant(store, $0, base: base, keepsPredictions: true)
        }
        logs = [catalog].compactMap { $0 } + events
        self.predictions = predictions
    }

    /// Reads the logs to their ends.
    ///
    /// - Throws: `Interrupted` after a signal; then there is no report.
    public func run() throws -> EvaluationReport {
        StopSignal.install()
        let readers = try logs.map { try LogReader(path: $0) }
        let outputs = try ReplayOutputs(predictions: predictions, recommendations: nil)
        var paired: [String: PairedDifference] = [:]
        func take(_ output: StepOutput, _ other: StepOutput?) throws {
            try outputs.write(output)
            for (row, old) in zip(output.predictions, other?.predictions ?? []) {
                paired[row.head, default: PairedDifference()].observe(
                    logit: row.logit, reference: old.logit, label: row.label, weight: row.weight,
                    item: row.itemID, user: row.userID)
            }
        }
        let wiring = subject.opened.wiring
        let decoding = try wiring.logDecoding()
        // The store cannot take further ones, being open for reading alone.
        decoding.payloads?.drawRefusing(from: wiring.schemas(store, client: nil))
        var progress = LogProgress("evaluate", readers)
        for reader in readers {
            // A clock that is far ahead must not close every window, here as in a replay.
            let inputs = LogInputs(
                reader, decoding, skewMaxMs: wiring.eventLimits.skewMaxMs)
            while !StopSignal.isReceived {
                let batch = try inputs.take(upTo: wiring.configuration.batch.events)
                if batch.isEmpty { break }
                try take(try subject.predict(batch), try reference?.predict(batch))
                progress.update(eventsRead: subject.engine.counters.read)
            }
        }
        if StopSignal.isReceived { throw Interrupted(outcome: "there is no evaluation") }
        try take(try subject.drain(), try reference?.drain())
        try outputs.close()
        progress.finish(eventsRead: subject.engine.counters.read)
        let report = EvaluationReport(
            subject.engine, of: subject.opened.record, against: reference?.opened.record,
            paired: paired.mapValues(\.report), wallSeconds: progress.wallSeconds,
            platform: try wiring.platform())
        try store.close()
        return report
    }
}

/// A snapshot that predicts.
private struct Contestant {
    let opened: SnapshotEngine
    private var running: RunningEngine

    var engine: Engine { running.engine }

    init(_ store: SnapshotStore, _ reference: String, base: String?, keepsPredictions: Bool) throws
    {
        opened = try SnapshotEngine(store: store, snapshot: reference, base: base)
        running = RunningEngine(
            engine: opened.engine.forEvaluation(keepsPredictions: keepsPredictions),
            embedding: opened.embedding, training: NoTraining())
    }

    mutating func predict(_ batch: [EngineInput]) throws -> StepOutput {
        // Nothing of the store's shoppers is asked for where nothing is decided; its items are at hand.
        try running.step(batch, reading: MemoryState())
    }

    mutating func drain() throws -> StepOutput { try running.drain(reading: MemoryState()) }
}

extension LogInputs {
    /// The next lines as the engine takes them; none at the end.
    fileprivate func take(upTo countMax: Int) throws -> [EngineInput] {
        var inputs: [EngineInput] = []
        while inputs.count < countMax, let line = try take() { inputs += line.inputs }
        return inputs
    }
}
