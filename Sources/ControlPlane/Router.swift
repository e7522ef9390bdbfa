import FlyingFox
import Foundation

/// Which request gets which answer. Pure but for the source it asks.
struct Router: Sendable {
    let source: any ControlSource
    /// Asked for where requests come from elsewhere. Probes go without it: a yes or no is no secret.
    let token: BearerToken?

    private struct Answer {
        let status: HTTPStatusCode
        let contentType: String
        let body: Data
    }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        let answer = route(request)
        var headers: HTTPHeaders = [
            .contentType: answer.contentType,
            HTTPHeader("Cache-Control"): "no-store",
            HTTPHeader("X-Content-Type-Options"): "nosniff",
        ]
        if answer.status == .unauthorized { headers[HTTPHeader("WWW-Authenticate")] = "Bearer" }
        if answer.status == .methodNotAllowed { headers[HTTPHeader("Allow")] = "GET, HEAD" }
        let isHead = request.method == HTTPMethod("HEAD")
        return HTTPResponse(
            statusCode: answer.status, headers: headers, body: isHead ? Data() : answer.body)
    }

    private func route(_ request: HTTPRequest) -> Answer {
        let known = ["/live", "/ready", "/metrics", "/v1/status"]
        guard known.contains(request.path) else {
            return problem(.notFound, "there is nothing at this path")
        }
        guard request.method == .GET || request.method == HTTPMethod("HEAD") else {
            return problem(.methodNotAllowed, "only GET and HEAD are answered here")
        }
        switch request.path {
        case "/live": return verdict(source.live())
        case "/ready": return verdict(source.ready())
        default: break
        }
        if let token, !token.authorizes(request.headers[.authorization]) {
            return problem(.unauthorized, "a bearer token is needed")
        }
        if request.path == "/metrics" {
            let (contentType, text) = source.metrics()
            return Answer(status: .ok, contentType: contentType, body: Data(text.utf8))
        }
        do {
            return Answer(
                status: .ok, contentType: "application/json", body: try source.status())
        } catch {
            return problem(.internalServerError, "the status cannot be told: \(error)")
        }
    }

    private func verdict(_ verdict: Verdict) -> Answer {
        Answer(
            status: verdict.isYes ? .ok : .serviceUnavailable,
            contentType: "text/plain; charset=utf-8", body: Data((verdict.reason + "\n").utf8))
    }

    private func problem(_ status: HTTPStatusCode, _ reason: String) -> Answer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let body = (try? encoder.encode(["error": reason])) ?? Data()
        return Answer(status: status, contentType: "application/json", body: body)
    }
}
