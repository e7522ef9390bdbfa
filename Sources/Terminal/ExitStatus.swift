import ArgumentParser
import Daemon
import Foundation
import Records
import Telemetry

/// The exit codes of the command line.
package typealias ExitStatus = FailureKind

extension FailureKind {
    /// Tells on standard error why the command ends, in the log's format, and ends it with this code.
    ///
    /// - Parameter more: lines behind the first.
    package func failure(_ message: String, _ more: [String] = []) -> ExitCode {
        let lines = [message] + more
        let sink = LineSink.standardError
        sink.endBar()
        switch sink.format {
        case .text:
            let text = lines.map(\.printable).joined(separator: "\n")
            sink.write("tidemark: \(text)\n")
        case .json:
            sink.write(
                sink.format.line(
                    timeMs: wallTimeMs(), level: "critical",
                    message: lines.joined(separator: "\n"), exitCode: rawValue))
        }
        return ExitCode(rawValue)
    }

    /// Likewise for an error: its sentence, and the code of its kind.
    package static func failure(_ error: any Error) -> ExitCode {
        let more = (error as? VerificationError)?.versions ?? []
        return FailureKind(error).failure(sentence(of: error), more)
    }
}

/// Runs a command's body; an error becomes one line on standard error and the exit code of its kind.
package func reportingFailures(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let exit as ExitCode {
        throw exit
    } catch {
        throw ExitStatus.failure(error)
    }
}
