import ArgumentParser
import Daemon

/// The exit codes of the command line.
typealias ExitStatus = FailureKind

extension FailureKind {
    /// Prints `tidemark: message` to standard error and ends the command with this code.
    func failure(_ message: String) -> ExitCode {
        standardError.write("tidemark: \(message)\n")
        return ExitCode(rawValue)
    }
}

/// Runs a command's body; an error becomes one line on standard error and the exit code of its kind.
func reportingFailures(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let exit as ExitCode {
        throw exit
    } catch {
        throw FailureKind(error).failure("\(error)")
    }
}
