import Daemon
import Foundation
import Synchronization
import Testing

@Suite(.serialized) struct StallTests {
    /// 60 in the full run, with the limits of the poll and of the session that it must outlast.
    private static let seconds =
        ProcessInfo.processInfo.environment["TIDEMARK_TEST_STALL_SECONDS"].flatMap(Int.init) ?? 4
    private static let limits =
        seconds >= 20
        ? "max.poll.interval.ms: 10000, session.timeout.ms: 6000"
        : "max.poll.interval.ms: 2000, session.timeout.ms: 1000"

    @Test(
        "a learning thread that stalls beyond the limits of poll and session costs nothing but time: liveness tells the truth meanwhile, and what was decided goes out"
    )
    func stall() async throws {
        let fixture = try DaemonFixture(partitions: 2)
        let stall = Stall(
            seconds: Self.seconds, brokers: fixture.brokers, events: fixture.events,
            recommendations: fixture.recommendations, port: try Wires.freePort(),
            file: fixture.folder + "/seen.json")
        try fixture.send(
            stall.items + stall.clicks + (0..<400).map(stall.outcome), partition: 0)
        let overrides = try fixture.overrides([
            "lora.refresh_events=200", "lora.refresh_texts=0", "lora.judge_events=100",
            "lora.epochs=1",
            "batch.events=50", "batch.linger=0", "kafka.queue_bytes=1MiB",
            "kafka.client={\(Self.limits)}", "http.enabled=true", "http.port=\(stall.port)",
            "http.stall_after=\(stall.stuckAfterMs)ms",
        ])
        // In a process of its own: the HTTP interface needs threads that tests beside this one hold.
        await #expect(processExitsWith: .success) {
            [overrides = overrides as [String], stall = stall as Stall] in
            try await stall.run(overrides)
        }
        let data = try Data(contentsOf: URL(filePath: stall.file))
        let seen = try JSONDecoder().decode(Stall.Seen.self, from: data)
        #expect(seen.published == stall.clicks.count)
        #expect(seen.read == stall.items.count + stall.clicks.count + 3400)
        #expect(seen.duplicates == 0 && seen.examples == 3400)
        // What it said of itself, and how long it had stood still by then.
        try #require(seen.live.count > 2)
        for answer in seen.live {
            if answer.status == 200 {
                #expect(answer.body.hasPrefix("live: refreshing for "), "\(answer)")
            } else {
                #expect(answer.status == 503, "\(answer)")
                #expect(answer.body.hasPrefix("stuck: refreshing for "), "\(answer)")
            }
        }
        let saidMs = seen.live.map { answer in
            let number = answer.body.split(separator: " ").compactMap { Int($0) }.first ?? -1
            return answer.status == 200 ? number : number * 1000
        }
        #expect(saidMs.allSatisfy { $0 >= 0 } && saidMs == saidMs.sorted(), "\(saidMs)")
        #expect(seen.live.first?.status == 200 && seen.live.last?.status == 503)
        for (answer, ms) in zip(seen.live, saidMs) where answer.status == 200 {
            #expect(ms <= stall.stuckAfterMs)
        }
        #expect((saidMs.last ?? 0) >= (stall.seconds - 1) * 1000)
        #expect(seen.after?.status == 200 && seen.after?.body.contains("refreshing") == false)
    }
}

/// A daemon whose learning thread stands still for so long, waiting for a training.
struct Stall: Codable, Sendable {
    var seconds: Int
    var brokers: String
    var events: String
    var recommendations: String
    var port: Int
    /// Where what was seen is written to.
    var file: String
    var startMs = nowMs() - 60_000

    var stuckAfterMs: Int { seconds * 500 }

    struct Seen: Codable {
        /// `/live` in the course of the stall, and once learning went on.
        var live: [HTTPAnswer] = []
        var after: HTTPAnswer?
        /// Recommendations on the topic before the stall ended.
        var published = 0
        var read = 0
        var duplicates = 0
        var examples = 0
    }

    func outcome(_ number: Int) -> String {
        """
        {"type":"outcome","event_id":"o-\(number)","ts":\(startMs + Int64(number)),\
        "user_id":"u\(number % 40)","item_id":"kettle-\(number % 5)","price":20,\
        "discount":\(number % 3 == 0 ? 0.2 : 0),"purchased":\(number % 7 == 0)}
        """
    }

    var items: [String] {
        (0..<5).map {
            """
            {"type":"item","event_id":"i-\($0)","ts":\(startMs - 1),"item_id":"kettle-\($0)",\
            "title":"Steel Kettle \($0)","category":"Kitchen","price":20,"cost":5}
            """
        }
    }

    var clicks: [String] {
        (0..<20).map {
            """
            {"type":"click","event_id":"c-\($0)","ts":\(startMs + Int64($0)),\
            "user_id":"shopper-\($0)","item_id":"kettle-1","price":20}
            """
        }
    }

    /// Runs the daemon to the end of the stream and writes what was seen.
    func run(_ overrides: [String]) async throws {
        let configuration = try Configuration.load(
            file: nil, environment: [:], overrides: overrides)
        let seen = Mutex(Seen())
        let report = try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                continuation.resume(
                    with: Result {
                        try LearningDaemon(
                            configuration, exitWhenIdleMs: 1500,
                            faultInjection: FaultInjection { self.interfere($0, seen) }
                        ).run()
                    })
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        let data = seen.withLock { seen in
            seen.read = report.events.read
            seen.duplicates = report.events.duplicates
            seen.examples = report.examples
            return Result { try JSONEncoder().encode(seen) }
        }
        try data.get().write(to: URL(filePath: file))
    }

    private func interfere(_ moment: FaultInjection.Moment, _ seen: borrowing Mutex<Seen>) {
        let stalled = seen.withLock { !$0.live.isEmpty }
        switch moment {
        case .beforeTrainingEnds where !stalled: standStill(seen)
        case .beforeLearning where stalled:
            guard seen.withLock({ $0.after == nil }) else { return }
            let answer = Wires.ask(port: port, "/live")
            seen.withLock { $0.after = answer }
        default: return
        }
    }

    private func standStill(_ seen: borrowing Mutex<Seen>) {
        // More than the queues hold comes while nobody takes anything.
        try? Wires.send(
            (400..<3400).map { Array(outcome($0).utf8) }, to: events, brokers: brokers,
            partition: 1)
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if let answer = Wires.ask(port: port, "/live") {
                seen.withLock { $0.live.append(answer) }
            }
            usleep(200_000)
        }
        let published = (try? Wires.read(recommendations, brokers: brokers).count) ?? 0
        seen.withLock { $0.published = published }
    }
}
