import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Synchronization
import Testing

@Suite(.serialized) struct RewindTests {
    private func replay(
        _ log: String, into store: String, skips: OffsetRanges = .init(), published: String
    ) throws -> Report {
        try Replay(
            try ShopStream.configuration(), events: [log], catalog: nil, store: store,
            skips: skips, outputs: .init(recommendations: published)
        ).run()
    }

    /// The decisions among recommendations: their ids without the lineage.
    private func decisions(_ bodies: [String]) throws -> [String] {
        try bodies.map { body in
            let fields = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
            let id = try #require(fields?["recommendation_id"] as? String)
            return String(try #require(id.split(separator: "-").last))
        }
    }

    private func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test(
        "a poisoned range: the state after rewind and skip is that of a run that never saw it, and nothing is published twice or withheld"
    )
    func drill() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 21)
        var lines = shop.next(1_230)
        lines += shop.next(240, priceFactor: 100)
        lines += shop.next(1_130)
        let store = scratch.path + "/store"
        let first = scratch.path + "/first.jsonl"
        _ = try replay(try scratch.log(lines), into: store, published: first)
        let clicksBefore = shop.clicks
        let opened = try SnapshotStore.open(path: store, mode: .readWrite)
        let before = try opened.status()
        let request = RollbackRequest(
            reference: "offset:shop.jsonl:0:1231", rewind: true,
            skips: ["shop.jsonl:0:1231-1470"], dryRun: true, reason: "prices times 100",
            who: "ada")
        let planned = try request.perform(on: opened)
        #expect(planned.dryRun && planned.offsets.count == 1)
        #expect(try opened.status().sequence == before.sequence)
        var real = request
        real.dryRun = false
        let done = try real.perform(on: opened)
        #expect(done.target == planned.target && done.lineage == 1)
        #expect(try opened.audit(limit: 1).first?.reason.contains("1231-1470") == true)
        #expect(throws: RewindError.self) {
            var typo = real
            typo.skips = ["shop.json:0:1-2"]
            _ = try typo.perform(on: opened)
        }
        try opened.close()
        // The log has grown meanwhile.
        let grown = try scratch.log(lines + shop.next(300), in: "grown")
        let second = scratch.path + "/second.jsonl"
        let again = try replay(grown, into: store, published: second)
        let clean = try replay(
            grown, into: scratch.path + "/clean",
            skips: try #require(OffsetRanges("shop.jsonl:0:1231-1470")),
            published: scratch.path + "/clean.jsonl")
        #expect(again.stateSHA256 == clean.stateSHA256)
        #expect(again.events.read == 1_230 + 1_130 + 300)
        let all = try decisions(try self.lines(first) + self.lines(second))
        #expect(all.count == shop.clicks && Set(all).count == shop.clicks)
        #expect(try self.lines(first).count == clicksBefore)
        // The journal of it all replays, across the rewind and with the range left out.
        let reopened = try SnapshotStore.open(path: store, mode: .readOnly)
        let oldest = try #require(try reopened.snapshots().last?.record.id)
        try reopened.close()
        let result = try Verification(
            store: store, from: oldest, to: "head", logs: [grown]
        ).run()
        #expect(result.result == .identical, "\(result.text)")
    }

    /// Runs the daemon until it has been looked up from for so many times, or for more where these were
    /// over before it read: how long a start takes is not what is asked about.
    private func stopSoon(_ configuration: Configuration, after looksMax: Int) throws {
        try #require(looksMax < 10_000, "it never came to read")
        let looks = Atomic(0)
        do {
            _ = try LearningDaemon(
                configuration,
                isStopped: { looks.wrappingAdd(1, ordering: .relaxed).newValue > looksMax }
            ).run()
        } catch is Interrupted { try stopSoon(configuration, after: 2 * looksMax) }
    }

    @Test(
        "a rewind that is stopped and started again while it learns goes on holding back what was published"
    )
    func restartWhileRelearning() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let configuration = try fixture.configuration(ShopStream.overrides)
        var shop = ShopStream(seed: 22)
        try fixture.send(shop.next(1_500), partition: 0)
        let first = try fixture.run(configuration)
        let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
        let target = try #require(try store.snapshots().dropLast().last?.record.id)
        for _ in 0..<2 {
            // Twice: the second one must not forget how far the first run had published.
            let request = RollbackRequest(
                reference: target, rewind: true, reason: "a drill", who: "ada")
            _ = try request.perform(on: store)
        }
        #expect(try store.status().lineage == 2)
        try store.close()
        try stopSoon(configuration, after: 12)
        try fixture.send(shop.next(200), partition: 0)
        let last = try fixture.run(configuration)
        #expect(last.events.read == 1_700)
        #expect(first.recommendations.published + last.recommendations.published == shop.clicks)
        let all = try decisions(try fixture.read(fixture.recommendations).map(text))
        #expect(all.count == shop.clicks && Set(all).count == shop.clicks)
    }

    /// A daemon that has learned and taken no snapshot since its first one.
    private let once = ShopStream.overrides + ["store.snapshot_events=1000000"]

    /// The one that is taken before anything is read.
    private func firstSnapshot(of store: SnapshotStore) throws -> String {
        let snapshots = try store.snapshots()
        let first = try #require(snapshots.last?.record)
        #expect(first.sequence == 1 && first.offsets.isEmpty && first.cluster.isEmpty)
        return first.id
    }

    @Test(
        "a running daemon whose head is its first snapshot goes back to the beginning, skips what it is told, and learns all else again"
    )
    func toTheBeginning() throws {
        let fixture = try DaemonFixture(partitions: 1)
        var shop = ShopStream(seed: 24)
        try fixture.send(shop.next(400), partition: 0)
        let daemon = RunningDaemon(try fixture.configuration(once))
        let control = try daemon.connect(fixture.store)
        try daemon.wait(control) { $0.events == 400 }
        for round in 1...2 {
            var request = RollbackRequest(
                reference: "head", rewind: true, skips: ["\(fixture.events):0:100-199"],
                dryRun: true, reason: "a bad feed", who: "ada")
            guard case .rollback(let planned) = try control.ask(.rollback(request)) else {
                throw DaemonFixture.Missing(what: "no plan")
            }
            #expect(planned.offsets.map(\.then) == [0])
            request.dryRun = false
            guard case .rollback(let done) = try control.ask(.rollback(request)) else {
                throw DaemonFixture.Missing(what: "no rewind")
            }
            #expect(done.lineage == UInt32(round))
            _ = try status(fixture.store, "what is learned again") {
                $0.events == 300 && !$0.relearning
            }
        }
        let report = try daemon.stop()
        let clean = try LearningDaemon(
            try fixture.configuration(
                once + [
                    "store.path=\(fixture.folder)/clean", "publish.topic=clean",
                    "publish.dead_letter_topic=clean-letters",
                ]), exitWhenIdleMs: 700,
            skips: try #require(OffsetRanges("\(fixture.events):0:100-199"))
        ).run()
        #expect(report.stateSHA256 == clean.stateSHA256)
        let result = try wholeReplay(of: fixture.store)
        #expect(result.result == .identical, "\(result.text)")
    }

    @Test(
        "a store goes back to its beginning twice, offline, and keeps its skips; another cluster is refused then as before"
    )
    func offlineToTheBeginning() throws {
        let fixture = try DaemonFixture(partitions: 1)
        var shop = ShopStream(seed: 25)
        try fixture.send(shop.next(400), partition: 0)
        _ = try fixture.run(try fixture.configuration(once))
        let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
        let first = try firstSnapshot(of: store)
        for range in ["0-49", "50-99"] {
            let request = RollbackRequest(
                reference: first, rewind: true, skips: ["\(fixture.events):0:\(range)"],
                reason: "a drill", who: "ada")
            _ = try request.perform(on: store)
        }
        #expect(throws: RewindError.self) {
            try store.requireKnown(try #require(OffsetRanges("elsewhere:0:1-2")))
        }
        try store.close()
        let other = try DevelopmentBroker()
        for topic in [fixture.events, fixture.recommendations, fixture.deadLetters] {
            try other.createTopic(topic, partitions: 1)
        }
        #expect(throws: ClusterError.self) {
            _ = try fixture.run(
                try fixture.configuration(once + ["kafka.brokers=\(other.address)"]))
        }
        let report = try fixture.run(try fixture.configuration(once))
        #expect(report.events.read == 300)
        let all = try decisions(try fixture.read(fixture.recommendations).map(text))
        #expect(Set(all).count == all.count)
    }

    @Test(
        "the beginning is gone back to where the topic began later, and is refused once the brokers have lost it",
        .enabled(if: !DaemonFixture.isReal))
    func beginningIsGone() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let filler = String(repeating: "n", count: 100_000)
        func outcomes(_ numbers: Range<Int>, padding: String) throws {
            try fixture.send(
                numbers.map { number in
                    """
                    {"type":"outcome","event_id":"o-\(number)","ts":\(nowMs() - 60_000),\
                    "user_id":"u\(number)","item_id":"kettle","price":20,\
                    "purchased":\(number % 3 == 0),"note":"\(padding)"}
                    """
                }, partition: 0, compression: "none")
        }
        // The development broker keeps 5 MiB of a partition: the daemon begins behind offset 0.
        try outcomes(0..<80, padding: filler)
        let begun = try fixture.run(try fixture.configuration(once))
        #expect(begun.events.read < 80 && begun.events.read > 20)
        let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
        let first = try firstSnapshot(of: store)
        let request = RollbackRequest(
            reference: first, rewind: true, reason: "a drill", who: "ada")
        _ = try request.perform(on: store)
        try store.close()
        // What was learned is all there, though the topic does not begin with offset 0.
        let again = try fixture.run(try fixture.configuration(once))
        #expect(again.events.read == begun.events.read)
        try outcomes(80..<120, padding: filler)
        #expect(try fixture.run(try fixture.configuration(once)).events.read > again.events.read)
        let later = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
        _ = try request.perform(on: later)
        try later.close()
        let error = try #require(throws: KafkaError.self) {
            _ = try fixture.run(try fixture.configuration(once))
        }
        guard case .offsetGap(let gap) = error else { throw error }
        #expect(gap.kind == .retention && gap.stored == 80 - Int64(begun.events.read))
        let accepted = try fixture.run(try fixture.configuration(once + ["kafka.on_gap=accept"]))
        #expect(accepted.events.read > 0)
    }

    @Test(
        "a running daemon takes snapshots and names, goes back to weights, rewinds and skips, and says where it stands"
    )
    func live() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let configuration = try fixture.configuration(ShopStream.overrides)
        var shop = ShopStream(seed: 23)
        try fixture.send(shop.next(1_000), partition: 0)
        let daemon = RunningDaemon(configuration)
        let control = try daemon.connect(fixture.store)
        try daemon.wait(control) { $0.events == 1_000 }
        guard
            case .snapshot(let id) = try control.ask(.snapshot(tags: ["before"], who: "ada"))
        else { throw DaemonFixture.Missing(what: "no snapshot") }
        try fixture.send(shop.next(200, priceFactor: 100), partition: 0)
        try daemon.wait(control) { $0.events == 1_200 }
        var request = RollbackRequest(
            reference: "before", rewind: false, reason: "the weights alone", who: "ada")
        guard case .rollback(let weights) = try control.ask(.rollback(request)) else {
            throw DaemonFixture.Missing(what: "no rollback")
        }
        #expect(weights.target == id && weights.offsets.isEmpty)
        #expect(try daemon.status(control).events == 1_200)
        request.rewind = true
        request.skips = ["\(fixture.events):0:1000-1199"]
        request.dryRun = true
        guard case .rollback(let planned) = try control.ask(.rollback(request)) else {
            throw DaemonFixture.Missing(what: "no plan")
        }
        #expect(planned.offsets.map(\.then) == [1_000] && planned.dryRun)
        request.dryRun = false
        guard case .rollback(let rewound) = try control.ask(.rollback(request)) else {
            throw DaemonFixture.Missing(what: "no rewind")
        }
        #expect(rewound.lineage == 1)
        try fixture.send(shop.next(300), partition: 0)
        try daemon.wait(control) { $0.events == 1_300 && !$0.relearning && $0.lineage == 1 }
        _ = try control.ask(.tag(reference: "head", name: "after", who: "ada"))
        _ = try control.ask(.untag(name: "before", who: "ada"))
        for bad in [
            ControlRequest.tag(reference: "nowhere", name: "x", who: "ada"),
            .rollback(RollbackRequest(reference: "head", rewind: false, reason: "", who: "")),
            .rollback(
                RollbackRequest(
                    reference: "after", rewind: true, skips: ["x"], reason: "r", who: "")),
        ] {
            #expect(throws: RequestError.self) { _ = try control.ask(bad) }
        }
        let report = try daemon.stop()
        let clean = try LearningDaemon(
            try fixture.configuration(
                ShopStream.overrides + [
                    "store.path=\(fixture.folder)/clean", "publish.topic=clean",
                    "publish.dead_letter_topic=clean-letters",
                ]), exitWhenIdleMs: 700,
            skips: try #require(OffsetRanges("\(fixture.events):0:1000-1199"))
        ).run()
        #expect(report.stateSHA256 == clean.stateSHA256)
        let all = try decisions(try fixture.read(fixture.recommendations).map(text))
        #expect(all.count == shop.clicks && Set(all).count == shop.clicks)
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        #expect(
            Set(try store.audit().map(\.action)).isSuperset(of: [
                "snapshot", "tag", "untag", "rollback", "rewind",
            ]))
        #expect(try DaemonConnection(store: fixture.store) == nil)
        try store.close()
        let result = try wholeReplay(of: fixture.store)
        #expect(result.result == .identical, "\(result.text)")
    }
}

