import Daemon
import Foundation
import Testing

/// A configuration that is read again while the daemon runs.
@Suite(.serialized) struct ReloadTests {
    private func configuration(_ overrides: String...) throws -> Configuration {
        try Configuration.load(file: nil, environment: [:], overrides: overrides)
    }

    @Test("the log's level changes at once, and every other changed key is named")
    func plan() throws {
        let running = try configuration("log.level=warning")
        let same = ReloadPlan(running: running, level: .warning, read: running)
        #expect(same.level == nil && same.pending.isEmpty)
        let read = try configuration("log.level=debug", "batch.events=7", "http.port=1")
        let plan = ReloadPlan(running: running, level: .warning, read: read)
        #expect(plan.level == .debug && Set(plan.pending) == ["batch.events", "http.port"])
        // Once it is taken up it is no news any more.
        #expect(ReloadPlan(running: running, level: .debug, read: read).level == nil)
    }

    @Test("differences are told by key, with both values and when the second one holds")
    func differences() throws {
        let one = try configuration("log.level=warning", "batch.events=7")
        let other = try configuration("batch.events=8", "http.tls.key=a.key")
        #expect(one.differences(to: one).isEmpty)
        let found = one.differences(to: other)
        #expect(found.map(\.key) == ["batch.events", "http.tls.key", "log.level"])
        #expect(found.map(\.from) == ["7", #""""#, "warning"])
        #expect(found.map(\.to) == ["8", #""a.key""#, "info"])
        #expect(found.map(\.isLive) == [false, false, true])
    }

    @Test("the schema for editors is the program's, and has every key of the example")
    func schema() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../schemas/configuration.schema.json").standardizedFileURL
        let schema = try Configuration.schema()
        #expect(
            schema + Data("\n".utf8) == (try Data(contentsOf: file)), "run: tidemark config schema")
        struct Node: Decodable {
            let type: [String]?
            let pattern: String?
            let minimum: Double?
            let properties: [String: Node]?
        }
        let root = try JSONDecoder().decode(Node.self, from: schema)
        func node(_ path: String) -> Node? {
            path.split(separator: ".").reduce(root as Node?) { $0?.properties?[String($1)] }
        }
        var sections: Set<String> = []
        for section in root.properties?.keys.sorted() ?? [] {
            for key in try configuration().explained(section).map(\.key) {
                #expect(node(key) != nil, "\(key)")
                sections.insert(section)
            }
        }
        #expect(sections.count > 10)
        #expect(node("lora.rank")?.type == ["integer"] && node("lora.rank")?.minimum == 1)
        #expect(node("batch.linger")?.pattern?.contains("ms") == true)
        #expect(node("http.tls.key")?.type?.contains("string") == true)
    }

    @Test("commands compare files, explain keys, and tell what a key is near to")
    func commands() throws {
        let scratch = try Scratch()
        let (one, other) = (scratch.path + "/one.yaml", scratch.path + "/other.yaml")
        try Data("batch: {events: 9}\n".utf8).write(to: URL(fileURLWithPath: one))
        try Data("log: {level: debug}\n".utf8).write(to: URL(fileURLWithPath: other))
        let table = try tidemark(["config", "diff", one, other])
        #expect(table.status == 0 && table.output.contains("from the next start"))
        #expect(table.output.contains("log.level") && table.output.contains("at a reload"))
        #expect(try tidemark(["config", "diff", one, one]).output.contains("same value"))
        let missing = try tidemark(["config", "diff", one, scratch.path + "/no.yaml"])
        #expect(missing.status == 78 && missing.errors.contains("no.yaml"))
        let key = try tidemark(["check", "--explain", "batch.events", "--config", one])
        #expect(key.status == 0 && key.output.hasPrefix("batch.events: 9\n"), "\(key)")
        #expect(key.output.contains("TIDEMARK_BATCH_EVENTS"))
        let section = try tidemark(["check", "--explain", "http.tls", "--json"])
            .json([KeyExplanation].self)
        #expect(section.map(\.key).contains("http.tls.client_ca") && section.count == 3)
        let wrong = try tidemark(["check", "--explain", "batch.evnets"])
        #expect(wrong.status == 64 && wrong.errors.contains("did you mean 'batch.events'?"))
    }

    @Test("at a SIGHUP the file is read again; one that is wrong changes nothing")
    func signal() throws {
        let fixture = try DaemonFixture()
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let (file, log) = (fixture.folder + "/tidemark.yaml", fixture.folder + "/log")
        func write(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        }
        try write("log: {level: error}\n")
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let process = Process()
        process.executableURL = DaemonProcess.program
        process.arguments =
            ["run", "--config", file]
            + (try fixture.overrides(["model.base=\(ShopStream.base)"]))
            .filter { !$0.hasPrefix("log.level") }.flatMap { ["--set", $0] }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        defer { process.terminate() }
        try status(fixture.store, "a daemon") { _ in true }
        func told(_ words: String) throws {
            _ = try eventually(words) {
                try String(contentsOfFile: log, encoding: .utf8).contains(words) ? () : nil
            }
        }
        try write("log: {level: info}\nbatch: {events: 77}\n")
        kill(process.processIdentifier, SIGHUP)
        try told(
            "the configuration was read again; now log.level: info; changed from the next start on: batch.events"
        )
        try write("log: {level: debug}\nbatch: {evnets: 77}\n")
        kill(process.processIdentifier, SIGHUP)
        try told("the configuration was read again and is not taken")
        try told("evnets")
        // The level that was taken up stays.
        // Commands do the same, and are told what came of it.
        let place = ["--store", fixture.store]
        let wrong = try tidemark(["reload"] + place)
        #expect(wrong.status == 78 && wrong.errors.contains("evnets"), "\(wrong)")
        let louder = try tidemark(["log-level", "debug", "--reason", "a look"] + place)
        #expect(louder.status == 0, "\(louder.errors)")
        try told("the log's level is debug now")
        try write("log: {level: info}\nbatch: {events: 78}\n")
        let taken = try tidemark(["reload", "--json"] + place).json(ReloadOutcome.self)
        #expect(taken == ReloadOutcome(taken: ["log.level: info"], pending: ["batch.events"]))
        let again = try tidemark(["reload", "--json"] + place).json(ReloadOutcome.self)
        #expect(again == ReloadOutcome(taken: [], pending: ["batch.events"]))
        let audit = try tidemark(["audit"] + place).output
        #expect(audit.contains("SIGHUP") && audit.contains("debug: a look"), "\(audit)")
        process.terminate()
        try told("info stopping: asked to by a signal")
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
