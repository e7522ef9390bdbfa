import ContinualLearning
import Daemon
import Events
import Foundation
import Simulator
import SnapshotStore
import Testing

/// A daemon whose labels are poisoned goes back by itself.
@Suite(.serialized) struct SelfRollbackTests {
    @Test(
        "poisoned labels: the heads are rejected, the weights go back and say why, what was gone back from stays forgotten, and the journal replays to the same bits"
    )
    func selfRollback() throws {
        let scratch = try Scratch()
        var stream = PoisonedStream(seed: 5, poisoned: 16_000..<26_000, share: 0.2)
        let events = stream.items + (0..<32_000).map { _ in PoisonedStream.event(stream.next()) }
        let log = try scratch.log(
            events.map { String(decoding: EventEncoder.encode($0), as: UTF8.self) })
        let store = scratch.path + "/store"
        let overrides =
            ShopStream.overrides + [
                "lora.refresh_events=0", "guards.anchor_every=6", "guards.head_gate=1h",
                "guards.head_gate_examples=1500", "guards.rollback_after=3",
                "attribution.window=30m", "guards.on_shift=roll_back",
                "guards.head_harm=0.1", "store.snapshot_events=4000",
                "batch.events=500", "store.commit_events=2000",
            ]
        let report = try Replay(
            try Configuration.load(file: nil, environment: [:], overrides: overrides),
            events: [log], catalog: nil, store: store
        ).run()
        let heads = report.judgements.filter { $0.subject == .heads }
        let clean = heads.filter { $0.example < 16_000 }
        #expect(clean.contains { $0.outcome == .promote })
        #expect(clean.allSatisfy { $0.outcome != .reject })
        let rejected = heads.filter { $0.outcome == .reject }
        #expect(rejected.count >= 3 && report.guards.headsRejected == rejected.count)
        #expect(rejected.allSatisfy { $0.slice == PoisonedStream.poisonedCategory })
        #expect(report.guards.selfRollbacks >= 1)
        #expect(report.guards.rollbacks == report.guards.selfRollbacks)
        let opened = try SnapshotStore.open(path: store, mode: .readOnly)
        let audit = try opened.audit().filter { $0.action.contains("rollback") }
        #expect(audit.count == report.guards.selfRollbacks)
        #expect(audit.allSatisfy { $0.who == "tidemark" })
        // The first time after three rejections, then after twice as many each time.
        let texts = audit.map(\.reason)
        #expect(texts.contains { $0.contains("rejected 3 times with no pass between") }, "\(texts)")
        #expect(audit.allSatisfy { $0.reason.contains("with no pass between") }, "\(texts)")
        #expect(audit.allSatisfy { $0.reason.contains(PoisonedStream.poisonedCategory) })
        let first = try #require(opened.snapshots().map(\.record.id).last)
        try opened.close()
        let result = try Verification(
            store: store, from: first, to: "head", logs: [log],
            runtime: { try Configuration(stored: $0, place: $1) }
        ).run()
        #expect(result.result == .identical, "\(result.text)")
    }
}
