import ContinualLearning
import Events
import Records

/// Every kind of record that the daemon itself keeps in a store or beside it, read from bytes alone.
package enum DaemonRecordKind: CaseIterable, Sendable {
    case journal, ledger, history, marker, heldAnswer

    /// Reads the bytes as a record of the kind; one that is read comes back as the same bytes.
    ///
    /// - Throws: for bytes that are none; never traps.
    package func read(_ bytes: [UInt8]) throws {
        switch self {
        case .journal:
            let record = try JournalRecord(encoded: bytes)
            let again = try JournalRecord(encoded: record.encoded)
            precondition(again == record, "\(record) came back as \(again)")
        case .ledger:
            var state = MemoryState()
            var changes = StateChanges()
            let key = Array(bytes.prefix(12))
            for name in ["published", "skipped"] {
                changes.put(StateTable(name, .ledger), key, Array(bytes.dropFirst(12)))
            }
            _ = try? PauseRecord.decoded(bytes)
            state.apply(changes)
            _ = try Ledger(cluster: "", reading: state)
        case .history:
            let history = try CrashHistory(bytes: bytes)
            let again = try CrashHistory(bytes: history.bytes)
            precondition(again == history, "\(history) came back as \(again)")
            var resumed = history
            resumed.resume(from: [:], crashed: bytes.count.isMultiple(of: 2))
            _ = resumed.held?.texts
        case .marker: _ = try PublishMarker(encoded: bytes)
        case .heldAnswer:
            let held = try HeldAnswer(encoded: bytes)
            let again = try HeldAnswer(encoded: held.encoded)
            precondition(again == held, "\(held) came back as \(again)")
        }
    }

    /// A record of each kind of journal entry, to begin with.
    package static let journalSeeds = journalRecords.map(\.encoded)

    private static let judgement: GateResult = {
        var result = GateResult(.refresh, example: 9, judged: 4, outcome: .reject, harm: 0.1)
        result.slice = "Toys"
        result.shift = LabelShift.Finding(slice: "Toys", examples: 3, expected: 0.1, observed: 0.4)
        result.bounds = GateResult.Bounds(lower: 0.01, upper: nil, margin: 0.005)
        result.training = GateResult.Training(steps: 5, moved: 0.5)
        return result
    }()

    private static let journalRecords: [JournalRecord] = [
        .started(
            .init(
                configuration: "lora.rank: 8\n", platform: "x86-64", version: "1", cluster: "c",
                skips: OffsetRanges("events:0:1-5") ?? OffsetRanges())),
        .found(SHA256.hash("state")),
        .batch(
            BatchInput(
                number: 7, cluster: "c", clockMs: 1_795_953_000_000,
                learned: [
                    SourceRecord(
                        position: TopicPartition(topic: "events", partition: 0), offset: 3,
                        value: [1, 2])
                ],
                ranges: [TopicPartition(topic: "events", partition: 0): 3..<4],
                skips: OffsetRanges())),
        .notice(.words("{}")), .notice(.refreshStarted), .notice(.judged(judgement)),
        .notice(.driftFound(head: "click", example: 7)),
        .notice(.effectFound(.answersChanged, model: "effect", example: 8)),
        .notice(.effectFound(.discountedBoughtLess, model: "view_effect", example: 9)),
        .notice(.contextKeyLeftOut("weekday")),
        .gap(TopicPartition(topic: "events", partition: 1), 4..<9),
        .awaiting([TopicPartition(topic: "events", partition: 2)]),
        .idle(TopicPartition(topic: "events", partition: 2)), .drained, .judgingPutOff,
        .rules([[1, 2], nil, []]), .objections([nil, [1, 2]]),
    ]
}
