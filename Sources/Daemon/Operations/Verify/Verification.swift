import Encoder
import Foundation
import KafkaStream
import Records
import SnapshotStore

/// Replays a store's journal between two snapshots on a copy, and holds the outcome against what the
/// store says, bit for bit.
public final class Verification {
    private let store: String
    private let from: String
    private let to: String
    private let logs: [String]
    private let runtime: (_ stored: String, _ place: String) throws -> Configuration

    /// - Parameters:
    ///   - logs: captured or original logs; where there are none the brokers are asked.
    ///   - runtime: where the base and the brokers are, and how many threads to use, made from the
    ///     first snapshot's configuration and where that is from; nothing else of it counts, since
    ///     the journal has the configuration that was in effect.
    public init(
        store: String, from: String, to: String, logs: [String],
        runtime: @escaping (_ stored: String, _ place: String) throws -> Configuration = {
            try Configuration(stored: $0, place: $1)
        }
    ) {
        self.store = store
        self.from = from
        self.to = to
        self.logs = logs
        self.runtime = runtime
    }

    /// - Throws: `VerificationError` where the events are not those that were learned, `StoreError`
    ///   where the store is damaged.
    public func run() throws -> VerificationResult {
        StopSignal.install()
        DamageExit.install()
        let source = try SnapshotStore.open(path: store, mode: .readOnly)
        defer { try? source.close() }
        let (a, b) = (try source.resolve(from), try source.resolve(to))
        guard a.sequence < b.sequence else {
            throw VerificationError.order(from: a.id, to: b.id)
        }
        _ = try source.verify(a.id)
        _ = try source.verify(b.id)
        let runtime = try runtime(try source.texts(of: a).configuration, "snapshot \(a.id)")
        let wiring = Wiring(configuration: runtime)
        let base = try wiring.loadBase()
        guard base.fingerprint == source.identity.base else {
            throw StoreError.otherBase(
                path: store, found: source.identity.base, expected: base.fingerprint)
        }
        if let other = try otherPlatform(source, a, b, ours: try wiring.platform()) {
            return VerificationResult(a, b, .notComparable, details: other)
        }
        let folder = TemporaryFolder.path("verify")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try source.copy(to: folder)
        var options = SnapshotStore.Options()
        options.undoCommitsMax = .max
        options.undoBytesMax = .max
        let copy = try SnapshotStore.open(path: folder, mode: .readWrite, options: options)
        defer { try? copy.close() }
        // The copy's journal stays as it is while the store's may be pruned.
        let span = try JournalSpan(copy, from: a, to: b)
        let spool = try fill(span, wiring, copy)
        return try replay(span, copy, base, runtime, spool)
    }

    private func replay(
        _ span: JournalSpan, _ copy: SnapshotStore, _ base: BaseModel, _ runtime: Configuration,
        _ spool: RecordSpool
    ) throws -> VerificationResult {
        let lastErasure = try copy.status().lastErasure
        let replay = try JournalReplay(span, on: copy, base: base, runtime: runtime, spool: spool)
        var bar = ProgressBar("verify")
        let difference = try replay.run { done in
            bar.update(
                fraction: Double(done) / Double(max(1, span.batches)), note: "\(done) batches")
        }
        bar.finish(note: "\(replay.batches) batches")
        guard let difference else {
            return VerificationResult(
                span.from, span.to, .identical, batches: replay.batches, records: replay.records)
        }
        if let lastErasure, lastErasure > span.from.sequence {
            return VerificationResult(
                span.from, span.to, .erased, batches: replay.batches, records: replay.records,
                details: [
                    "a shopper was erased at commit \(lastErasure): what the shopper had a part in "
                        + "cannot be had again as it was"
                ])
        }
        return VerificationResult(
            span.from, span.to, .different, batches: replay.batches, records: replay.records,
            details: try difference.lines(span, copy))
    }

