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
        process.terminate()
        try told("info stopping: asked to by a signal")
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
