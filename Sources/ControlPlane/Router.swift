import Foundation
import NIOHTTP1

/// Which request gets which answer. Pure but for the source it asks.
package struct Router: Sendable {
    let source: any ControlSource
    /// Asked for where requests come from elsewhere. Probes go without it: a yes or no is no secret.
    let token: BearerToken?

    /// - Parameter token: `nil` where every request is allowed to ask.
    package init(source: any ControlSource, token: BearerToken?) {
        self.source = source
        self.token = token
    }

    /// An answer, or what takes time to make one.
    enum Outcome: Sendable {
        case answer(Answer)
        /// To be run on another thread than the one that serves the connections.
        case work(@Sendable () -> Answer)
    }

    func answer(_ request: Request) -> Outcome {
        let probe: (() -> Verdict)?
        switch request.path {
        case ["live"]: probe = source.live
        case ["ready"]: probe = source.ready
        case ["metrics"], ["v1", "status"]: probe = nil
        default: return .answer(.problem(.notFound, "there is nothing at this path"))
        }
        guard request.method == .GET || request.isHead else {
            var answer = Answer.problem(.methodNotAllowed, "only GET and HEAD are answered here")
            answer.headers.append(("Allow", "GET, HEAD"))
            return .answer(answer)
        }
        if let probe { return .answer(Self.verdict(probe())) }
        if let token, !token.authorizes(request.authorization) {
            var answer = Answer.problem(.unauthorized, "a bearer token is needed")
            answer.headers.append(("WWW-Authenticate", "Bearer"))
            return .answer(answer)
        }
        return .work(request.path == ["metrics"] ? metrics : status)
    }

    private func metrics() -> Answer {
        let (contentType, text) = source.metrics()
        return Answer(.ok, contentType: contentType, body: Data(text.utf8))
    }

    private func status() -> Answer {
        do {
            return Answer(.ok, contentType: "application/json", body: try source.status())
        } catch {
            return .problem(.internalServerError, "the status cannot be told")
        }
    }

    private static func verdict(_ verdict: Verdict) -> Answer {
        Answer(
            verdict.isYes ? .ok : .serviceUnavailable,
            contentType: "text/plain; charset=utf-8", body: Data((verdict.reason + "\n").utf8))
    }
}
