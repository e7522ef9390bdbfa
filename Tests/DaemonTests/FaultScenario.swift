import Events
import Foundation
import KafkaStream
import Platform
import Records
import Testing

/// One seeded scenario: a daemon learns a stream while everything around it fails.
///
/// Events are sent by a producer that goes through the same faults, so that a record may be in the
/// topic twice: what is counted is what is there.
struct FaultScenario {
    static let partitions = 4
    private let fixture: DaemonFixture
    private let plan: FaultPlan
    private let shards: Int
    private let events: Int

    init(seed: UInt64, shards: Int = 1, events: Int = 240, partitions: Int = partitions) throws {
        fixture = try DaemonFixture(partitions: partitions, brokers: 3)
        self.shards = shards
        self.events = events
        plan = FaultPlan(
            seed: seed, events: events, brokers: fixture.embedded == nil ? 0 : 3,
            topic: fixture.events, partitions: partitions)
    }

    private struct Ended: Decodable {
        struct Events: Decodable {
            var read: Int
            var duplicates: Int
            var dead_lettered: Int
        }
        var events: Events
        var examples: Int
    }

    /// Every third is a click that asks for a recommendation; every fortieth is no event.
    private func event(_ number: Int, at ts: Int64) -> (key: String, value: String) {
        let user = "u\(number)"
        if number % 40 == 39 { return (user, "{\"type\":\"click\", broken \(number)") }
        let common =
            "\"event_id\":\"e\(number)\",\"ts\":\(ts + Int64(number)),\"user_id\":\"\(user)\","
            + "\"item_id\":\"kettle-\(number % 5)\",\"price\":20"
        return number % 3 == 0
            ? (user, "{\"type\":\"click\",\(common)}")
            : (user, "{\"type\":\"outcome\",\(common),\"purchased\":\(number % 7 == 0)}")
    }

    private func daemon(_ shard: Int) throws -> DaemonProcess {
        let store = fixture.store + "-\(shard)"
        return DaemonProcess(
            overrides: try fixture.overrides([
                "publish.guarantee=\(plan.guarantee)", "store.path=\(store)",
                "kafka.shards=\(shards)", "kafka.shard=\(shard)", "kafka.on_gap=stop",
                "store.commit_interval=20ms", "batch.events=50", "log.level=warning",
                "kafka.connect_timeout=3s", "learning.threads=1", "lora.refresh_events=0",
                "kafka.client={retry.backoff.ms: 50, reconnect.backoff.max.ms: 200, fetch.error.backoff.ms: 50, partitioner: murmur2_random}",
            ]), log: fixture.folder + "/daemon-\(shard).log")
    }

    func run() throws {
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let faults = try FaultInjection(fixture)
        let producer = try KafkaProducer(
            KafkaConfiguration(
                brokers: fixture.brokers, topics: [],
                client: [
                    "retry.backoff.ms": "50", "reconnect.backoff.max.ms": "200",
                    "partitioner": "murmur2_random",
                ]))
        defer { producer.close() }
        let daemons = try (0..<shards).map(daemon)
        let ts = nowMs() - 60_000
        var sent = 0
        var random = SeededRandom(seed: plan.seed &+ 1)
        for step in plan.steps {
            for daemon in daemons { try daemon.keepRunning() }
            let chosen = daemons[Int(random.next() % UInt64(daemons.count))]
            switch step.action {
            case .send(let count):
                for number in sent..<sent + count {
                    let (key, value) = event(number, at: ts)
                    try producer.send(
                        KafkaMessage(
                            topic: fixture.events, key: Array(key.utf8), value: Array(value.utf8)),
                        token: UInt64(number))
                }
                sent += count
            case .kill: chosen.end(SIGKILL)
            case .stop: chosen.end(SIGTERM)
            case .heal: try faults.heal()
            case .fault, .cut, .slow: try faults.inject(step.action)
            }
            usleep(UInt32(step.pauseMs) * 1000)
        }
        try faults.heal()
        try #require(producer.flush(timeoutMs: 60_000), "events do not arrive: \(plan)")
        try #require(sent == events)
        try judge(daemons)
    }