/// A daemon on a thread of this process.
final class RunningDaemon: Sendable {
    private let isStopped = Atomic(false)
    private let result = Mutex<Result<Report, any Error>?>(nil)

    init(_ configuration: Configuration, faultInjection: FaultInjection = .none) {
        let thread = Thread { [self] in
            let outcome = Result {
                try LearningDaemon(
                    configuration, faultInjection: faultInjection,
                    isStopped: { self.isStopped.load(ordering: .acquiring) }
                ).run()
            }
            result.withLock { $0 = outcome }
        }
        thread.stackSize = 8 << 20
        thread.start()
    }

    private func eventually<R>(_ what: String, _ look: () throws -> R?) throws -> R {
        try DaemonTests.eventually(what) {
            if let found = try look() { return found }
            if case .failure(let error) = result.withLock({ $0 }) { throw error }
            return nil
        }
    }

    func connect(_ store: String) throws -> DaemonConnection {
        try eventually("the daemon's socket") { try DaemonConnection(store: store) }
    }

    func status(_ control: DaemonConnection) throws -> LearnerStatus {
        guard case .status(let status) = try control.ask(.status) else {
            throw DaemonFixture.Missing(what: "a status")
        }
        return status
    }

    func wait(_ control: DaemonConnection, until holds: (LearnerStatus) -> Bool) throws {
        _ = try eventually("a status that was waited for") {
            let status = try status(control)
            return holds(status) ? status : nil
        }
    }

    func stop() throws -> Report {
        isStopped.store(true, ordering: .releasing)
        return try ended()
    }

    /// Waits until it ends by itself.
    func ended() throws -> Report {
        try eventually("the daemon's end") { try result.withLock { $0 }?.get() }
    }
}
