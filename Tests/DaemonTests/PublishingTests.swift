import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

@Suite struct PublishingClaimTests {
    private func claim(
        _ marker: (next: UInt64, instance: String)?, known: [String], made: UInt64,
        waiting: Int = 0, takesOver: Bool = false
    ) throws(PublishingError) -> UInt64 {
        try PublishingClaim(
            marker: marker.map {
                PublishMarker(store: "s", lineage: 0, next: $0.next, instance: $0.instance)
            }, known: known, made: made, waiting: waiting, topic: "markers", takesOver: takesOver
        ).next
    }

    @Test("a new store publishes from its first message, a known one from behind its marker")
    func goesOn() throws {
        #expect(try claim(nil, known: [], made: 5, waiting: 5) == 0)
        #expect(try claim((3, "a"), known: ["b", "a"], made: 5) == 3)
        #expect(try claim((5, "a"), known: ["a"], made: 5) == 5)
    }

    @Test("a copy that is behind its marker, or did not write it, is refused until it takes over")
    func refused() throws {
        do {
            _ = try claim((6, "a"), known: ["a"], made: 5)
            Issue.record("an older copy may publish")
        } catch {
            guard case .olderCopy(_, published: 6, has: 5) = error else { throw error }
        }
        do {
            _ = try claim((4, "c"), known: ["a"], made: 5)
            Issue.record("a store may publish behind its copy")
        } catch {
            guard case .otherCopy = error else { throw error }
        }
        #expect(try claim((6, "c"), known: ["a"], made: 5, takesOver: true) == 6)
    }

    @Test("with the marker gone, messages that may have arrived are not sent without being asked")
    func noMarker() throws {
        #expect(try claim(nil, known: ["a"], made: 5, waiting: 0) == 0)
        do {
            _ = try claim(nil, known: ["a"], made: 5, waiting: 2)
            Issue.record("the outbox was sent again")
        } catch {
            guard case .noMarker(_, waiting: 2) = error else { throw error }
        }
        #expect(try claim(nil, known: ["a"], made: 5, waiting: 2, takesOver: true) == 0)
    }

    @Test("the bound on the rate lets a second's worth go at once and no more")
    func rate() {
        var rate = PublishRate(perSecond: 100)
        var allowed = [rate.allowed(atMs: 0)]
        rate.take(100)
        allowed.append(rate.allowed(atMs: 5))
        allowed.append(rate.allowed(atMs: 500))
        rate.take(50)
        allowed.append(rate.allowed(atMs: 60_000))
        #expect(allowed == [100, 0, 50, 100])
        var unbound = PublishRate(perSecond: 0)
        unbound.take(1_000_000)
        let unboundAllowed = unbound.allowed(atMs: 0)
        #expect(unboundAllowed == .max)
    }
}

@Suite(.serialized) struct PublishingTests {
    private let exactly = "publish.guarantee=exactly_once"

    private func click(_ number: Int, at ts: Int64) -> String {
        """
        {"type":"click","event_id":"c-\(number)","ts":\(ts + Int64(number)),"user_id":"u\(number)",\
        "item_id":"kettle","price":20}
        """
    }

    private func fixtureWithClicks(_ count: Int) throws -> DaemonFixture {
        let fixture = try DaemonFixture()
        let ts = nowMs() - 60_000
        try fixture.send(
            [
                """
                {"type":"item","event_id":"i","ts":\(ts - 1),"item_id":"kettle","title":"Kettle",\
                "price":20,"cost":5}
                """
            ] + (0..<count).map { click($0, at: ts) }, partition: 0)
        return fixture
    }

    /// How often each shopper's recommendation is on the topic.
    private func timesSeen(_ fixture: DaemonFixture) throws -> [String: Int] {
        Dictionary(
            try fixture.read(fixture.recommendations).map {
                (String(decoding: $0.key ?? [], as: UTF8.self), 1)
            }, uniquingKeysWith: +)
    }

    private func marker(_ fixture: DaemonFixture) throws -> PublishMarker? {
        try fixture.read(fixture.markers).last?.value.map { try PublishMarker(encoded: $0) }
    }

    @Test("exactly_once: each recommendation is there once, and the marker says how many")
    func once() throws {
        let fixture = try fixtureWithClicks(30)
        let configuration = try fixture.configuration(exactly)
        _ = try fixture.run(configuration)
        #expect(try marker(fixture)?.next == 30)
        try fixture.send([click(30, at: nowMs() - 1000)], partition: 1)
        _ = try fixture.run(configuration)
        _ = try fixture.run(configuration)
        let seen = try timesSeen(fixture)
        #expect(seen.count == 31 && seen.values.allSatisfy { $0 == 1 }, "\(seen)")
        #expect(try marker(fixture)?.next == 31)
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        #expect(try store.outboxCount() == 0)
        try store.close()
    }

