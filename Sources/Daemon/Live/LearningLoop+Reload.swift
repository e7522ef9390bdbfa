import Telemetry

/// What a configuration that was read again changes at once, and what only the next start takes up.
package struct ReloadPlan: Equatable {
    /// What the log is told from now on; `nil`: as before.
    package let level: LogLevel?
    /// Keys whose values hold from the next start on.
    package let pending: [String]

    private static let levelKey = "log.level"

    /// - Parameters:
    ///   - running: as the process began with it.
    ///   - level: of the log, as it is now.
    package init(running: Configuration, level: LogLevel, read: Configuration) {
        self.level = read.log.level == level ? nil : read.log.level
        pending = Configuration.settings
            .filter { $0.key != Self.levelKey && $0.read(running) != $0.read(read) }.map(\.key)
    }

    /// Those that hold now, as the log tells them.
    var taken: [String] { level.map { ["\(Self.levelKey): \($0.rawValue)"] } ?? [] }
}

extension LearningLoop {
    /// Reads the configuration again where a signal asked for it, and takes up what can change while the
    /// process runs. Tokens are not among it: their files are looked at all the time.
    func reloadIfAsked() {
        guard let reread, ReloadSignal.take() else { return }
        let (read, problems) = reread()
        if let first = problems.first {
            return log.emit(.notReloaded(reason: "\(first)"))
        }
        let plan = ReloadPlan(running: configuration, level: log.level, read: read)
        if let level = plan.level { log.level = level }
        log.emit(.reloaded(taken: plan.taken, pending: plan.pending))
    }
}
