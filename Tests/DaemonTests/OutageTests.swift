import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

/// The program beside brokers that go and come back, or that refuse.
@Suite(.serialized) struct OutageTests {
    private func outcome(_ number: Int) -> String {
        """
        {"type":"outcome","event_id":"o-\(number)","ts":\(nowMs() - 60_000),"user_id":"u\(number)",\
        "item_id":"kettle","price":20,"purchased":\(number % 3 == 0)}
        """
    }

    private func click(_ number: Int) -> String {
        """
        {"type":"click","event_id":"c-\(number)","ts":\(nowMs() - 60_000),"user_id":"u\(number)",\
        "item_id":"kettle","price":20}
        """
    }

    private var item: String {
        """
        {"type":"item","event_id":"i","ts":\(nowMs() - 61_000),"item_id":"kettle","title":"Kettle",\
        "price":20,"cost":5}
        """
    }

    private struct Ended: Decodable { var examples: Int }

    private func launch(_ arguments: [String], log: String) throws -> Process {
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let process = Process()
        process.executableURL = DaemonProcess.program
        process.arguments = arguments
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test(
        "with the brokers gone the daemon is not ready, does not know its lag, and does not take the outage for the end of the stream; with them back it goes on",
        .disabled(if: DaemonFixture.isReal))
    func outage() throws {
        let fixture = try DaemonFixture()
        let broker = try #require(fixture.embedded)
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        try fixture.send((0..<50).map(outcome), partition: 0)
        let port = try Wires.freePort()
        let log = fixture.folder + "/log"
        let report = fixture.folder + "/report.json"
        let overrides = try fixture.overrides([
            "http.enabled=true", "http.port=\(port)", "http.broker_grace=1s", "log.level=warning",
            "kafka.client={reconnect.backoff.max.ms: 300}",
        ])
        let process = try launch(
            ["run", "--exit-when-idle", "6s", "--report", report]
                + overrides.flatMap { ["--set", $0] }, log: log)
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        func ask(_ path: String, until holds: (HTTPAnswer) -> Bool) throws -> HTTPAnswer {
            try eventually(path) { Wires.ask(port: port, path).flatMap { holds($0) ? $0 : nil } }
        }
        _ = try status(fixture.store, "the events, and a broker that is known to answer") {
            $0.events == 50 && $0.brokers.map(\.state) == ["up"]
        }
        _ = try ask("/ready") { $0.status == 200 }
        try broker.apply(.down(broker: nil))
        let unready = try ask("/ready") { $0.status == 503 }
        #expect(unready.body.contains("no broker has answered for"), "\(unready.body)")
        #expect(unready.body.contains("http.broker_grace (1s)"))
        let metrics = try ask("/metrics") { $0.body.contains("tidemark_broker_up{") }.body
        #expect(!metrics.contains("tidemark_partition_lag{"))
        #expect(metrics.contains("} 0\n"))
        let seen = try status(fixture.store, "an unknown lag") { $0.partitions[0].lag == nil }
        #expect(seen.brokers.map(\.state) == ["down"])
        // For longer than a stream must be idle.
        let end = ContinuousClock.now + .seconds(8)
        while ContinuousClock.now < end, process.isRunning { usleep(50_000) }
        let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        try #require(process.isRunning, "an outage ended it: \(said)")
        try broker.apply(.up(broker: nil))
        try fixture.send((50..<90).map(outcome), partition: 0)
        _ = try ask("/ready") { $0.status == 200 }
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let ended = try JSONDecoder().decode(
            Ended.self, from: Data(contentsOf: URL(filePath: report)))
        #expect(ended.examples == 90)
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        #expect(lines.filter { $0.contains("does not answer any more") }.count == 1, "\(lines)")
        #expect(lines.filter { $0.contains("no broker answers") }.count == 1, "\(lines)")
        #expect(lines.filter { $0.contains("a broker answers again") }.count == 1, "\(lines)")
        #expect(lines.count < 20, "\(lines)")
    }

    @Test(
        "topics that may not be written to are told with their setting; learning goes on, and a run that leaves messages unpublished ends with 69",
        .disabled(if: DaemonFixture.isReal), arguments: ["at_least_once", "exactly_once"])
    func denied(guarantee: String) throws {
        let fixture = try DaemonFixture(partitions: 1)
        let broker = try #require(fixture.embedded)
        let arguments =
            ["run", "--exit-when-idle", "700ms"]
            + (try fixture.overrides(["publish.guarantee=\(guarantee)", "log.level=warning"]))
            .flatMap { ["--set", $0] }
        // Opened and closed once in peace, so that what fails is the publishing alone.
        #expect(try tidemark(arguments).status == 0)
        try fixture.send([item] + (0..<30).map(click), partition: 0)
        let denied = try #require(BrokerErrorCode(name: "TOPIC_AUTHORIZATION_FAILED"))
        if guarantee == "at_least_once" {
            try broker.apply(.requestErrors(api: .produce, error: denied, count: 100_000))
        } else {
            // The marker's own transaction at the start succeeds.
            try broker.apply(
                .requestErrors(
                    api: .addPartitionsToTransaction,
                    error: try #require(BrokerErrorCode(name: "NO_ERROR")), count: 1))
            try broker.apply(
                .requestErrors(api: .addPartitionsToTransaction, error: denied, count: 100_000))
        }
        let failed = try tidemark(arguments)
        #expect(failed.status == 69, "\(failed.errors)")
        #expect(failed.errors.contains("30 messages are not published"), "\(failed.errors)")
        #expect(failed.errors.contains(fixture.recommendations), "\(failed.errors)")
        let tries = failed.errors.split(separator: "\n").filter { $0.contains("made again") }
        #expect(tries.count < 20, "\(tries.count) producers")
        for api in [BrokerRequest.produce, .addPartitionsToTransaction] {
            try broker.apply(.clearRequestErrors(api: api))
        }
        let healed = try tidemark(arguments)
        #expect(healed.status == 0, "\(healed.errors)")
        let users = try fixture.read(fixture.recommendations).map { $0.key ?? [] }
        #expect(Set(users).count == 30)
    }

    @Test(
        "messages that their topic refuses are tried again with growing pauses, and all at once when it takes one"
    )
    func held() {
        var held = HeldMessages()
        for sequence in [5, 3, 9] as [UInt64] { held.hold(sequence, of: "t", nowMs: 0) }
        held.hold(4, of: "u", nowMs: 0)
        #expect(held.due(nowMs: 100).isEmpty && held.nextMs == 200)
        #expect(held.due(nowMs: 200).map(\.sequence) == [3, 4, 5, 9] && held.isEmpty)
        var pauses: [Int64] = []
        var nowMs: Int64 = 200
        for _ in 0..<10 {
            held.hold(3, of: "t", nowMs: nowMs)
            let next = held.nextMs ?? 0
            pauses.append(next - nowMs)
            nowMs = next
            _ = held.due(nowMs: nowMs)
        }
        #expect(pauses == pauses.sorted() && pauses.last == 10_000, "\(pauses)")
        for sequence in 0..<100 as Range<UInt64> { held.hold(sequence, of: "t", nowMs: nowMs) }
        held.release("t", nowMs: nowMs)
        #expect(held.due(nowMs: nowMs).count == 32)
    }

    @Test("lag monitors are told of the last commit when the stream is idle, and at the end")
    func monitors() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send((0..<300).map(outcome), partition: 0)
        _ = try fixture.run(
            try fixture.configuration("batch.events=20", "store.commit_events=20"))
        let position = TopicPartition(topic: fixture.events, partition: 0)
        #expect(
            try AccessCheck.monitoredOffset(position, configuration: fixture.kafka) == 300)
    }

    @Test(
        "a topic that was made anew and has grown longer is not read on; where that is accepted it is read from its beginning"
    )
    func madeAnew() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send((0..<20).map(outcome), partition: 0)
        #expect(try fixture.run(try fixture.configuration()).examples == 20)
        if fixture.embedded == nil {
            try fixture.recreateEvents(partitions: 1)
            try fixture.send((20..<60).map(outcome), partition: 0)
        } else {
            // To the store it is the same: another record was read there.
            let position = TopicPartition(topic: fixture.events, partition: 0)
            let other = SourceRecord(
                position: position, offset: 19, timestampMs: nowMs(), key: nil,
                value: Array("another".utf8))
            let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
            var changes = StateChanges()
            LastRecords.put(
                LastRecords.marks(of: [other]), cluster: try #require(try store.clusters().first),
                into: &changes)
            for row in changes.rows {
                try store.putLedger(row.table.name, row.key, try #require(row.value))
            }
            try store.close()
        }
        let error = try #require(throws: KafkaError.self) {
            _ = try fixture.run(try fixture.configuration())
        }
        guard case .offsetGap(let gap) = error else { throw error }
        #expect(gap.kind == .otherRecord && FailureKind(error) == .badData)
        #expect("\(error)".contains("kafka.on_gap: accept"))
        let report = try fixture.run(try fixture.configuration("kafka.on_gap=accept"))
        #expect(report.examples == (fixture.embedded == nil ? 60 : 20))
        #expect(report.events.read == (fixture.embedded == nil ? 60 : 40))
        // Once accepted, it is the topic that is known.
        #expect(try fixture.run(try fixture.configuration()).events.read == report.events.read)
        guard fixture.embedded != nil else { return }
        let replayed = try wholeReplay(of: fixture.store)
        #expect(replayed.result == .identical, "\(replayed)")
    }

