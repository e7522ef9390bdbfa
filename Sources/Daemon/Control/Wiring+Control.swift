import ControlPlane
import Foundation

extension Wiring {
    /// The HTTP interface; `nil` where it is not enabled.
    ///
    /// - Throws: `ControlError`, and `ConfigurationError` for a token that cannot be used.
    func control(_ board: StatusBoard) throws -> ControlServer? {
        let http = configuration.http
        guard http.enabled else { return nil }
        let figures = ControlFigures()
        let source = DaemonControl(
            board: board, readyLag: http.readyLag, brokerGraceMs: http.brokerGraceMs,
            stallMs: http.stallAfterMs, startedMs: wallTimeMs(), http: figures, told: log.counts)
        var limits = HTTPLimits()
        limits.connectionsMax = http.connectionsMax
        limits.requestMs = Int64(http.requestTimeoutMs)
        limits.idleMs = Int64(http.idleTimeoutMs)
        return try ControlServer(
            host: http.host, port: http.port, token: try bearerToken(), source: source,
            limits: limits, figures: figures, onNotice: { [log] in log.emit(.http("\($0)")) })
    }

    /// The token in the file; what the file holds is in no message.
    private func bearerToken() throws -> BearerToken? {
        let path = configuration.http.tokenFile
        guard !path.isEmpty else { return nil }
        let data = try SecretFile.read(path, place: "http.token_file")
        guard let token = BearerToken(String(decoding: data, as: UTF8.self)) else {
            throw ConfigurationError(
                place: "http.token_file",
                message:
                    "\(path) must hold one token of \(BearerToken.byteCountMin) or more visible ASCII characters"
            )
        }
        return token
    }
}
