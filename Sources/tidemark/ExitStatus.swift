import ArgumentParser

/// The exit codes a script may rely on (those of BSD's sysexits, and 130 for an interrupt).
enum ExitStatus: Int32 {
    case usage = 64
    case badData = 65
    case unavailable = 69
    case bug = 70
    case badConfiguration = 78
    case interrupted = 130

    /// Prints `tidemark: message` to standard error and ends the command with this code.
    func failure(_ message: String) -> ExitCode {
        standardError.write("tidemark: \(message)\n")
        return ExitCode(rawValue)
    }
}
