import ControlPlane
import Foundation
import Records
import Synchronization
import Telemetry

/// The files by which the HTTP interface is known under TLS. They are read again when they change, so that
/// certificates are exchanged without a restart.
///
/// Thread: any.
package final class TLSFiles: Sendable {
    package let tls: TLSInForce
    private let settings: Configuration.TLS
    private let log: EventLogger
    private let state: Mutex<State>

    private struct State {
        /// The files that were read last, whether they could be used or not.
        var read: [FileMark?]
        /// The files that the last look saw.
        var seen: [FileMark?]
    }

    private static let section = "http.tls"

    /// - Returns: `nil` where TLS is not spoken.
    /// - Throws: `ConfigurationError` for a file that cannot be used, and for one that is missing beside
    ///   another.
    package init?(_ settings: Configuration.TLS, log: EventLogger) throws(ConfigurationError) {
        guard settings != Configuration.TLS() else { return nil }
        for (key, path) in [("certificate", settings.certificate), ("key", settings.key)] {
            guard path.isEmpty else { continue }
            throw ConfigurationError(
                place: "\(Self.section).\(key)",
                message: "it is needed, since others of \(Self.section) are set")
        }
        self.settings = settings
        self.log = log
        let marks = Self.marks(settings)
        tls = TLSInForce(try Self.identity(settings))
        state = Mutex(State(read: marks, seen: marks))
    }

    /// Reads all of them where one has changed. Files that cannot be used leave the certificate before them
    /// in force, which is said once.
    ///
    /// Files that belong together are written one after the other: they are read once a look has found
    /// nothing changed since the look before.
    package func look() {
        let marks = Self.marks(settings)
        let areNew = state.withLock { state in
            defer { state.seen = marks }
            guard marks != state.read, marks == state.seen else { return false }
            state.read = marks
            return true
        }
        guard areNew else { return }
        do throws(ConfigurationError) {
            let identity = try Self.identity(settings)
            tls.replace(identity)
            log.emit(
                .http(
                    "the files of \(Self.section) were read again; the certificate holds until \(Timestamp.text(ms: identity.endsMs))"
                ))
        } catch { log.emit(.http("\(error); the certificate before stays in force")) }
    }

    private static func marks(_ settings: Configuration.TLS) -> [FileMark?] {
        [settings.certificate, settings.key, settings.clientCA].map { FileMark(of: $0) }
    }

    private static func identity(
        _ settings: Configuration.TLS
    ) throws(ConfigurationError) -> TLSIdentity {
        let certificate = try bytes(settings.certificate, "certificate")
        let key = Array(try SecretFile.read(settings.key, place: "\(section).key"))
        let authority =
            settings.clientCA.isEmpty ? nil : try bytes(settings.clientCA, "client_ca")
        do throws(TLSIdentity.Problem) {
            return try TLSIdentity(
                certificate: certificate, key: key, clientAuthority: authority,
                nowMs: wallTimeMs())
        } catch {
            let (name, path) =
                switch error.part {
                case .certificate: ("certificate", settings.certificate)
                case .key: ("key", settings.key)
                case .clientAuthority: ("client_ca", settings.clientCA)
                }
            throw ConfigurationError(
                place: "\(section).\(name)", message: "\(path) \(error.sentence)")
        }
    }

    private static func bytes(
        _ path: String, _ name: String
    ) throws(ConfigurationError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError(
                place: "\(section).\(name)", message: "\(path) cannot be read")
        }
        return Array(data)
    }
}
