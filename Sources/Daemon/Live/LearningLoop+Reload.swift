import Telemetry

extension LearningLoop {
    /// Reads the configuration again where a signal asked for it.
    func reloadIfAsked() {
        guard reread != nil, ReloadSignal.take() else { return }
        do { _ = try service.reload(who: "SIGHUP") } catch is ConfigurationError {
            // The log has it.
        } catch { log.emit(.notReloaded(reason: sentence(of: error))) }
    }
}
