import Daemon
import Foundation
import Testing

@Suite(.serialized) struct SecretTests {
    private let password = "correct-horse-battery"
    private let keyPassword = "staple-of-the-shop"

    /// One run of the program, its lines and how it ended.
    private struct Run {
        let process: Process
        let log: String

        init(_ arguments: [String], environment: [String: String], log: String) throws {
            self.log = log
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            process = Process()
            process.executableURL = DaemonProcess.program
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment
                .merging(environment) { $1 }
            process.standardError = FileHandle(forWritingAtPath: log)
            process.standardOutput = process.standardError
            try process.run()
        }

        var lines: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

        /// Where the HTTP interface is, as the log tells.
        func port() throws -> Int {
            let end = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < end, process.isRunning {
                if let port = lines.firstMatch(of: /localhost port (\d+)/).flatMap({ Int($0.1) }) {
                    return port
                }
                usleep(5000)
            }
            throw DaemonFixture.Missing(what: "a port in the log: \(lines)")
        }
    }

    private func expectNone(in text: String, _ what: Comment) {
        #expect(!text.contains(password) && !text.contains(keyPassword), what)
    }

    @Test(
        "secrets from a file, the environment or the configuration are in no line of the log, no answer, no report and no byte of the store"
    )
    func running() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let file = fixture.folder + "/password"
        try Data((password + "\n").utf8).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        try fixture.send(["rubbish"], partition: 0)
        let report = fixture.folder + "/report.json"
        let overrides = try fixture.overrides([
            "log.level=debug", "http.enabled=true", "http.port=0",
            "kafka.client={sasl.password: {file: \(file)}, ssl.key.password: {env: SHOP_KEY}}",
        ])
        let run = try Run(
            ["run", "--report", report] + overrides.flatMap { ["--set", $0] },
            environment: ["SHOP_KEY": keyPassword], log: fixture.folder + "/log")
        defer { run.process.terminate() }
        let port = try run.port()
        var status = ""
        let end = ContinuousClock.now + .seconds(60)
        while !status.contains("\"dead_lettered\" : 1"), ContinuousClock.now < end {
            status = Wires.ask(port: port, "/v1/status")?.body ?? ""
            usleep(5000)
        }
        #expect(status.contains("\"dead_lettered\" : 1"), "\(status)")
        expectNone(in: status, "/v1/status")
        for path in ["/metrics", "/live", "/ready", "/nothing"] {
            expectNone(in: Wires.ask(port: port, path)?.body ?? "", "\(path)")
        }
        run.process.terminate()
        run.process.waitUntilExit()
        #expect(run.process.terminationStatus == 0)
        #expect(run.lines.contains("rubbish") || run.lines.contains("dead letter"))
        expectNone(in: run.lines, "the log")
        expectNone(in: try String(contentsOfFile: report, encoding: .utf8), "the report")
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.store) {
            let data = FileManager.default.contents(atPath: fixture.store + "/" + name) ?? Data()
            for secret in [password, keyPassword] {
                #expect(data.range(of: Data(secret.utf8)) == nil, "\(name)")
            }
        }
    }

    @Test(
        "secrets are in no error: of brokers that refuse them, of settings that are none, of a check",
        arguments: [
            (["security.protocol: SASL_PLAINTEXT", "sasl.mechanisms: PLAIN"], 69),
            (
                ["security.protocol: SASL_SSL", "sasl.mechanisms: PLAIN", "ssl.key.pem: {env: P}"],
                78
            ),
            (["sasl.mechanisms: NONSUCH", "security.protocol: SASL_PLAINTEXT"], 78),
        ] as [([String], Int32)])
    func failing(settings: [String], code: Int32) throws {
        let fixture = try DaemonFixture(partitions: 1)
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let client = settings + ["sasl.username: shop", "sasl.password: {env: P}"]
        let overrides = try fixture.overrides([
            "log.level=debug", "kafka.connect_timeout=2s",
            "kafka.client={\(client.joined(separator: ", "))}",
        ])
        for command in [["run"], ["check", "--connect"]] {
            let run = try Run(
                command + overrides.flatMap { ["--set", $0] }, environment: ["P": password],
                log: fixture.folder + "/log-\(command[0])")
            run.process.waitUntilExit()
            #expect(run.process.terminationStatus == code, "\(command): \(run.lines)")
            #expect(!run.lines.isEmpty)
            expectNone(in: run.lines, "\(command)")
        }
    }
}
