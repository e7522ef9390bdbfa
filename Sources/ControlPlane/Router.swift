import Foundation
import NIOHTTP1

/// Which request gets which answer. Pure but for the source it asks.
package struct Router: Sendable {
    private let endpoints: [Endpoint]
    private let tokens: AccessTokens
    /// Whether everyone who reaches the address may read.
    private let isOpen: Bool

    /// - Parameters:
    ///   - tokens: those in force when a request comes.
    ///   - isOpen: whether reading needs no token, as on a loopback address.
    package init(source: any ControlSource, tokens: AccessTokens, isOpen: Bool) {
        endpoints = Self.probes(source) + source.endpoints
        self.tokens = tokens
        self.isOpen = isOpen
    }

    /// - Parameter token: `nil` where every request is allowed to read, and none to change anything.
    package init(source: any ControlSource, token: BearerToken?) {
        self.init(
            source: source, tokens: AccessTokens(AccessTokens.Pair(operate: token)),
            isOpen: token == nil)
    }

    /// An answer, or what takes time to make one.
    enum Outcome: Sendable {
        case answer(Answer)
        /// To be run on another thread than the one that serves the connections.
        case work(Endpoint.Lane, @Sendable () -> Answer)
    }

    /// - Parameters:
    ///   - peer: the address that the request comes from.
    ///   - certificate: the number of the one that the client has shown.
    func answer(
        _ request: Request, from peer: String = "unknown", certificate: String? = nil
    ) -> Outcome {
        let matching = endpoints.compactMap { endpoint in
            endpoint.parameters(of: request.path).map { (endpoint, $0) }
        }
        guard !matching.isEmpty else {
            return .answer(.problem(.notFound, "there is nothing at this path"))
        }
        let method = request.isHead ? "GET" : request.method.rawValue
        guard
            let (endpoint, parameters) = matching.first(where: { $0.0.method.rawValue == method })
        else { return .answer(Self.otherMethods(matching.map(\.0.method))) }
        let role = tokens.role(request.authorization)
        if let refusal = refusal(of: endpoint, to: role) { return .answer(refusal) }
        // Without a token anybody's page in a browser here could ask, under a name that leads here.
        if isOpen, role == .nobody, endpoint.access == .read, !request.isOfThisMachine {
            return .answer(
                .problem(.forbidden, "this name or page is not this machine's own; ask 127.0.0.1"))
        }
        let call = Call(
            parameters: parameters, query: request.pairs, contentType: request.contentType,
            body: request.body, path: request.path, idempotencyKey: request.idempotencyKey,
            caller: Caller(role: role, peer: peer, certificate: certificate))
        let make = endpoint.answer
        return endpoint.lane == .atOnce
            ? .answer(Answer(make(call))) : .work(endpoint.lane) { Answer(make(call)) }
    }

    private func refusal(of endpoint: Endpoint, to role: Caller.Role) -> Answer? {
        let isAllowed =
            switch endpoint.access {
            case .anyone: true
            case .read: isOpen || role != .nobody
            case .operate: role == .operate
            }
        if isAllowed { return nil }
        if endpoint.access == .operate {
            if tokens.pair.operate == nil {
                return .problem(
                    .forbidden,
                    "nothing is changed over HTTP: http.token_file names no file with a token")
            }
            if role == .read {
                return .problem(.forbidden, "this token may read, and change nothing")
            }
        }
        var answer = Answer.problem(.unauthorized, "a bearer token is needed")
        answer.headers.append(("WWW-Authenticate", "Bearer"))
        return answer
    }

    private static func otherMethods(_ methods: [Endpoint.Method]) -> Answer {
        let allowed = methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }
        let names = allowed.joined(separator: ", ")
        var answer = Answer.problem(.methodNotAllowed, "this path answers only \(names)")
        answer.headers.append(("Allow", names))
        return answer
    }

    // MARK: What every process answers

    private static func probes(_ source: any ControlSource) -> [Endpoint] {
        [
            Endpoint(.get, "/live", access: .anyone, lane: .atOnce) { _ in verdict(source.live())
            },
            Endpoint(.get, "/ready", access: .anyone, lane: .atOnce) { _ in
                verdict(source.ready())
            },
            Endpoint(.get, "/metrics", access: .read, lane: .figures) { _ in
                let (contentType, text) = source.metrics()
                return Reply(contentType: contentType, body: Data(text.utf8))
            },
            Endpoint(.get, "/v1/status", access: .read, lane: .figures) { _ in
                do { return Reply(body: try source.status()) } catch {
                    return .problem(500, "the status cannot be told")
                }
            },
        ]
    }

    private static func verdict(_ verdict: Verdict) -> Reply {
        Reply(
            status: verdict.isYes ? 200 : 503, contentType: "text/plain; charset=utf-8",
            body: Data((verdict.reason + "\n").utf8))
    }
}