    /// Bits are promised within one numeric profile; `nil` where all was computed on ours.
    private func otherPlatform(
        _ store: SnapshotStore, _ from: SnapshotRecord, _ to: SnapshotRecord, ours: String
    ) throws -> [String]? {
        var platforms: [(sequence: UInt64, platform: String)] = []
        // What a rollback left says of the snapshot gone back to where it was computed.
        for record in [from, to] where record.cause == .commit {
            platforms.append((record.sequence, try store.texts(of: record).platform))
        }
        if platforms.allSatisfy({ $0.platform == ours }) {
            platforms += try JournalSpan(store, from: from, to: to).platforms
        }
        guard let other = platforms.first(where: { $0.platform != ours }) else { return nil }
        return [
            "commit \(other.sequence) was computed on \(other.platform)",
            "this machine has \(ours)",
        ]
    }

    private func fill(
        _ span: JournalSpan, _ wiring: Wiring, _ store: SnapshotStore
    ) throws -> RecordSpool {
        let needed = span.needed.values.reduce(into: OffsetRanges()) { $0.formUnion($1) }
        let spool = try RecordSpool(needed: needed)
        if !logs.isEmpty {
            let decoding = try wiring.logDecoding()
            decoding.payloads?.drawRefusing(from: wiring.schemas(store, client: nil))
            try spool.add(
                logs, decoding, skewMaxMs: wiring.eventLimits.skewMaxMs
            ) { StopSignal.isReceived }
        } else if !needed.isEmpty {
            try BrokerRecords(kafka: try wiring.kafka(), log: wiring.log).read(
                span.needed, into: spool)
        }
        try spool.finish()
        return spool
    }
}

/// What a verification came to.
public struct VerificationResult: Encodable, Sendable {
    /// How the replay and the store compare.
    public enum Outcome: String, Encodable, Sendable {
        case identical, different, erased
        case notComparable = "not comparable"
    }

    /// How the replay and the store compare.
    public let result: Outcome
    /// The id of the snapshot that was replayed from.
    public let from: String
    /// The id of the snapshot that was replayed to.
    public let to: String
    /// Batches replayed; 0 where nothing could be compared.
    public let batches: Int
    /// Records replayed.
    public let events: Int
    /// The digest that the store has for the second snapshot.
    public let stateSHA256: String
    /// The first difference, or why nothing can be said.
    public let details: [String]

    enum CodingKeys: String, CodingKey {
        case result, from, to, batches, events, details
        case stateSHA256 = "state_sha256"
    }

    init(
        _ from: SnapshotRecord, _ to: SnapshotRecord, _ result: Outcome, batches: Int = 0,
        records: Int = 0, details: [String] = []
    ) {
        self.result = result
        self.from = from.id
        self.to = to.id
        self.batches = batches
        events = records
        stateSHA256 = to.stateDigest.hex
        self.details = details
    }

    /// The result for people: one line, and one more for each detail.
    public var text: String {
        let head = "\(from)..\(to): \(result.rawValue)"
        switch result {
        case .identical:
            return head + "; \(batches) batches, \(events) events, state \(stateSHA256)"
        case .different, .notComparable, .erased:
            return ([head] + details.map { "  " + $0.printable }).joined(separator: "\n")
        }
    }

    /// As an exit code says it; `nil` for success.
    public var failure: FailureKind? {
        switch result {
        case .identical: nil
        case .different: .badData
        // Nothing is wrong with the data: this machine cannot tell.
        case .notComparable, .erased: .unavailable
        }
    }
}

extension VerificationDifference {
    fileprivate func lines(_ span: JournalSpan, _ copy: SnapshotStore) throws -> [String] {
        switch self {
        case .notice(let batch, let expected, let found):
            return [
                "what was told after batch \(batch): \(expected)",
                "the replay came to: \(found)",
            ]
        case .state(let commit, let batches, let expected, let found):
            var lines = ["first difference: the state after commit \(commit)"]
            for batch in batches {
                let parts = batch.parts.map {
                    "\($0.position) \($0.range.lowerBound)-\($0.range.upperBound - 1)"
                }
                lines.append("batch \(batch.number): \(parts.joined(separator: ", "))")
            }
            lines.append("the store says \(expected.hex)")
            lines.append("the replay has \(found.hex)")
            guard commit == span.to.sequence else { return lines }
            let plan = try copy.planRollback(to: span.to.id, rewind: span.to.isWhole)
            for table in plan.tables {
                let rows = table.rowsChanged + table.rowsAdded + table.rowsRemoved
                if rows > 0 { lines.append("table \(table.table.name): \(rows) rows differ") }
            }
            return lines
        }
    }
}
