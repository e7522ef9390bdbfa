import ArgumentParser
import Daemon

/// Runs a command's body; an error becomes one line on standard error and the exit code of its kind.
func reportingFailures(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let exit as ExitCode {
        throw exit
    } catch {
        let kind = FailureKind(error)
        let status = ExitStatus(rawValue: kind.exitCode) ?? .bug
        throw status.failure("\(error)")
    }
}
