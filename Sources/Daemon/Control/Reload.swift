import Foundation
import SnapshotStore
import Telemetry

/// Reads the configuration again, with all that is wrong with it.
public typealias Reread =
    @Sendable () -> (configuration: Configuration, problems: [ConfigurationError])

/// What a configuration that was read again changes at once, and what only the next start takes up.
package struct ReloadPlan: Equatable {
    /// What the log is told from now on; `nil`: as before.
    package let level: LogLevel?
    /// Keys whose values hold from the next start on.
    package let pending: [String]

    /// - Parameters:
    ///   - running: as the process began with it.
    ///   - level: of the log, as it is now.
    package init(running: Configuration, level: LogLevel, read: Configuration) {
        self.level = read.log.level == level ? nil : read.log.level
        pending = running.differences(to: read).filter { !$0.isLive }.map(\.key)
    }

    /// What came of it.
    var outcome: ReloadOutcome {
        ReloadOutcome(
            taken: level.map { ["log.level: \($0.rawValue)"] } ?? [], pending: pending)
    }
}

/// What came of reading the configuration again.
public struct ReloadOutcome: Codable, Sendable, Equatable {
    /// Keys and values that hold now and did not before, as `log.level: debug`.
    public var taken: [String]
    /// Keys whose new values hold from the next start on.
    public var pending: [String]

    /// Takes both as they are.
    public init(taken: [String], pending: [String]) {
        self.taken = taken
        self.pending = pending
    }

    /// One sentence without an end.
    public var sentence: String { TidemarkEvent.reloadedLine(taken, pending) }
}

extension ControlService {
    /// Reads the configuration again, and takes up what can change while the process runs. Tokens and
    /// certificates are not among it: their files are looked at all the time.
    ///
    /// - Throws: `ConfigurationError` for one that is wrong: then nothing is changed.
    func reload(who: String) throws -> ReloadOutcome {
        guard let reread else {
            throw RequestError.badRequest("this process has no configuration to read again")
        }
        let (read, problems) = reread()
        do { try ConfigurationError.throwFirst(of: problems) } catch {
            log.emit(.notReloaded(reason: "\(error)"))
            throw error
        }
        let plan = ReloadPlan(running: configuration, level: log.level, read: read)
        let outcome = plan.outcome
        try record("reload", outcome.sentence, who)
        if let level = plan.level { log.level = level }
        log.emit(.reloaded(taken: outcome.taken, pending: outcome.pending))
        return outcome
    }

    /// Has the log be told other lines until the configuration is read again.
    func setLevel(_ level: LogLevel, reason: String, who: String) throws {
        let why = reason.isEmpty ? "" : ": \(reason)"
        try record("log-level", level.rawValue + why, who)
        log.level = level
        log.emit(.logLevel(level, who: who))
    }

    private func record(_ action: String, _ reason: String, _ who: String) throws {
        try store.record(
            AuditEntry(wallTimeMs: wallTimeMs(), who: who, action: action, reason: reason))
    }
}
