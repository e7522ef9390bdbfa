import Engine
import EventLog
import Events
import Foundation
import Records
import SnapshotStore
import Telemetry

/// The same engine over event logs: for testing a change before it ships.
public final class Replay {
    private let configuration: Configuration
    private let wiring: Wiring
    private let log: EventLogger
    private let logs: [String]
    private let catalog: String?
    private let store: String?
    private let predictions: String?
    private let recommendations: String?

    /// Logs have no cluster; their offsets are line numbers under the log's name.
    static let cluster = "log"

    public init(
        _ configuration: Configuration, events: [String], catalog: String?, store: String?,
        predictions: String?, recommendations: String?
    ) throws {
        self.configuration = configuration
        logs = events
        self.catalog = catalog
        self.store = store
        self.predictions = predictions
        self.recommendations = recommendations
        wiring = Wiring(configuration: configuration)
        // A replay has a progress bar; only what goes wrong is worth a line beside it.
        log = EventLogger(
            level: configuration.log.level == .debug ? "debug" : "warning",
            format: configuration.log.format == .json ? .json : .text)
    }

    /// Reads the logs to their ends, or until a signal.
    public func run() throws -> Report {
        StopSignal.install()
        let base = try wiring.loadBase()
        var engineConfiguration = try wiring.engineConfiguration(base)
        engineConfiguration.keepsPredictions = predictions != nil
        engineConfiguration.issuesDecisions = false
        // Opened before anything is made on disk, so that a wrong name changes nothing.
        let readers = try ([catalog].compactMap { $0 } + logs).map { path in
            try LogReader(path: path)
        }
        try requireOwnNames(readers)
        let folder = store ?? temporaryFolder()
        defer { if store == nil { try? FileManager.default.removeItem(atPath: folder) } }
        let store = try wiring.openStore(path: folder, base: base, mode: .readWrite)
        let learner = try wiring.learner(
            engineConfiguration, base: base, store: store, cluster: Self.cluster, clocked: false,
            publishes: false, log: log)
        let writers = try ReplayOutputs(predictions: predictions, recommendations: recommendations)
        var progress = ReplayProgress(readers, readBefore: learner.engine.counters.read)
        let known = try store.offsets(cluster: Self.cluster)
        var published = 0
        for reader in readers {
            let next = known[TopicPartition(topic: reader.topic, partition: 0)] ?? 0
            try learn(from: reader, startingAt: next, learner: learner) { output in
                published += output.recommendations.count
                try writers.write(output)
                progress.update(learner, in: reader)
            }
            if StopSignal.isReceived { break }
        }
        if !StopSignal.isReceived { try writers.write(try learner.drain()) }
        try learner.commitNow(ending: true)
        try writers.close()
        progress.finish(learner)
        let report = try Report(
            learner, eventsRead: progress.eventsRead(learner), published: published,
            wallSeconds: progress.wallSeconds, platform: try wiring.platform())
        try store.close()
        if StopSignal.isReceived { throw Interrupted() }
        return report
    }

    private func learn(
        from reader: LogReader, startingAt next: Int64, learner: Learner,
        onOutput: (StepOutput) throws -> Void
    ) throws {
        let decoding = Decoding(limits: wiring.eventLimits)
        var batch: [EngineInput] = []
        var offsets: [TopicPartition: Int64] = [:]
        func flush() throws {
            guard !batch.isEmpty else { return }
            try onOutput(try learner.learn(batch, next: offsets))
            batch.removeAll(keepingCapacity: true)
            offsets = [:]
            if learner.isCommitDue { try learner.commitNow() }
        }
        while let entry = try reader.next(), !StopSignal.isReceived {
            let input = decoding.decode(entry, topic: reader.topic)
            // What an earlier run into this store has learned is not learned again.
            if input.record.position.topic == reader.topic, input.record.offset < next { continue }
            batch.append(input)
            offsets[input.record.position] = input.record.offset + 1
            if batch.count == configuration.batch.events { try flush() }
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

    private func temporaryFolder() -> String {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-replay-\(UUID().uuidString)").path
    }
}

public enum ReplayError: Error, CustomStringConvertible {
    case sameName(first: String, second: String)

    public var description: String {
        switch self {
        case .sameName(let first, let second):
            "\(first) and \(second) have the same file name, by which a store keeps how far it has read; rename one"
        }
    }
}

/// Somebody asked for the end; everything learned until then is committed.
public struct Interrupted: Error, CustomStringConvertible {
    public var description: String { "interrupted; what was learned is committed" }
}

extension Decoding {
    /// A line of a log, as the engine takes it.
    func decode(_ entry: LogEntry, topic: String) -> EngineInput {
        switch entry.content {
        case .record(let record): return decode([record])[0]
        case .rejected(let reason, let bytes, _):
            let record = SourceRecord(
                position: TopicPartition(topic: topic, partition: 0), offset: entry.line,
                value: bytes)
            return EngineInput(record: record, event: .failure(RejectedRecord(reason: reason)))
        }
    }
}
