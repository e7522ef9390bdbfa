import Foundation
import NIOHTTP1

/// What a request is answered with.
package struct Answer: Sendable {
    private(set) var status: HTTPResponseStatus
    let contentType: String
    let body: Data
    var headers: [(name: String, value: String)] = []

    init(_ status: HTTPResponseStatus, contentType: String, body: Data) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// An error, as `{"error": "…"}`.
    static func problem(_ status: HTTPResponseStatus, _ sentence: String) -> Answer {
        var answer = Answer(Reply.problem(Int(status.code), sentence))
        answer.status = status
        return answer
    }

    init(_ refusal: Refusal) {
        self = .problem(refusal.status, refusal.sentence)
    }

    init(_ reply: Reply) {
        self.init(
            HTTPResponseStatus(statusCode: reply.status), contentType: reply.contentType,
            body: reply.body)
        headers = reply.headers
    }

    /// - Parameter closes: whether the connection ends behind it.
    func head(closes: Bool) -> HTTPResponseHead {
        var fields = HTTPHeaders([
            ("Content-Type", contentType), ("Content-Length", "\(body.count)"),
            ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
            ("Connection", closes ? "close" : "keep-alive"),
        ])
        for (name, value) in headers { fields.add(name: name, value: value) }
        return HTTPResponseHead(version: .http1_1, status: status, headers: fields)
    }
}
