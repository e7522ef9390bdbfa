import ContinualLearning
import Encoder
import Records

/// The room of the adapters: those in service, the optimiser that trained them, and where the next refresh
/// stands.
struct Refresh {
    private(set) var adapters: Adapters
    private(set) var optimizer: AdamW
    /// How much each of the adapters' weights mattered in the refreshes so far; empty unless guarded.
    private(set) var importance: [Float] = []
    /// Counts the adapters that have been in service.
    private(set) var encoderVersion: UInt32 = 0
    private(set) var progress: RefreshProgress
    /// The next refresh begins once so many texts were learned from, if not before.
    private(set) var textsAt: Int
    private var adaptersChanged = true
    private var jobChanged = false
    private let schedule: RefreshSchedule

    init(_ schedule: RefreshSchedule, adapters: Adapters) {
        self.schedule = schedule
        self.adapters = adapters
        optimizer = AdamW(schedule.optimizer, for: adapters)
        progress = .idle(nextAt: schedule.events)
        textsAt = schedule.nextTexts(after: 0)
    }

    /// The refresh under way, if one is.
    var candidate: RefreshProgress.Candidate? {
        if case .running(let candidate) = progress { candidate } else { nil }
    }

    /// Whether a refresh is to begin, or to be judged, after so many examples of so many texts.
    func isDue(_ examples: Int, texts: Int) -> Bool {
        switch progress {
        case .idle(let nextAt):
            schedule.events > 0 && texts >= schedule.texts
                && (examples >= nextAt || isOutgrown(texts: texts))
        case .running(let candidate): examples >= candidate.judgeAt
        }
    }

    /// Whether so many texts have come in that a new refresh would know far more than the last one.
    func isOutgrown(texts: Int) -> Bool { texts >= textsAt }

    /// Has the next refresh begin at once, if none is under way.
    mutating func hasten(_ examples: Int) {
        guard schedule.events > 0, case .idle(let nextAt) = progress else { return }
        progress = .idle(nextAt: min(nextAt, examples))
    }

    /// There is nothing to be trained on: the next one begins after so many more.
    mutating func postpone(_ examples: Int, texts: Int) {
        progress = .idle(nextAt: examples + schedule.events)
        textsAt = schedule.nextTexts(after: texts)
    }

    mutating func begin(_ job: RefreshJob, _ examples: Int, texts: Int) {
        progress = .running(.init(job: job, judgeAt: examples + schedule.judgeEvents))
        textsAt = schedule.nextTexts(after: texts)
        jobChanged = true
    }

    /// The evidence does not suffice: it is judged again after `more` examples.
    mutating func wait(for more: Int, _ examples: Int) {
        guard let candidate else { return }
        progress = .running(.init(job: candidate.job, judgeAt: examples + more))
    }

    /// Ends the refresh under way.
    ///
    /// - Parameter nextAt: the example at which the next one begins.
    mutating func leave(nextAt: Int) {
        progress = .idle(nextAt: nextAt)
        jobChanged = true
    }

    mutating func promote(_ result: RefreshResult) {
        adapters = result.adapters
        optimizer = result.optimizer
        importance = result.importance
        adaptersChanged = true
        encoderVersion += 1
    }
}

extension Refresh {
    private static let adaptersKey = Array("adapters".utf8)
    private static let optimizerKey = Array("optimizer".utf8)
    private static let importanceKey = Array("importance".utf8)
    private static let progressKey = Array("refresh".utf8)
    private static let jobKey = Array("refresh job".utf8)

    /// Where the adapters' record lies.
    static var adapterRow: (table: StateTable, key: [UInt8]) { (EngineTables.weights, adaptersKey) }

    mutating func collectChanges(into changes: inout StateChanges) {
        if adaptersChanged {
            changes.put(EngineTables.weights, Self.adaptersKey, adapters.record)
            changes.put(EngineTables.weights, Self.optimizerKey, optimizer.record)
            if importance.isEmpty {
                changes.remove(EngineTables.weights, Self.importanceKey)
            } else {
                var writer = ByteWriter(capacity: 4 * importance.count + 8)
                writer.floats(importance)
                changes.put(EngineTables.weights, Self.importanceKey, writer.bytes)
            }
            adaptersChanged = false
        }
        changes.put(
            EngineTables.state, Self.progressKey,
            progress.encoded(encoderVersion: encoderVersion, textsAt: textsAt))
        if jobChanged {
            if let candidate {
                changes.put(EngineTables.state, Self.jobKey, candidate.job.record)
            } else {
                changes.remove(EngineTables.state, Self.jobKey)
            }
            jobChanged = false
        }
    }

    /// The adapters of a state; `nil` in a fresh one.
    ///
    /// - Throws: `EngineError.stateMismatch` where they are others than the configuration asks for.
    static func adapters(
        _ configuration: EngineConfiguration, base: BaseModel, reading state: any StateReader
    ) throws -> Adapters? {
        guard let stored = try state.value(EngineTables.weights, adaptersKey) else { return nil }
        let adapters = try Adapters(record: stored, base: base)
        guard adapters.configuration == configuration.adapters else {
            throw EngineError.stateMismatch(
                configuration.adapters.differences(from: adapters.configuration)
                    .joined(separator: ", "))
        }
        return adapters
    }

    /// All but the adapters, which it was made with.
    mutating func restore(
        from state: any StateReader, base: BaseModel, training: RefreshConfiguration
    ) throws {
        adaptersChanged = false
        if let row = try state.value(EngineTables.weights, Self.optimizerKey) {
            optimizer = try AdamW(record: row, configuration: schedule.optimizer, for: adapters)
        }
        if let row = try state.value(EngineTables.weights, Self.importanceKey) {
            var reader = ByteReader(row)
            importance = try reader.floats()
            try reader.finish()
            guard importance.count == adapters.values.count else {
                throw EngineError.stateMismatch(
                    "importance of \(importance.count) weights, of which there are \(adapters.values.count)"
                )
            }
        }
        guard let row = try state.value(EngineTables.state, Self.progressKey) else { return }
        let job = try state.value(EngineTables.state, Self.jobKey).map { bytes in
            try RefreshJob(
                record: bytes, base: base, optimizer: schedule.optimizer, configuration: training)
        }
        let stored = try RefreshProgress.decode(row, job: job)
        (progress, encoderVersion) = (stored.progress, stored.encoderVersion)
        // Another schedule may have been configured since, or none by texts may have been known.
        textsAt = schedule.texts > 0 ? stored.textsAt ?? schedule.texts : .max
    }
}
