import Encoder
import Engine
import Events
import Records
import SnapshotStore

/// Replays a part of a store's journal on a copy of the store.
final class JournalReplay {
    /// What runs the replay and does not enter the state: base, threads, cache.
    private let runtime: Configuration
    private let base: BaseModel
    private let copy: SnapshotStore
    private let spool: RecordSpool
    private let span: JournalSpan
    private var machine: Machine?
    private var digest: Digest256
    /// Whether the next batch was learned without judging a refresh.
    private var putsOffJudging = false
    /// What the next batch read of the rules' ledger.
    private var rules: [[UInt8]?] = []
    /// What it read of objections.
    private var objections: [[UInt8]?] = []
    private(set) var batches = 0
    private(set) var records = 0

    /// An engine, and how what it learned was decoded.
    private struct Machine {
        var running: RunningEngine
        let decodings: (stream: Decoding, log: Decoding)
    }

    /// - Parameter copy: a copy of the store, which this may change as it likes.
    init(
        _ span: JournalSpan, on copy: SnapshotStore, base: BaseModel, runtime: Configuration,
        spool: RecordSpool
    ) throws {
        self.span = span
        self.copy = copy
        self.base = base
        self.runtime = runtime
        self.spool = spool
        try copy.rewind(
            to: span.from.id, reason: "replay of the journal", who: "tidemark", wallTimeMs: 0)
        digest = try copy.status().stateDigest
        try takeUp(
            try copy.texts(of: span.from).configuration, cluster: span.firstCluster,
            place: "snapshot \(span.from.id)")
    }

    /// - Parameter onBatch: called after each batch.
    /// - Returns: the first difference; `nil` where every bit is the same.
    /// - Throws: `VerificationError` where the records are not those that were learned.
    func run(onBatch: (_ done: Int) -> Void) throws -> VerificationDifference? {
        var difference: VerificationDifference?
        var last: [BatchInput] = []
        try span.forEachCommit(of: copy) { commit in
            guard difference == nil, !StopSignal.isReceived else { return }
            var work = Commit()
            var commitBatches: [BatchInput] = []
            var notices: [ReplayedNotice] = []
            // Commits of the store's own, a rollback or something brought in, have no entries of what learns.
            var learns = false
            for step in commit.steps {
                switch step {
                case .rollback(let target):
                    try copy.rollback(
                        to: target, reason: "replayed", who: "tidemark", wallTimeMs: 0)
                    machine = nil
                case .rewind(let target):
                    try copy.rewind(to: target, reason: "replayed", who: "tidemark", wallTimeMs: 0)
                    machine = nil
                case .nothing: break
                case .entry(.found(let expected)) where expected != digest:
                    difference = .state(
                        afterCommit: commit.sequence - 1, batches: last, expected: expected,
                        found: digest)
                    return
                case .entry(.found): learns = true
                case .entry(.notice(let expected)):
                    let found = notices.isEmpty ? nil : notices.removeFirst()
                    guard let found, try found.isSame(as: expected) else {
                        difference = .notice(
                            batch: commitBatches.last?.number ?? 0, expected: expected.text,
                            found: found?.text ?? "nothing")
                        return
                    }
                case .entry(let record):
                    if case .batch(let batch) = record { commitBatches.append(batch) }
                    notices += try take(record, &work, commit.sequence)
                    if case .batch = record { onBatch(batches) }
                }
            }
            if let more = notices.first {
                difference = .notice(
                    batch: commitBatches.last?.number ?? 0, expected: "nothing", found: more.text)
                return
            }
            try finish(&work, learns: learns)
            last = commitBatches
        }
        if StopSignal.isReceived { throw Interrupted() }
        if let difference { return difference }
        guard digest == span.to.stateDigest else {
            return .state(
                afterCommit: span.to.sequence, batches: last, expected: span.to.stateDigest,
                found: digest)
        }
        return nil
    }

