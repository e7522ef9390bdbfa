import Foundation

/// `tidemark run` in a process of its own, that a scenario ends as it likes.
///
/// Thread: one at a time.
final class DaemonProcess {
    private let arguments: [String]
    private let log: String
    private var process: Process?
    /// Exit codes and signals of processes that ended by themselves, other than for want of brokers.
    private(set) var unexpected: [String] = []
    private(set) var starts = 0

    /// Ends for want of brokers, as the contract has it.
    private static let unavailable: Int32 = 69

    init(overrides: [String], log: String) {
        arguments = ["run"] + overrides.flatMap { ["--set", $0] }
        self.log = log
        _ = FileManager.default.createFile(atPath: log, contents: nil)
    }

    /// The program that was built beside the tests.
    static var program: URL {
        URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: "tidemark")
    }

    private func launch(_ more: [String]) throws -> Process {
        let process = Process()
        process.executableURL = Self.program
        process.arguments = arguments + more
        let handle = FileHandle(forWritingAtPath: log)
        try handle?.seekToEnd()
        process.standardError = handle
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        starts += 1
        return process
    }

    /// Starts it, and again when it has ended.
    func keepRunning() throws {
        if let process {
            if process.isRunning { return }
            note(process)
        }
        process = try launch([])
    }

    /// - Parameter sent: the scenario's own signal, which ends a process that does not listen yet.
    private func note(_ process: Process, sent: Int32? = nil) {
        process.waitUntilExit()
        if process.terminationReason == .uncaughtSignal {
            if ![SIGKILL, sent].contains(process.terminationStatus) {
                unexpected.append("signal \(process.terminationStatus)")
            }
        } else if ![0, Self.unavailable].contains(process.terminationStatus) {
            unexpected.append("exit \(process.terminationStatus)")
        }
        self.process = nil
    }

    func end(_ signal: Int32) {
        guard let process else { return }
        kill(process.processIdentifier, signal)
        note(process, sent: signal)
    }

    /// Runs to the end of the stream, starting again for want of brokers.
    ///
    /// - Returns: the exit code of the last run.
    func finish(idle: String, report: String) throws -> Int32 {
        end(SIGTERM)
        for _ in 0..<5 {
            let process = try launch(["--exit-when-idle", idle, "--report", report])
            process.waitUntilExit()
            guard process.terminationReason == .exit else { return -process.terminationStatus }
            if process.terminationStatus != Self.unavailable { return process.terminationStatus }
        }
        return Self.unavailable
    }

    var lastLines: String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(12).joined(separator: "\n")
    }
}
