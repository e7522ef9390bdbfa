import Foundation

/// One thing that can be asked for over HTTP: by a method and a path, by whom, and what answers.
public struct Endpoint: Sendable {
    /// How it is asked for; HEAD goes wherever GET does.
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    /// Who may ask.
    public enum Access: Sendable {
        /// Everyone: a yes or no, and the page without its figures, are no secret.
        case anyone
        /// Whoever may read. On a loopback address that is everyone.
        case read
        /// Whoever holds the token that changes state, wherever the request comes from.
        case operate
    }

    /// Where the answer is made, so that a slow one holds up none of another kind.
    public enum Lane: Sendable, CaseIterable {
        /// On the thread that serves the connections: it must not wait for anything.
        case atOnce
        /// From figures that are at hand.
        case figures
        /// From the store.
        case store
        /// By the learning thread, which may be busy.
        case learning
    }

    /// How it is asked for.
    public let method: Method
    /// `/v1/snapshots/{ref}`; a name in brackets stands for one segment.
    public let path: String
    /// Who may ask.
    public let access: Access
    /// Where it is answered.
    public let lane: Lane
    /// Makes the answer. Thread: one of its lane.
    public let answer: @Sendable (Call) -> Reply

    /// The path's segments, as requests have them.
    let segments: [String]

    /// Takes everything as it is.
    public init(
        _ method: Method, _ path: String, access: Access, lane: Lane,
        answer: @escaping @Sendable (Call) -> Reply
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.lane = lane
        self.answer = answer
        segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .map(String.init)
    }

    /// The values of the names in the path; `nil` where the path is another one.
    func parameters(of path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (expected, given) in zip(segments, path) {
            if expected.hasPrefix("{"), expected.hasSuffix("}") {
                guard !given.isEmpty else { return nil }
                parameters[String(expected.dropFirst().dropLast())] = given
            } else if expected != given {
                return nil
            }
        }
        return parameters
    }
}

/// A request for an endpoint, whose sender may ask for it.
public struct Call: Sendable {
    /// What the path says, by the names in the endpoint's path; percent-decoded.
    public let parameters: [String: String]
    /// The query's pairs in order, decoded; `nil` where it is malformed.
    public let query: [(name: String, value: String)]?
    /// The body's type, as the request has it; `nil` without one.
    public let contentType: String?
    /// The whole body.
    public let body: [UInt8]
    /// The path's segments, decoded.
    public let path: [String]
    /// By which the client knows a request again that it sends twice, as the header has it; `nil` without
    /// one.
    public let idempotencyKey: String?
    /// Who asks.
    public let caller: Caller

    /// Takes everything as it is.
    public init(
        parameters: [String: String] = [:], query: [(name: String, value: String)]? = [],
        contentType: String? = nil, body: [UInt8] = [], path: [String] = [],
        idempotencyKey: String? = nil, caller: Caller
    ) {
        self.path = path
        self.idempotencyKey = idempotencyKey
        self.parameters = parameters
        self.query = query
        self.contentType = contentType
        self.body = body
        self.caller = caller
    }
}

/// Who asks, as an audit may have it.
public struct Caller: Sendable, Equatable {
    /// What the request's token allows.
    public enum Role: String, Sendable {
        /// Without a token that is known.
        case nobody
        /// With the token that reads.
        case read
        /// With the token that changes state.
        case operate
    }

    /// What the token allows.
    public let role: Role
    /// The address it comes from, without the port; `unknown` where the system does not tell.
    public let peer: String
    /// The number of the certificate that it has shown; `nil` without one.
    public let certificate: String?

    /// Takes everything as it is.
    public init(role: Role, peer: String, certificate: String? = nil) {
        self.role = role
        self.peer = peer
        self.certificate = certificate
    }
}

/// What an endpoint is answered with.
public struct Reply: Sendable {
    /// HTTP's status code.
    public var status: Int
    /// The body's type.
    public var contentType: String
    /// The whole body.
    public var body: Data
    /// Headers beside those that every answer has.
    public var headers: [(name: String, value: String)]

    /// Takes everything as it is.
    public init(
        status: Int = 200, contentType: String = "application/json", body: Data,
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers = headers
    }

    /// An error, as `{"error": "…"}`.
    public static func problem(_ status: Int, _ sentence: String) -> Reply {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return Reply(status: status, body: (try? encoder.encode(["error": sentence])) ?? Data())
    }
}