    /// Has one entry happen again.
    ///
    /// - Returns: what the engine told of it, to be held against the journal.
    private func take(
        _ record: JournalRecord, _ work: inout Commit, _ commit: UInt64
    ) throws -> [ReplayedNotice] {
        var output = StepOutput()
        switch record {
        case .started(let start):
            try takeUp(start.configuration, cluster: start.cluster, place: "commit \(commit)")
        case .batch(let batch): output = try step(batch, &work)
        case .idle(let position):
            output = try withState { machine, state in
                try machine.running.setIdle(position, reading: state)
            }
        case .awaiting(let positions):
            output = try withState { machine, state in
                try machine.running.wait(for: positions, reading: state)
            }
        case .judgingPutOff: putsOffJudging = true
        case .rules(let rows): rules = rows
        case .objections(let rows): objections = rows
        case .drained:
            output = try withState { machine, state in
                try machine.running.drain(reading: state)
            }
        case .found, .notice, .gap: break
        }
        let example = machine?.running.engine.counters.examples ?? 0
        return output.notices.map { ReplayedNotice(notice: $0, example: example) }
    }

    private func step(_ batch: BatchInput, _ work: inout Commit) throws -> StepOutput {
        let entries = try batch.records(from: spool)
        let judging = !putsOffJudging
        putsOffJudging = false
        let (rules, objections) = (rules, objections)
        (self.rules, self.objections) = ([], [])
        let output = try with { machine in
            let isLog = batch.cluster == Replay.cluster
            let decoding = isLog ? machine.decodings.log : machine.decodings.stream
            try decoding.fetchSchemas(for: entries.map(\.record))
            let inputs = entries.flatMap {
                decoding.decode($0.record, rejected: $0.rejected, clockMs: batch.clockMs)
            }
            let output = try copy.withHead { state in
                try machine.running.step(
                    inputs,
                    reading: ReplayedRules(state, rows: rules, objections: objections),
                    judging: judging, clockMs: batch.clockMs)
            }
            work.noteEventTime(of: inputs, machine.running.engine)
            return output
        }
        work.cluster = batch.cluster
        for part in batch.parts { work.offsets[part.position] = part.range.upperBound }
        batches += 1
        records += batch.records
        return output
    }

    private func withState<R>(_ body: (inout Machine, StoredState) throws -> R) throws -> R {
        try with { machine in try copy.withHead { state in try body(&machine, state) } }
    }

    private func with<R>(_ body: (inout Machine) throws -> R) throws -> R {
        guard var machine else {
            throw VerificationError.journalIncomplete(commit: span.from.sequence + 1)
        }
        // Taken out, so that the engine's storage is not copied.
        self.machine = nil
        defer { self.machine = machine }
        return try body(&machine)
    }

    /// An engine that was taken up where a rollback ended has things to forget, which the first run
    /// did with the commit that its next process began with: nothing is collected before that.
    private func finish(_ work: inout Commit, learns: Bool) throws {
        if learns {
            try with { $0.running.engine.collectChanges(into: &work.changes) }
            digest = try copy.commit(work, sync: false).stateDigest
        } else {
            digest = try copy.status().stateDigest
        }
    }

    /// Takes the state up as a process does that starts.
    private func takeUp(_ text: String, cluster: String?, place: String) throws {
        var configuration = try Configuration(stored: text, place: place)
        configuration.model.base = runtime.model.base
        configuration.learning.threads = runtime.learning.threads
        configuration.lora.prefixCacheBytes = runtime.lora.prefixCacheBytes
        let wiring = Wiring(configuration: configuration)
        let (stream, log) = (try wiring.streamDecoding(), try wiring.logDecoding())
        // Nobody is asked: what was learned was learned by schemas that the store has.
        for decoding in [stream, log] {
            decoding.payloads?.drawRefusing(from: wiring.schemas(copy, client: nil))
        }
        var engineConfiguration = try wiring.engineConfiguration(base)
        engineConfiguration.issuesDecisions = cluster != Replay.cluster
        let engine = try copy.withHead { state in
            try Engine(engineConfiguration, base: base, reading: state)
        }
        machine = Machine(
            running: try .takingUp(
                engine, embedding: wiring.embedding(base), training: wiring.training(base)),
            decodings: (stream: stream, log: log))
    }
}

/// The first thing that a replay came to otherwise than the first run.
enum VerificationDifference {
    /// The state after a commit, whose batches these are.
    case state(
        afterCommit: UInt64, batches: [BatchInput], expected: Digest256, found: Digest256)
    /// What the engine told at the boundary of a batch.
    case notice(batch: Int, expected: String, found: String)
}
