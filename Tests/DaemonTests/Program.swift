import Daemon
import Foundation

/// What a run of the program printed and how it ended.
struct Outcome {
    let status: Int32
    /// Whether a signal ended it.
    let isSignal: Bool
    let output: String
    let errors: String

    func json<Answer: Decodable>(_ type: Answer.Type) throws -> Answer {
        do { return try JSONDecoder().decode(type, from: Data(output.utf8)) } catch {
            throw DaemonFixture.Missing(what: "an answer in \(output); \(errors)")
        }
    }
}

/// Runs a command of the program that was built beside the tests, to its end.
func tidemark(_ arguments: [String]) throws -> Outcome {
    let process = Process()
    process.executableURL = DaemonProcess.program
    process.arguments = arguments
    let errors = FileManager.default.temporaryDirectory
        .appendingPathComponent("tidemark-errors-\(UUID().uuidString)")
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: errors) }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Outcome(
        status: process.terminationStatus,
        isSignal: process.terminationReason == .uncaughtSignal, output: text,
        errors: (try? String(contentsOf: errors, encoding: .utf8)) ?? "")
}

/// What the daemon says that has the store open, once it holds.
@discardableResult
func status(
    _ store: String, _ what: String, until holds: (LearnerStatus) -> Bool
) throws -> LearnerStatus {
    try eventually(what) {
        guard let daemon = try? DaemonConnection(store: store),
            case .status(let status)? = try? daemon.ask(.status), holds(status)
        else { return nil }
        return status
    }
}
