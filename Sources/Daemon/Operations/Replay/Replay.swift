import Engine
import EventLog
import Events
import Foundation
import Records
import SnapshotStore
import Telemetry

/// The same engine over event logs: for testing a change before it ships, or for seeing what would
/// have become of a past state.
public final class Replay {
    private let configuration: Configuration
    private let wiring: Wiring
    private let log: EventLogger
    private let logs: [String]
    private let catalog: String?
    private let store: String?
    private let from: String?
    private let skips: OffsetRanges
    private let outputs: Outputs

    /// Files to be written beside the report; `nil` where none is wanted.
    public struct Outputs: Sendable {
        /// Path for what was predicted of each label before it was learned, as CSV.
        public var predictions: String?
        /// Path for the offers, one JSON text a line, as they would have been published.
        public var recommendations: String?

        /// By default none is written.
        public init(predictions: String? = nil, recommendations: String? = nil) {
            self.predictions = predictions
            self.recommendations = recommendations
        }
    }

    /// Logs have no cluster; their offsets are line numbers under the log's name.
    static let cluster = "log"

    /// - Parameters:
    ///   - store: where to learn; a temporary folder where `nil`.
    ///   - from: the snapshot to go on from. Where `store` is no store yet it gets a copy of the
    ///     configured one, which stays as it is.
    ///   - skips: records that are not learned.
    public init(
        _ configuration: Configuration, events: [String], catalog: String?, store: String?,
        from: String? = nil, skips: OffsetRanges = OffsetRanges(), outputs: Outputs = Outputs()
    ) throws {
        self.configuration = configuration
        self.from = from
        self.skips = skips
        logs = events
        self.catalog = catalog
        self.store = store
        self.outputs = outputs
        wiring = Wiring(configuration: configuration)
        // A replay has a progress bar; only what goes wrong is worth a line beside it.
        let level = configuration.log.level
        log = EventLogger(
            level: level == .info ? .warning : level, format: configuration.log.format)
    }

    /// Reads the logs to their ends, or until a signal.
    public func run() throws -> Report {
        StopSignal.install()
        let base = try wiring.loadBase()
        var engineConfiguration = try wiring.engineConfiguration(base)
        engineConfiguration.keepsPredictions = outputs.predictions != nil
        // Opened before anything is made on disk, so that a wrong name changes nothing.
        let readers = try ([catalog].compactMap { $0 } + logs).map { path in
            try LogReader(path: path)
        }
        try requireOwnNames(readers)
        let folder = store ?? TemporaryFolder.path("replay")
        defer { if store == nil { try? FileManager.default.removeItem(atPath: folder) } }
        let isCopy = try from != nil && copyConfiguredStore(to: folder)
        let store = try wiring.openStore(path: folder, base: base, mode: .readWrite)
        let cluster = try goBack(store, isCopy: isCopy)
        // In a log shoppers saw the log's own offers; a stream's shoppers see what is decided.
        engineConfiguration.issuesDecisions = cluster != Self.cluster
        let learner = try wiring.learner(
            LearningRun(engine: engineConfiguration, isClocked: false, publishes: false),
            at: Learner.Place(store: store, cluster: cluster, skips: skips), base: base, log: log)
        let writers = try ReplayOutputs(
            predictions: outputs.predictions, recommendations: outputs.recommendations)
        var progress = LogProgress("replay", readers, readBefore: learner.engine.counters.read)
        let decoding =
            cluster == Self.cluster
            ? try wiring.logDecoding()
            : try wiring.streamDecoding()
        decoding.payloads?.drawRefusing(from: wiring.schemasAsked(store))
        var places = LogPlaces(
            next: try store.offsets(cluster: cluster),
            acceptsGaps: configuration.kafka.onGap == .accept)
        var published = 0
        let inputs = readers.map {
            LogInputs($0, decoding, skewMaxMs: wiring.eventLimits.skewMaxMs)
        }
        // The catalogue first, whatever its times.
        let catalogs = catalog == nil ? 0 : 1
        for part in [inputs.prefix(catalogs), inputs.dropFirst(catalogs)] {
            var merged = try MergedInputs(Array(part))
            try learn(&merged, &places, learner) { output in
                published += output.recommendations.count
                try writers.write(output)
                progress.update(eventsRead: learner.engine.counters.read)
            }
        }
        // A stream goes on behind the log's end: what waits for older events waits on.
        if !StopSignal.isReceived, cluster == Self.cluster {
            try writers.write(try learner.drain())
        }
        try learner.commitNow(ending: true)
        try writers.close()
        progress.finish(eventsRead: learner.engine.counters.read)
        let report = try Report(
            learner, eventsRead: progress.eventsRead, published: published,
            wallSeconds: progress.wallSeconds, platform: try wiring.platform())
        try store.close()
        if StopSignal.isReceived { throw Interrupted() }
        return report
    }

