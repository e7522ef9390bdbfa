import ControlPlane
import Foundation

extension Wiring {
    /// The HTTP interface; `nil` where it is not enabled.
    ///
    /// - Parameter desk: where it asks the learning thread.
    /// - Throws: `ControlError`, and `ConfigurationError` for a token or a certificate that cannot be used.
    func control(_ board: StatusBoard, _ desk: ControlDesk?) throws -> ControlServer? {
        let http = configuration.http
        guard http.enabled else { return nil }
        let figures = ControlFigures()
        let files = try TokenFiles(operate: http.tokenFile, read: http.readTokenFile, log: log)
        let safety = try TLSFiles(http.tls, log: log)
        let source = DaemonControl(
            board: board,
            health: DaemonControl.Health(
                readyLag: http.readyLag, brokerGraceMs: http.brokerGraceMs,
                stallMs: http.stallAfterMs), startedMs: wallTimeMs(), http: figures,
            logged: DaemonControl.Logged(log), desk: desk,
            access: DaemonControl.Access(tokens: files.tokens, tls: safety?.tls))
        var limits = HTTPLimits()
        limits.connectionsMax = http.connectionsMax
        limits.requestMs = Int64(http.requestTimeoutMs)
        limits.idleMs = Int64(http.idleTimeoutMs)
        return try ControlServer(
            at: ControlServer.Place(host: http.host, port: http.port, tls: safety?.tls),
            tokens: files.tokens, source: source, limits: limits, figures: figures,
            onNotice: { [log] in log.emit(.http("\($0)")) },
            everySecond: {
                files.look()
                safety?.look()
            })
    }
}