    private func judge(_ daemons: [DaemonProcess]) throws {
        let report = fixture.folder + "/report.json"
        var read = 0
        var examples = 0
        var duplicates = 0
        var refused = 0
        for daemon in daemons {
            let code = try daemon.finish(idle: "1s", report: report)
            #expect(code == 0, "\(plan)\n\(daemon.lastLines)")
            #expect(daemon.unexpected.isEmpty, "\(daemon.unexpected); \(plan)\n\(daemon.lastLines)")
            guard code == 0 else { return }
            let data = try Data(contentsOf: URL(filePath: report))
            let ended = try JSONDecoder().decode(Ended.self, from: data)
            read += ended.events.read
            examples += ended.examples
            duplicates += ended.events.duplicates
            refused += ended.events.dead_lettered
        }
        let there = try fixture.read(fixture.events)
        let broken = there.filter { text($0).contains("broken") }
        let texts = Set(there.map { text($0) })
        #expect(texts.count == events, "\(plan)")
        #expect(read == there.count, "read \(read) of \(there.count): \(plan)")
        #expect(examples == texts.filter { $0.contains("outcome") }.count, "\(plan)")
        #expect(duplicates == there.count - broken.count - (events - events / 40), "\(plan)")
        #expect(refused == broken.count, "\(plan)")
        try judgePublished(clicks: texts.filter { $0.contains("\"click\",\"event_id\"") }.count)
        let letters = try fixture.read(fixture.deadLetters)
        #expect(Set(letters.map { text($0) }) == Set(broken.map { text($0) }), "\(plan)")
    }

    private func judgePublished(clicks: Int) throws {
        let published = try fixture.read(fixture.recommendations)
        let byUser = Dictionary(grouping: published) {
            String(decoding: $0.key ?? [], as: UTF8.self)
        }
        #expect(byUser.count == clicks, "\(plan)")
        for (user, same) in byUser {
            // The development broker shows transactions that were never committed.
            if plan.guarantee == "exactly_once", fixture.embedded == nil {
                #expect(same.count == 1, "\(user) \(same.count) times: \(plan)")
            }
            #expect(Set(same.map(\.value)).count == 1, "\(user): different bytes: \(plan)")
        }
    }
}

/// Does to the brokers what a plan says, through the control socket or a TCP proxy.
private final class FaultInjection {
    private let socket: ControlSocket?
    private let path: String

    init(_ fixture: DaemonFixture) throws {
        let path = fixture.folder + "/control"
        self.path = path
        socket = try fixture.embedded.map { broker in
            try ControlSocket(path: path) { line in
                try broker.apply(BrokerFault(line: line))
            }
        }
    }

    deinit { socket?.close() }

    func inject(_ action: FaultPlan.Action) throws {
        switch action {
        case .fault(let line): try command(line)
        case .cut: TCPProxy.shared?.cut()
        case .slow(let ms): TCPProxy.shared?.slow(ms: ms)
        default: break
        }
    }

    func heal() throws {
        TCPProxy.shared?.heal()
        guard socket != nil else { return }
        try command("up all")
        try command("latency all 0")
        for request in BrokerRequest.allCases { try command("clear-errors \(request.rawValue)") }
    }

    private func command(_ line: String) throws {
        let answer = try LineClient(path).ask(line)
        try #require(answer.hasPrefix("ok"), "\(line): \(answer)")
    }
}

@Suite(.serialized) struct FaultScenarioTests {
    private static let count =
        ProcessInfo.processInfo.environment["TIDEMARK_TEST_FAULTS"].flatMap(Int.init) ?? 10
    private static let first =
        ProcessInfo.processInfo.environment["TIDEMARK_TEST_FAULTS_FROM"].flatMap(UInt64.init) ?? 1

    @Test(
        "through failing brokers and killed processes every event is learned once and every decision published",
        arguments: first..<first + UInt64(count))
    func scenario(seed: UInt64) throws {
        try FaultScenario(seed: seed).run()
    }

    @Test("three shards of twelve partitions learn every event once, through kills and restarts")
    func shards() throws {
        try FaultScenario(seed: 1000, shards: 3, events: 360, partitions: 12).run()
    }
}
