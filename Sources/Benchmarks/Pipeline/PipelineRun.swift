import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Terminal

/// Broker, daemon and shop of one pipeline bench.
///
/// Thread: the shop's producing thread is the caller's; recommendations are read on another.
final class PipelineRun {
    private let folder: String
    private let brokers: String
    private let broker: Child?
    /// Whose processor time is that of the broker.
    private let brokerProcess: Int32?
    private let daemon: Child
    private let producer: KafkaProducer
    private let reader: RecommendationReader
    private let store: String
    private var shop: PipelineShop
    private var sent: UInt64 = 0
    private let names: Names

    private struct Names {
        let events, recommendations, letters, markers: String

        init() {
            let tail = UUID().uuidString.lowercased().prefix(8)
            events = "bench-events-\(tail)"
            recommendations = "bench-recommendations-\(tail)"
            letters = "bench-letters-\(tail)"
            markers = "bench-markers-\(tail)"
        }
    }

    private static let startMs = 60_000
    /// A rate is produced in slices of this length.
    private static let sliceMs = 10

    init(
        brokers given: String?, brokerProcess: Int32?, partitions: Int, items: Int,
        overrides: [String]
    ) throws {
        names = Names()
        folder =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-bench-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        if let given {
            broker = nil
            brokers = given
            let specifications = [
                (names.events, partitions), (names.recommendations, 1), (names.letters, 1),
            ].map { TopicSpecification(name: $0.0, partitions: $0.1, replication: 1) }
            _ = try TopicAdministration.ensureTopics(
                specifications,
                configuration: KafkaConfiguration(brokers: given, topics: [names.events]))
        } else {
            let address = folder + "/address"
            broker = try Self.launch([
                "broker", "--topic", "\(names.events):\(partitions)", "--topic",
                "\(names.recommendations):1", "--topic", "\(names.letters):1", "--address-file",
                address,
            ])
            brokers = try Self.waitForFile(address)
        }
        self.brokerProcess = broker?.process.processIdentifier ?? brokerProcess
        store = folder + "/store"
        shop = PipelineShop(items: items, seed: 1)
        producer = try KafkaProducer(KafkaConfiguration(brokers: brokers, topics: []))
        try producer.connect(timeoutMs: Self.startMs)
        reader = try RecommendationReader(brokers: brokers, topic: names.recommendations)
        let own = [
            "kafka.brokers=\(brokers)", "kafka.topics=[\(names.events)]", "store.path=\(store)",
            "publish.topic=\(names.recommendations)", "publish.dead_letter_topic=\(names.letters)",
            "publish.marker_topic=\(names.markers)", "kafka.fetch_wait=10ms", "log.level=error",
        ]
        // Whatever else is asked for: events lost before they were read fail the run.
        let settings = own + overrides + ["kafka.on_gap=stop"]
        daemon = try Self.launch(["run"] + settings.flatMap { ["--set", $0] })
        for item in shop.catalogue() { try send(item) }
        guard producer.flush(timeoutMs: Self.startMs) else {
            throw KafkaError.timedOut("sending the catalogue", afterMs: Self.startMs)
        }
        _ = producer.drainDeliveries()
        try catchUp()
    }

