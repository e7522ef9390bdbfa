import Foundation

/// A yes or no with the reason.
public struct Verdict: Sendable, Equatable {
    /// The answer itself.
    public let isYes: Bool
    /// One line for people.
    public let reason: String

    /// Takes both as they are.
    public init(_ isYes: Bool, _ reason: String) {
        self.isYes = isYes
        self.reason = reason
    }
}

/// What the HTTP interface tells of the process it is in.
///
/// Thread: asked on threads of its own, several at a time; must answer at once, whatever the
/// process is doing.
public protocol ControlSource: Sendable {
    /// Whether the process is worth keeping.
    func live() -> Verdict
    /// Whether it does its work close to the stream's end.
    func ready() -> Verdict
    /// In Prometheus' text format.
    func metrics() -> (contentType: String, text: String)
    /// JSON.
    func status() throws -> Data
    /// What else can be asked for.
    var endpoints: [Endpoint] { get }
}

extension ControlSource {
    /// Nothing else.
    public var endpoints: [Endpoint] { [] }
}

/// What the HTTP interface met that people should hear of. No byte of a client is in it.
public enum ControlNotice: Sendable, CustomStringConvertible {
    /// A connection could not be accepted; it is tried again.
    case acceptFailed(reason: String)
    /// A client and this side did not come to terms about TLS.
    case handshakeFailed(peer: String, reason: String)
    /// The listening ended by itself.
    case ended(reason: String)
    /// It was begun again, on this port.
    case listensAgain(port: Int)
    /// It could not be begun again; it is tried further.
    case cannotListenAgain(reason: String)

    /// A sentence without an end.
    public var description: String {
        switch self {
        case .acceptFailed(let reason):
            "a connection could not be accepted and is tried again: \(reason)"
        case .handshakeFailed(let peer, let reason):
            "no safe connection with a client at \(peer): \(reason)"
        case .ended(let reason): "the listening ended by itself and is begun again: \(reason)"
        case .listensAgain(let port): "requests are answered again on port \(port)"
        case .cannotListenAgain(let reason):
            "the listening cannot be begun again and is tried further: \(reason)"
        }
    }
}

/// Why the HTTP interface cannot begin.
public enum ControlError: Error, CustomStringConvertible {
    /// The host is no name or address that can be listened on.
    case badHost(String)
    /// The system refuses the address.
    case cannotListen(host: String, port: Int, reason: String)
    /// The host can be reached from elsewhere, and no token is set.
    case tokenMissing(host: String)

    /// A sentence that names the setting or the address.
    public var description: String {
        switch self {
        case .badHost(let host):
            "http.host: '\(host)' is neither localhost nor an IPv4 or IPv6 address"
        case .cannotListen(let host, let port, let reason):
            "cannot serve HTTP on \(host) port \(port): \(reason)"
        case .tokenMissing(let host):
            "http.host: \(host) can be reached from elsewhere: http.token_file must name a file with a bearer token"
        }
    }

    /// Whether the configuration is at fault, not the machine.
    public var isConfiguration: Bool {
        if case .cannotListen = self { false } else { true }
    }
}
