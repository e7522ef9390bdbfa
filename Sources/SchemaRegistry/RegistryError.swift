import Schemas

/// Why a registry gives no schema. No case has a password or a token in it.
public enum RegistryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The settings cannot be used: a URL that is none, a file that is not there.
    case settings(String)
    /// Nobody answers, or not in time.
    case unreachable(String)
    /// The registry's certificate is not trusted, or the connection cannot be made safe.
    case tls(String)
    /// The credentials are missing or wrong (401), or do not suffice (403).
    case refused(status: Int, String)
    /// The registry has no such schema.
    case unknown(what: String, String)
    /// The registry does not take a schema: it does not fit the subject's earlier ones (409), or is not
    /// one for it (422).
    case rejected(status: Int, String)
    /// It is asked too often (429), or is in trouble itself (5xx).
    case failing(status: Int, String)
    /// What answers is no registry.
    case notRegistry(String)
    /// The answer has more bytes than are read.
    case tooLarge(bytesMax: Int)
    /// The schema refers to others without an end, or to too many.
    case references(String)

    /// Whether the same request may succeed a little later.
    public var isRetriable: Bool {
        switch self {
        case .unreachable, .failing: true
        default: false
        }
    }

    /// One sentence.
    public var description: String {
        switch self {
        case .settings(let what): "the registry's settings: \(what)"
        case .unreachable(let what): "the registry cannot be reached: \(what)"
        case .tls(let what): "no safe connection to the registry: \(what)"
        case .refused(let status, let what):
            status == 401
                ? "the registry asks for other credentials (401): \(what)"
                : "the registry's credentials do not suffice (\(status)): \(what)"
        case .unknown(let what, let message): "the registry does not have \(what): \(message)"
        case .rejected(let status, let what):
            "the registry does not take the schema (\(status)): \(what)"
        case .failing(let status, let what): "the registry fails (\(status)): \(what)"
        case .notRegistry(let what): "what answers is no schema registry: \(what)"
        case .tooLarge(let bound): "the registry's answer has more than \(bound) bytes"
        case .references(let what): "the schema's references: \(what)"
        }
    }
}
