import ControlPlane
import Daemon
import Foundation
import Testing

@Suite(.serialized) struct ControlTests {
    /// The daemon as a process of its own, beside the tests' binary.
    private func daemon(_ settings: [String], idle: String) throws -> Process {
        let process = Process()
        let tests = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        process.executableURL = tests.deletingLastPathComponent().appending(path: "tidemark")
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(UUID().uuidString).yaml")
        try Data("log: {level: error}\n".utf8).write(to: file)
        process.arguments =
            ["run", "--config", file.path, "--exit-when-idle", idle]
            + settings.flatMap { ["--set", $0] }
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test("the daemon is ready once it has caught up, tells its figures, and keeps its secrets")
    func endpoints() throws {
        let fixture = try DaemonFixture()
        let ts = nowMs() - 60_000
        func outcomes(_ numbers: Range<Int>) -> [String] {
            numbers.map { number in
                """
                {"type":"outcome","event_id":"o\(number)","ts":\(ts + Int64(number)),\
                "user_id":"u\(number % 9)","item_id":"i","price":5,"purchased":\(number % 4 == 0)}
                """
            }
        }
        try fixture.send(outcomes(0..<290) + ["rubbish"], partition: 0)
        let port = try Wires.freePort()
        let process = try daemon(
            fixture.overrides() + [
                "http.enabled=true", "http.port=\(port)", "http.ready_lag=0",
                "batch.events=301", "batch.linger=0",
                "kafka.client={sasl.password: hunter2-of-the-shop}",
                "pricing.budgets=[{name: all, spend: 12.50, period: day}]",
            ], idle: "600s")
        defer { process.terminate() }
        // What came does not fill a batch, and so is behind until the rest comes.
        _ = try eventually("an answer that it is behind") {
            let ready = Wires.ask(port: port, "/ready")
            #expect(ready?.status != 200, "ready before it had caught up")
            return ready?.body.contains("not ready: 291 records behind") == true ? () : nil
        }
        try fixture.send(outcomes(290..<300), partition: 0)
        _ = try eventually("a ready daemon") {
            Wires.ask(port: port, "/ready")?.status == 200 ? () : nil
        }
        let status = try eventually("all examples") {
            Wires.ask(port: port, "/v1/status").map(\.body).flatMap {
                $0.contains("\"examples\" : 300") ? $0 : nil
            }
        }
        #expect(status.contains("\"lag\" : 0") && status.contains("\"dead_lettered\" : 1"))
        let live = try #require(Wires.ask(port: port, "/live"))
        #expect(live.status == 200 && live.body.hasPrefix("live: "))
        let metrics = try #require(Wires.ask(port: port, "/metrics")).body
        #expect(
            metrics.contains(
                "tidemark_partition_lag{topic=\"\(fixture.events)\",partition=\"0\"} 0\n"))
        #expect(metrics.contains("tidemark_events_total{type=\"outcome\"} 300\n"))
        #expect(metrics.contains("tidemark_dead_letters_total{reason=\"malformed_json\"} 1\n"))
        #expect(!(status + metrics).contains("hunter2"))
        #expect(metrics.contains("tidemark_newest_records 301\n"))
        #expect(metrics.contains("tidemark_newest_unusable_records 1\n"))
        #expect(metrics.contains("tidemark_mostly_unusable 0\n"))
        // What has not happened yet is there, so that the first time is a rise.
        for sample in [
            #"log_events_total{event="drift_found"}"#, #"events_total{type="erase"}"#,
            #"dead_letters_total{reason="no_rule"}"#, #"http_answers_total{status="505"}"#,
            #"http_rejected_total{reason="too_slow"}"#,
        ] {
            #expect(metrics.contains("tidemark_\(sample) 0\n"), "\(sample)")
        }
        for name in [
            "process_start_time_seconds", "process_cpu_seconds_total",
            "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
            "tidemark_store_file_bytes", "tidemark_store_used_bytes",
            "tidemark_store_disk_available_bytes", "tidemark_snapshot_age_seconds",
        ] {
            let line = metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            let value = line.flatMap { Double($0.split(separator: " ")[1]) }
            #expect(value.map { $0 > 0 } == true, "\(name): \(line ?? "missing")")
        }
        for (figure, value) in [("limit", "12.5"), ("spent", "0"), ("left", "12.5")] {
            let line = "tidemark_budget_\(figure){budget=\"all\",resource=\"spend\"} \(value)\n"
            #expect(metrics.contains(line), "\(line)")
        }
        // Then most of what comes is of no use.
        try fixture.send((0..<301).map { "rubbish \($0)" }, partition: 0)
        _ = try eventually("an alarm on the share of what is unusable") {
            Wires.ask(port: port, "/metrics").flatMap {
                $0.body.contains("tidemark_mostly_unusable 1\n") ? () : nil
            }
        }
        let alarmed = try #require(Wires.ask(port: port, "/v1/status")).body
        #expect(alarmed.contains("\"unusable\" : 302"), "\(alarmed)")
    }

    @Test("liveness tells the truth of a long step: alive within http.stall_after, stuck beyond")
    func stall() {
        let now = ContinuousClock.now
        let board = StatusBoard(now: now)
        let control = DaemonControl(
            board: board,
            health: DaemonControl.Health(
                readyLag: 10, brokerGraceMs: 30_000, stallMs: 300_000), startedMs: 0)
        #expect(control.live().isYes && !control.ready().isYes)
        board.enter(.refreshing, now: now - .seconds(60))
        #expect(control.live().isYes)
        #expect(control.live().reason.hasPrefix("live: refreshing for 60"))
        board.enter(.refreshing, now: now - .seconds(301))
        #expect(!control.live().isYes)
        #expect(control.live().reason.contains("stuck: refreshing for 301 s"))
        board.enter(.waiting, now: now)
        #expect(control.live().isYes)
    }

    @Test("a host that others reach without a token, and a token that is none, are refused")
    func refused() throws {
        let fixture = try DaemonFixture()
        func failure(_ settings: String...) throws -> (String, FailureKind) {
            let configuration = try Configuration.load(
                file: nil, environment: [:],
                overrides: [
                    "model.base=\(try DaemonFixture.model())", "store.path=\(fixture.store)",
                    "log.level=error", "http.enabled=true", "http.port=0",
                ] + settings)
            do {
                _ = try LearningDaemon(configuration, exitWhenIdleMs: 100).run()
                return ("no error", .bug)
            } catch { return ("\(error)", FailureKind(error)) }
        }
        let (open, kind) = try failure("http.host=0.0.0.0")
        #expect(open.contains("http.token_file") && kind == .badConfiguration)
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let file = fixture.folder + "/token"
        try Data("short".utf8).write(to: URL(fileURLWithPath: file))
        let (shared, sharedKind) = try failure("http.host=0.0.0.0", "http.token_file=\(file)")
        #expect(shared.contains("others can read \(file)") && sharedKind == .badConfiguration)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        let (short, shortKind) = try failure("http.host=0.0.0.0", "http.token_file=\(file)")
        #expect(short.contains(file) && !short.contains("short\n"))
        #expect(shortKind == .badConfiguration)
        #expect(!FileManager.default.fileExists(atPath: fixture.store))
    }
}
