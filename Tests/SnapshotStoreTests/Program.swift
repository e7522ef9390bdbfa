import Foundation
import Testing

/// What a run of the program printed and how it ended.
struct Outcome {
    let status: Int32
    /// Whether a signal ended it.
    let isSignal: Bool
    let output: String
    let errors: String

    func json() throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
        return try #require(value as? [String: Any])
    }
}

/// Runs a command of the program that was built beside the tests.
///
/// - Parameter standardOutput: a file to print to instead.
func tidemark(_ arguments: String..., standardOutput path: String? = nil) throws -> Outcome {
    try tidemark(arguments, standardOutput: path)
}

func tidemark(_ arguments: [String], standardOutput path: String? = nil) throws -> Outcome {
    let process = Process()
    let tests = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    process.executableURL = tests.deletingLastPathComponent().appending(path: "tidemark")
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    if let path { process.standardOutput = FileHandle(forWritingAtPath: path) }
    process.standardError = errors
    try process.run()
    if path != nil { try output.fileHandleForWriting.close() }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(
        decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Outcome(
        status: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal,
        output: text, errors: complaint)
}
