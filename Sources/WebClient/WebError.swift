/// Why a request has no answer. No case has a password or a token in it.
public enum WebError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The settings cannot be used: an address that is none, a file that is not there.
    case settings(String)
    /// Nobody answers, or not in time.
    case unreachable(String)
    /// The other side is not trusted, or does not trust this one; or what answers speaks no TLS.
    case tls(String)
    /// What answers does not speak HTTP.
    case notHTTP(String)
    /// A redirect leads to where no request is made, or there are too many.
    case redirected(String)
    /// The answer has more bytes than are read.
    case tooLarge(bytesMax: Int)

    /// One sentence without an end.
    public var description: String {
        switch self {
        case .settings(let what), .unreachable(let what), .notHTTP(let what), .redirected(let what):
            what
        case .tls(let what): "no safe connection: \(what)"
        case .tooLarge(let bound): "the answer has more than \(bound) bytes"
        }
    }
}