    /// Copies the configured store where there is none yet.
    private func copyConfiguredStore(to folder: String) throws -> Bool {
        if FileManager.default.fileExists(atPath: folder + "/data.mdb") { return false }
        let source = try SnapshotStore.open(path: configuration.store.path, mode: .readOnly)
        defer { try? source.close() }
        // A wrong reference is told before anything is made on disk.
        if let from { _ = try source.resolve(from) }
        try source.copy(to: folder)
        return true
    }

    /// Takes the store back to the snapshot asked for.
    ///
    /// - Returns: the cluster whose stream the logs go on with; their own where the store's state
    ///   is from logs.
    private func goBack(_ store: SnapshotStore, isCopy: Bool) throws -> String {
        guard let from else { return Self.cluster }
        let target = try store.resolve(from)
        let reason = isCopy ? "what-if replay of a copy" : "replay --from \(from)"
        if isCopy {
            // Of a copy nothing was ever published: all that it would decide is told.
            try store.rewind(
                to: target.id, reason: reason, who: NSUserName(), wallTimeMs: wallTimeMs())
        } else {
            try store.rewind(
                to: target.id, skips: OffsetRanges(), reason: reason, who: NSUserName())
        }
        return target.cluster.isEmpty ? Self.cluster : target.cluster
    }

    private func learn(
        _ inputs: inout MergedInputs, _ places: inout LogPlaces, _ learner: Learner,
        onOutput: (StepOutput) throws -> Void
    ) throws {
        var batch: [EngineInput] = []
        var offsets: [TopicPartition: Int64] = [:]
        func flush() throws {
            guard !batch.isEmpty else { return }
            try onOutput(try learner.learn(batch, next: offsets))
            batch.removeAll(keepingCapacity: true)
            offsets = [:]
            if learner.isCommitDue { try learner.commitNow() }
            try learner.goBackIfRejected()
        }
        while !StopSignal.isReceived, let step = try inputs.next() {
            switch step {
            case .input(let line):
                let position = line.record.position
                // What an earlier run into this store has learned is not learned again.
                switch try places.take(line) {
                case .learnedBefore: continue
                case .next: break
                case .behindGap(let lost): learner.accept(gap: lost, of: position)
                }
                batch += line.inputs
                offsets[position] = line.record.offset + 1
                if batch.count >= configuration.batch.events { try flush() }
            case .ended(let positions):
                // A stream goes on behind its log's end.
                guard learner.cluster == Self.cluster else { continue }
                try flush()
                for position in positions { try learner.setIdle(position) }
            }
        }
        try flush()
    }

    /// Offsets are kept by name, so two logs of one name would hide each other's lines.
    private func requireOwnNames(_ readers: [LogReader]) throws {
        var paths: [String: String] = [:]
        for reader in readers {
            if let other = paths[reader.topic] {
                throw ReplayError.sameName(first: other, second: reader.path)
            }
            paths[reader.topic] = reader.path
        }
    }
}