    @Test(
        "check --connect looks at reading, writing, stored offsets and monitors, and names what is refused"
    )
    func check() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send((0..<20).map(outcome), partition: 0)
        let configuration = try fixture.configuration("publish.guarantee=exactly_once")
        _ = try fixture.run(configuration)
        let fine = ConfigurationCheck(configuration).run(connect: true)
        #expect(fine.allSatisfy { $0.status != .failed }, "\(fine)")
        func message(_ what: String, _ findings: [ConfigurationCheck.Finding]) -> String {
            findings.filter { $0.what == what }.map(\.message).joined(separator: "; ")
        }
        #expect(message("stored offsets", fine) == "of 1 partitions, all there")
        #expect(message("topic \(fixture.recommendations)", fine).contains("publish.topic"))
        #expect(message("topic \(fixture.markers)", fine).contains("publish.marker_topic"))
        #expect(message("librdkafka", fine) == LibraryVersion.text)
        #expect(try fixture.read(fixture.recommendations).isEmpty)
        #expect(try fixture.read(fixture.deadLetters).isEmpty)
        let missing = ConfigurationCheck(
            try fixture.configuration("kafka.topics=[no-such-\(fixture.events)]")
        ).run(connect: true)
        #expect(
            message("topic no-such-\(fixture.events)", missing).contains("kafka.topics"))
        #expect(missing.first { $0.status == .failed }?.exitCode == 69)
        guard let broker = fixture.embedded else { return }
        try broker.apply(
            .requestErrors(
                api: .addPartitionsToTransaction,
                error: #require(.init(name: "TOPIC_AUTHORIZATION_FAILED")), count: 10))
        let denied = ConfigurationCheck(configuration).run(connect: true)
        #expect(
            message("topic \(fixture.recommendations)", denied).contains(
                "publish.topic: writing is refused"), "\(denied)")
        #expect(denied.first { $0.status == .failed }?.exitCode == 69)
    }
}
