import ContinualLearning
import Encoder
import Engine
import Events
import Foundation
import Records
import SnapshotStore

/// Learns a stream of ever-new everything in this process, as the daemon would, and looks at its own memory
/// and file: records are decoded, offers issued and put into the outbox, and every batch goes through the
/// store. Only the brokers are missing.
public final class Soak {
    private let configuration: Configuration
    private let plan: SoakPlan
    /// What the end of a daemon may have to wait for.
    private var longestStep = Swift.Duration.zero
    private static let position = TopicPartition(topic: "soak", partition: 0)

    /// Learns under the configuration, but never refreshes where the plan makes vectors up.
    public init(_ configuration: Configuration, plan: SoakPlan) {
        var configuration = configuration
        if plan.madeUpVectors { configuration.lora.refreshEvents = 0 }
        self.configuration = configuration
        self.plan = plan
    }

    /// Learns to the plan's end, or to a signal.
    ///
    /// - Parameter onSample: told of each look as it is taken.
    public func run(onSample: (SoakSample) -> Void = { _ in }) throws -> SoakReport {
        StopSignal.install()
        let wiring = Wiring(configuration: configuration)
        let base = try wiring.loadBase()
        let folder = TemporaryFolder.path("soak")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try wiring.openStore(path: folder, base: base, mode: .readWrite)
        let learner = try wiring.learner(
            LearningRun(
                engine: try wiring.engineConfiguration(base), isClocked: false, publishes: true),
            at: Learner.Place(store: store, cluster: "soak", skips: OffsetRanges()), base: base,
            embedding: plan.madeUpVectors ? MadeUpVectors(dimension: base.hiddenSize) : nil,
            log: wiring.log)
        let keeper = SnapshotRetention(
            store: store, retention: wiring.retention, sync: configuration.store.sync,
            log: wiring.log)
        defer { keeper.finish() }
        var samples: [SoakSample] = []
        let started = ContinuousClock.now
        try learn(learner, wiring, keeper) { events in
            let status = try store.status()
            let engine = learner.engine
            let resident = Self.resident
            let sample = SoakSample(
                events: events, seconds: started.duration(to: .now).inSeconds,
                residentBytes: resident.own, mappedBytes: resident.ofFiles,
                fileBytes: status.fileBytes,
                liveBytes: status.liveBytes, items: engine.itemCount,
                shoppers: engine.bounded.shoppers, vectors: engine.bounded.vectors,
                remembered: engine.rememberedExamples, openOffers: engine.openOffers,
                rows: Dictionary(
                    (status.tables + status.ownTables).map { ($0.name, $0.count) }
                ) { $0 + $1 })
            samples.append(sample)
            onSample(sample)
        }
        let seconds = started.duration(to: .now).inSeconds
        let tables = try [store.status()].flatMap { $0.tables + $0.ownTables }.map {
            SoakReport.Table(
                name: $0.name, rows: $0.count, bytes: $0.bytes,
                fullAt: SoakReport.Table.fullAt(samples, $0.name))
        }
        let report = SoakReport(
            samples: samples,
            resident: SoakTrend(samples, tolerance: plan.tolerance, \.residentBytes),
            file: SoakTrend(samples, tolerance: plan.tolerance, \.fileBytes),
            live: SoakTrend(samples, tolerance: plan.tolerance, \.liveBytes),
            eventsPerSecond: Double(samples.last?.events ?? 0) / max(seconds, 1e-3),
            longestStepSeconds: longestStep.inSeconds,
            tables: Array(tables.sorted { $0.bytes > $1.bytes }.prefix(16)),
            stateSHA256: learner.stateDigest.hex)
        keeper.finish()
        try store.close()
        if StopSignal.isReceived { throw Interrupted(outcome: "the soak is not finished") }
        return report
    }

    private func learn(
        _ learner: Learner, _ wiring: Wiring, _ keeper: SnapshotRetention,
        onSample: (Int) throws -> Void
    ) throws {
        var stream = SoakStream(plan)
        let decoding = try wiring.streamDecoding()
        let started = ContinuousClock.now
        let every = max(1, plan.events / max(1, plan.samples))
        var (done, sampled) = (0, 0)
        var delivered: UInt64?
        while done < plan.events, !StopSignal.isReceived {
            let count = min(configuration.batch.events, plan.events - done)
            let records = (0..<count).map { index in
                let event = stream.next()
                return SourceRecord(
                    position: Self.position, offset: Int64(done + index), timestampMs: event.tsMs,
                    value: EventEncoder.encode(event))
            }
            done += count
            let stepStarted = ContinuousClock.now
            _ = try learner.learn(decoding.decode(records), next: [Self.position: Int64(done)])
            if learner.isCommitDue {
                // All that was published before has arrived.
                let info = try learner.commitNow(delivered: delivered)
                if let last = info?.outbox.upperBound, last > 0 { delivered = last - 1 }
                if info?.snapshot != nil { keeper.look() }
            }
            try learner.goBackIfRejected()
            longestStep = max(longestStep, stepStarted.duration(to: .now))
            if done - sampled >= every || done == plan.events {
                sampled = done
                try onSample(done)
            }
            if plan.rate > 0 {
                let due = Double(done) / Double(plan.rate)
                let early = due - started.duration(to: .now).inSeconds
                if early > 0 { Thread.sleep(forTimeInterval: early) }
            }
        }
        try learner.commitNow(delivered: delivered, ending: true)
    }

    /// The process's own memory, and pages of files that the system may take back at any time.
    ///
    /// Source: proc(5), `/proc/self/status`, RssAnon and RssFile, kB.
    private static var resident: (own: Int, ofFiles: Int) {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        func kilobytes(_ name: String) -> Int {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            let fields = line?.split(whereSeparator: \.isWhitespace) ?? []
            return fields.count > 1 ? Int(fields[1]) ?? 0 : 0
        }
        return (1024 * kilobytes("RssAnon"), 1024 * kilobytes("RssFile"))
    }
}

/// Vectors of length one that a text's hash determines.
private final class MadeUpVectors: TextEmbedding {
    private let dimension: Int

    init(dimension: Int) { self.dimension = dimension }

    func vectors(of texts: [String]) throws -> [[Float]] {
        texts.map { text in
            var random = SeededRandom(seed: StableHash.of(text))
            let numbers = (0..<dimension).map { _ in random.unit() - 0.5 }
            let length = numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return numbers.map { Float($0 / length) }
        }
    }

    func use(_ adapters: Adapters) throws {}
}