    @Test(
        "exactly_once: killed between commit and publishing, or between publishing and forgetting, each recommendation is there once",
        arguments: SelfHarm.Moment.allCases.filter { $0 != .beforeLearning }, [0, 1])
    func killed(moment: SelfHarm.Moment, spared: Int) async throws {
        // The development broker shows what was never committed.
        guard DaemonFixture.isReal || moment != .beforeTransactionCommit else { return }
        let fixture = try fixtureWithClicks(60)
        let overrides = try fixture.overrides([
            exactly, "batch.events=20", "store.commit_interval=1ms",
        ])
        let harm = SelfHarm(moment: moment, spared: spared)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [overrides = overrides as [String], harm = harm as SelfHarm] in
            try runChild(overrides, harm)
        }
        let report = try fixture.run(
            try Configuration.load(file: nil, environment: [:], overrides: overrides))
        #expect(report.events.read == 61 && report.events.duplicates == 0)
        let seen = try timesSeen(fixture)
        #expect(seen.count == 60 && seen.values.allSatisfy { $0 == 1 }, "\(seen)")
    }

    @Test("at_least_once: killed before it publishes, no recommendation is missing")
    func atLeastOnce() async throws {
        let fixture = try fixtureWithClicks(60)
        let overrides = try fixture.overrides(["batch.events=20", "store.commit_interval=1ms"])
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [overrides = overrides as [String]] in
            try runChild(overrides, SelfHarm(moment: .afterCommit, spared: 1))
        }
        _ = try fixture.run(
            try Configuration.load(file: nil, environment: [:], overrides: overrides))
        #expect(try timesSeen(fixture).count == 60)
    }

    @Test("a restored copy of a store is refused, and so is the original once the copy took over")
    func copies() throws {
        let fixture = try fixtureWithClicks(10)
        let original = try fixture.configuration(exactly)
        _ = try fixture.run(original)
        let copied = fixture.folder + "/copy"
        try FileManager.default.copyItem(atPath: fixture.store, toPath: copied)
        let copy = try fixture.configuration(exactly, "store.path=\(copied)")
        try fixture.send([click(10, at: nowMs() - 1000)], partition: 0)
        _ = try fixture.run(original)
        let older = try #require(throws: PublishingError.self) { _ = try fixture.run(copy) }
        guard case .olderCopy(_, published: 11, has: 10) = older else { throw older }
        #expect(FailureKind(older) == .badData)
        #expect(try timesSeen(fixture).count == 11)
        _ = try LearningDaemon(copy, exitWhenIdleMs: 700, takesOver: true).run()
        // The copy has published the eleventh once more, under the same id.
        let behind = try #require(throws: PublishingError.self) { _ = try fixture.run(original) }
        guard case .olderCopy(_, published: 12, has: 11) = behind else { throw behind }
        #expect(try timesSeen(fixture).count == 11)
        // The copy is the store from now on.
        _ = try fixture.run(copy)
    }

    @Test(
        "a copy of a store that takes over fences the running original, which publishes nothing more",
        .enabled(if: DaemonFixture.isReal))
    func fenced() throws {
        let fixture = try fixtureWithClicks(10)
        let original = try fixture.configuration(exactly)
        let ended = Ended()
        Thread.detachNewThread {
            ended.note(Result { try LearningDaemon(original).run() })
        }
        func seen() throws -> Int { try timesSeen(fixture).values.reduce(0, +) }
        try eventually("what the original publishes") { try seen() == 10 ? () : nil }
        let copied = fixture.folder + "/copy"
        // The data alone: the original listens on a socket in its store's folder.
        try FileManager.default.createDirectory(
            atPath: copied, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: fixture.store + "/data.mdb", toPath: copied + "/data.mdb")
        let copy = try fixture.configuration(exactly, "store.path=\(copied)")
        _ = try fixture.run(copy)
        try fixture.send([click(10, at: nowMs() - 1000)], partition: 0)
        try eventually("the end of the original") { ended.result.map { _ in } }
        let error = try #require(throws: PublishingError.self) { _ = try ended.result?.get() }
        guard case .takenOver = error else { throw error }
        #expect(try seen() == 10)
        _ = try fixture.run(copy)
        #expect(try timesSeen(fixture).count == 11)
        #expect(try seen() == 11)
    }

    /// How a daemon on another thread ended.
    private final class Ended: @unchecked Sendable {
        private let lock = NSLock()
        private var stored: Result<Report, any Error>?

        var result: Result<Report, any Error>? { lock.withLock { stored } }
        func note(_ result: Result<Report, any Error>) { lock.withLock { stored = result } }
    }

    @Test("a second daemon on one store is refused")
    func secondDaemon() throws {
        let fixture = try fixtureWithClicks(1)
        let configuration = try fixture.configuration(exactly)
        _ = try fixture.run(configuration)
        let holder = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
        let error = try #require(throws: StoreError.self) { _ = try fixture.run(configuration) }
        #expect(FailureKind(error) == .unavailable, "\(error)")
        try holder.close()
    }

    @Test("a dead letter that the brokers find too large is told by hash, length and beginning")
    func largeLetter() throws {
        for guarantee in ["at_least_once", "exactly_once"] {
            let fixture = try DaemonFixture()
            let configuration = try fixture.configuration(
                "publish.guarantee=\(guarantee)", "kafka.client={message.max.bytes: 200000}")
            _ = try fixture.run(configuration)
            // A letter that an earlier run wrote, when the brokers took more.
            let large = DeadLetter(
                record: SourceRecord(
                    position: .init(topic: fixture.events, partition: 0), offset: 0,
                    value: [UInt8](repeating: UInt8(ascii: "x"), count: 300_000)),
                reason: "no event"
            ).message(topic: fixture.deadLetters, messageBytesMax: 1_000_000)
            let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
            var commit = Commit()
            commit.outbox = [
                OutboxMessage(
                    topic: large.topic, key: nil, value: large.value,
                    headers: large.headers.map { .init(name: $0.name, value: $0.value) })
            ]
            try store.commit(commit)
            try store.close()
            _ = try fixture.run(configuration)
            let letter = try #require(try fixture.read(fixture.deadLetters).first)
            let headers = Dictionary(
                letter.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }
            ) { $1 }
            #expect(letter.value?.count == 1024)
            #expect(headers["tidemark-value-length"] == "300000")
            #expect(headers["tidemark-value-sha256"]?.count == 64)
            #expect(headers["tidemark-offset"] == "0")
        }
    }
}
