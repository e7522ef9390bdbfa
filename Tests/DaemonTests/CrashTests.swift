import CCrashPoints
import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct CrashTests {
    /// How often the daemon is killed; `TIDEMARK_CRASH_KILLS=200` for the whole of it.
    private static let kills =
        ProcessInfo.processInfo.environment["TIDEMARK_CRASH_KILLS"].flatMap(Int.init) ?? 20
    private static let seed =
        ProcessInfo.processInfo.environment["TIDEMARK_CRASH_SEED"].flatMap(UInt64.init) ?? 41
    /// Events that are new to each process; a whole number of batches.
    private static let slice = 120

    private static let settings =
        ShopStream.overrides.filter { !$0.hasPrefix("store.sync") } + [
            "batch.events=20", "store.commit_events=40", "store.snapshot_events=200",
            "lora.refresh_events=300", "lora.refresh_texts=0", "lora.judge_events=100",
            "pricing.exploration=epsilon-greedy", "pricing.epsilon=1",
            "pricing.offer_lifetime=100m",
            "pricing.budgets=[{name: all, spend: 60.00, uses: 50, period: day}]",
        ]

    /// Where a process dies: inside a call of this kind, or after a time.
    private enum Instant: Int, CaseIterable {
        case storeWrite, storeSync, publish, time

        var point: crash_point? {
            switch self {
            case .storeWrite: CRASH_IN_STORE_WRITE
            case .storeSync: CRASH_IN_STORE_SYNC
            case .publish: CRASH_IN_PUBLISH
            case .time: nil
            }
        }
    }

    /// A process that learns until it dies.
    private func life(_ overrides: [String], _ instant: Instant, _ random: inout SeededRandom) async
    {
        let kind = instant.rawValue
        // About as many calls as a slice makes.
        let call = Int(1 + random.next() % (instant == .storeWrite ? 60 : 20))
        let isAfter = random.next() % 2 == 0
        let limitUs = instant == .time ? UInt32(random.next() % 900_000) : 3_000_000
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                overrides = overrides as [String], kind = kind as Int, call = call as Int,
                isAfter = isAfter as Bool, limitUs = limitUs as UInt32
            ] in
            let configuration = try Configuration.load(
                file: nil, environment: [:], overrides: overrides)
            if let point = Instant(rawValue: kind)?.point {
                crash_point_arm(point, call, isAfter ? 1 : 0)
            }
            Thread.detachNewThread {
                usleep(limitUs)
                kill(getpid(), SIGKILL)
            }
            _ = try LearningDaemon(configuration, isStopped: { false }).run()
        }
    }

    private func send(_ lines: [String], to fixture: DaemonFixture, _ partitions: Int) throws {
        for partition in 0..<partitions {
            try fixture.send(
                lines.indices.filter { $0 % partitions == partition }.map { lines[$0] },
                partition: Int32(partition))
        }
    }

    /// What was published, by id; a repetition must have the same body.
    private func published(_ records: [SourceRecord]) throws -> [String: String] {
        var bodies: [String: String] = [:]
        for body in records.map(text) {
            let fields = try #require(
                try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
            let id = try #require(fields["recommendation_id"] as? String)
            #expect(bodies[id] == nil || bodies[id] == body, "\(id) was published in two ways")
            bodies[id] = body
        }
        return bodies
    }

    /// Without the snapshot, of which a killed run has others.
    private func withoutSnapshot(_ body: String) -> String {
        body.replacing(/"snapshot":"[0-9a-f]+"/, with: "")
    }

    @Test(
        "killed inside commits, inside publishing and at random instants: learned exactly once, published at least once, and the head is a replay of its own journal and, with one partition, the state of a run that was never interrupted",
        arguments: [1, 3])
    func kills(partitions: Int) async throws {
        let fixture = try DaemonFixture(partitions: partitions)
        var random = SeededRandom(seed: Self.seed)
        var shop = ShopStream(seed: Self.seed, stepMs: ShopStream.slowStepMs)
        let overrides = try fixture.overrides() + Self.settings
        let configuration = try fixture.configuration(Self.settings)
        // How several partitions fall into batches is chance, so there is less to compare.
        let kills = partitions == 1 ? Self.kills : max(8, Self.kills / 2)
        for round in 0..<kills {
            try send(shop.next(Self.slice), to: fixture, partitions)
            await life(overrides, Instant.allCases[round % Instant.allCases.count], &random)
        }
        // A life may end with all of its slice learned. The last process has something of its own, so
        // that it ends as an uninterrupted run does: with a snapshot, and with nothing called idle.
        try send(shop.next(Self.slice), to: fixture, partitions)
        let killed = try fixture.run(configuration)
        #expect(killed.events.read == shop.count, "seed \(Self.seed)")
        let bodies = try published(try fixture.read(fixture.recommendations))
        #expect(bodies.count == shop.clicks)
        try expectReplay(fixture, shop)
        if partitions == 1 { try expectUninterrupted(fixture, killed, bodies) }
    }

    /// The state, and all that was published, are those of a run that nobody killed.
    private func expectUninterrupted(
        _ fixture: DaemonFixture, _ killed: Report, _ bodies: [String: String]
    ) throws {
        try fixture.makeTopics([
            "\(fixture.recommendations)-reference", "\(fixture.deadLetters)-reference",
        ])
        let reference = try fixture.run(
            try fixture.configuration(
                Self.settings + [
                    "store.path=\(fixture.folder)/reference",
                    "publish.topic=\(fixture.recommendations)-reference",
                    "publish.dead_letter_topic=\(fixture.deadLetters)-reference",
                ]))
        #expect(killed.stateSHA256 == reference.stateSHA256, "seed \(Self.seed)")
        #expect(killed.examples == reference.examples)
        #expect(killed.budgets == reference.budgets)
        let spends = killed.budgets.compactMap(\.spend)
        #expect(spends.count == 1 && spends.allSatisfy { $0.left >= 0 && $0.spent > 0 })
        let expected = try published(try fixture.read("\(fixture.recommendations)-reference"))
        #expect(
            bodies.mapValues(withoutSnapshot) == expected.mapValues(withoutSnapshot),
            "seed \(Self.seed)")
    }

    /// The head is a replay of its own journal from the first snapshot.
    private func expectReplay(_ fixture: DaemonFixture, _ shop: ShopStream) throws {
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        let snapshots = try store.snapshots()
        #expect(try store.status().lineage == 0)
        try store.close()
        let first = try #require(snapshots.last?.record)
        #expect(first.sequence == 1)
        let result = try Verification(
            store: fixture.store, from: first.id, to: "head", logs: []
        ).run()
        #expect(result.result == .identical, "\(result.text)")
        #expect(result.events == shop.count)
    }

    /// Storms of thirty kills; `TIDEMARK_CRASH_STORMS=50` for the whole of it.
    private static let storms =
        ProcessInfo.processInfo.environment["TIDEMARK_CRASH_STORMS"].flatMap(Int.init) ?? 1

    @Test(
        "storms of thirty kills, most of them at one place: no record is refused, and the state is that of a run nobody disturbed"
    )
    func storm() async throws {
        for storm in 0..<UInt64(Self.storms) {
            let seed = Self.seed &+ storm
            let fixture = try DaemonFixture(partitions: 1)
            var random = SeededRandom(seed: seed)
            var shop = ShopStream(seed: seed, stepMs: ShopStream.slowStepMs)
            let overrides = try fixture.overrides() + Self.settings
            try fixture.send(shop.next(900), partition: 0)
            for _ in 0..<30 {
                // In the first batch, so that nothing is learned; now and then some batches later.
                let spared = random.next() % 4 == 0 ? 1 + Int(random.next() % 3) : 0
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [overrides = overrides as [String], spared = spared as Int] in
                    try runChild(overrides, SelfHarm(moment: .beforeLearning, spared: spared))
                }
            }
            let killed = try fixture.run(try fixture.configuration(Self.settings))
            #expect(killed.events.read == shop.count, "seed \(seed)")
            #expect(killed.events.deadLettered == 0, "seed \(seed)")
            let letters = try fixture.read(fixture.deadLetters)
            #expect(letters.isEmpty, "seed \(seed): \(letters.map(text))")
            let bodies = try published(try fixture.read(fixture.recommendations))
            try expectUninterrupted(fixture, killed, bodies)
        }
    }
}