    func close() {
        for process in [daemon, broker].compactMap({ $0?.process }) where process.isRunning {
            process.terminate()
            process.waitUntilExit()
        }
        reader.close()
        producer.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Tells the daemon to stop and waits until it has.
    func endDaemon() throws -> (seconds: Double, status: Int32) {
        let start = ContinuousClock.now
        daemon.process.terminate()
        daemon.process.waitUntilExit()
        return (start.duration(to: .now).inSeconds, daemon.process.terminationStatus)
    }

    // MARK: Driving

    struct Outcome {
        var events = 0
        var clicks = 0
        var seconds = 0.0
        var answers: [Answer] = []
        /// Clicks that asked for nothing new, as the shopper's offer for the item stood.
        var standing = 0
        /// Clicks whose recommendation never came.
        var missing = 0
        /// Events produced and not in the store: at the end, and at most.
        var lag = 0
        var lagMax = 0
        /// Of the first and the last third of the time, on average.
        var lagEarly = 0.0
        var lagLate = 0.0

        /// Produced as fast as asked for, and the lag no greater late than early, but for what a
        /// second brings.
        func isHeld(rate: Int) -> Bool {
            Double(events) / seconds >= 0.98 * Double(rate)
                && lagLate <= lagEarly + Double(rate) && lag <= 2 * rate
        }
    }

    /// Produces at a steady rate, open loop: what is late is made up for.
    ///
    /// - Parameter waitsForAnswers: whether what was produced last is to come back.
    func drive(rate: Int, forMs: Int, waitsForAnswers: Bool = true) throws -> Outcome {
        var outcome = Outcome()
        reader.begin()
        let clock = ContinuousClock()
        let start = clock.now
        var nextLook = 500
        var lags: [Int] = []
        while true {
            let elapsedMs = Self.milliseconds(clock.now - start)
            if elapsedMs >= forMs { break }
            if StopSignal.isReceived { throw Interrupted(outcome: "there are no figures") }
            let due = Int(Int64(elapsedMs) * Int64(rate) / 1000)
            while outcome.events < due {
                let event = shop.next(nowMs: wallTimeMs())
                if case .click(let offer) = event.body {
                    outcome.clicks += 1
                    reader.expect(user: offer.userID, item: offer.itemID, atMs: event.tsMs)
                }
                try send(event)
                outcome.events += 1
            }
            _ = producer.drainDeliveries()
            if elapsedMs >= nextLook {
                nextLook += 500
                lags.append(try lag())
            }
            usleep(UInt32(Self.sliceMs) * 1000)
        }
        outcome.seconds = Double(Self.milliseconds(clock.now - start)) / 1000
        outcome.lag = try lag()
        outcome.lagMax = max(outcome.lag, lags.max() ?? 0)
        let third = max(1, lags.count / 3)
        outcome.lagEarly = Self.mean(lags.prefix(third))
        outcome.lagLate = Self.mean(lags.suffix(third))
        // What was produced last still comes back.
        if waitsForAnswers { reader.wait(forMs: 3000) }
        (outcome.answers, outcome.standing, outcome.missing) = reader.take()
        return outcome
    }

    /// Waits until everything produced is in the store.
    func catchUp() throws {
        let end = ContinuousClock.now + .milliseconds(10 * Self.startMs)
        while ContinuousClock.now < end {
            if try lag() == 0 { return }
            if StopSignal.isReceived { throw Interrupted(outcome: "there are no figures") }
            usleep(100_000)
        }
        throw KafkaError.timedOut("waiting for the daemon to catch up", afterMs: 10 * Self.startMs)
    }

    /// Has the running daemon go back to the last snapshot but one; the weights alone.
    func rollback() throws -> RollbackOutcome {
        let request = RollbackRequest(
            reference: "head~1", rewind: false, skips: [], dryRun: false, reason: "bench",
            who: "bench")
        guard let connection = try DaemonConnection(store: store) else {
            throw RequestError.noDaemon(store: store)
        }
        // A short run has one snapshot alone: there has to be one before it to go back to.
        if try snapshotCount() < 2 { _ = try connection.ask(.snapshot(tags: [], who: "bench")) }
        guard
            case .rollback(let outcome) = try connection.ask(.rollback(request))
        else { throw RequestError.badRequest("the daemon answered something else") }
        return outcome
    }

    private func snapshotCount() throws -> Int {
        let opened = try SnapshotStore.open(path: store, mode: .readOnly)
        defer { try? opened.close() }
        return try opened.snapshots(limit: 2).count
    }

    /// Events produced and not committed by the daemon, whose store says what is.
    private func lag() throws -> Int {
        guard daemon.process.isRunning else {
            throw ExitStatus.unavailable.failure(
                "the daemon ended with code \(daemon.process.terminationStatus)")
        }
        guard FileManager.default.fileExists(atPath: store + "/data.mdb"),
            let opened = try? SnapshotStore.open(path: store, mode: .readOnly)
        else { return Int(sent) }
        defer { try? opened.close() }
        var learned: Int64 = 0
        for cluster in try opened.clusters() {
            learned += try opened.offsets(cluster: cluster).values.reduce(0, +)
        }
        return Int(sent) - Int(learned)
    }

    private func send(_ event: Event) throws {
        try producer.send(
            KafkaMessage(
                topic: names.events, key: Array(event.key.utf8), value: EventEncoder.encode(event)),
            token: sent)
        sent += 1
    }

    // MARK: Processor time

    struct ProcessorTimes {
        var daemon = 0.0
        var broker = 0.0
        var shop = 0.0

        static func - (a: ProcessorTimes, b: ProcessorTimes) -> ProcessorTimes {
            ProcessorTimes(
                daemon: a.daemon - b.daemon, broker: a.broker - b.broker, shop: a.shop - b.shop)
        }
    }

    func processorTimes() -> ProcessorTimes {
        ProcessorTimes(
            daemon: Self.seconds(of: daemon.process.processIdentifier),
            broker: brokerProcess.map { Self.seconds(of: $0) } ?? .nan,
            shop: Self.seconds(of: getpid()))
    }

    /// Source: proc(5), `/proc/PID/stat`, fields 14 and 15.
    private static func seconds(of process: Int32) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return .nan }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
        else { return .nan }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Source: proc(5), `VmRSS` of `/proc/PID/status`.
    func daemonMegabytes() -> Double {
        let path = "/proc/\(daemon.process.processIdentifier)/status"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kilobytes = line.flatMap { Double($0.filter(\.isNumber)) }
        return kilobytes.map { $0 / 1024 } ?? .nan
    }

    // MARK: Parts

    /// Starts the program; it ends when this process does, however that ends, since nobody then holds
    /// the other end of its standard input.
    private static func launch(_ arguments: [String]) throws -> Child {
        let process = Process()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments + [InputWatch.argument]
        process.standardOutput = FileHandle.nullDevice
        let input = Pipe()
        process.standardInput = input
        try process.run()
        return Child(process: process, input: input)
    }

    private struct Child {
        let process: Process
        let input: Pipe
    }

    private static func waitForFile(_ path: String) throws -> String {
        let end = ContinuousClock.now + .milliseconds(startMs)
        while ContinuousClock.now < end {
            if let text = try? String(contentsOfFile: path, encoding: .utf8) {
                return String(text.prefix { !$0.isNewline })
            }
            usleep(10_000)
        }
        throw KafkaError.timedOut("starting a development broker", afterMs: startMs)
    }

    private static func mean(_ values: ArraySlice<Int>) -> Double {
        values.isEmpty ? 0 : Double(values.reduce(0, +)) / Double(values.count)
    }

    private static func milliseconds(_ duration: Swift.Duration) -> Int {
        Int(duration.wholeMilliseconds)
    }
}
