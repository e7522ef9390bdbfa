import NIOHTTP1

/// Why a request is not looked at any further. Its connection ends behind the answer.
enum Refusal: Error, Equatable {
    case malformed(String)
    case version
    case lineTooLong
    case headTooLong
    case bodyTooLong
    case expectation
    case tooSlow
    case noRoom
    case noTLS

    static let allCases: [Refusal] = [
        .malformed(""), .version, .lineTooLong, .headTooLong, .bodyTooLong, .expectation, .tooSlow,
        .noRoom, .noTLS,
    ]

    var status: HTTPResponseStatus {
        switch self {
        case .malformed, .noTLS: .badRequest
        case .version: .httpVersionNotSupported
        case .lineTooLong: .uriTooLong
        case .headTooLong: .requestHeaderFieldsTooLarge
        case .bodyTooLong: .payloadTooLarge
        case .expectation: .expectationFailed
        case .tooSlow: .requestTimeout
        case .noRoom: .serviceUnavailable
        }
    }

    /// One sentence for the client, without a byte of its own.
    var sentence: String {
        switch self {
        case .malformed(let reason): reason
        case .version: "only HTTP/1.0 and HTTP/1.1 are spoken here"
        case .lineTooLong: "the request line is longer than \(HTTPLimits.fieldBytesMax) bytes"
        case .headTooLong:
            "the headers have more than \(HTTPLimits.headBytesMax) bytes, one of them more than \(HTTPLimits.fieldBytesMax), or they are more than \(HTTPLimits.headerCountMax)"
        case .bodyTooLong: "the body has more than \(HTTPLimits.bodyBytesMax) bytes"
        case .expectation: "no expectation can be met here: send the request without Expect"
        case .tooSlow: "the request did not come whole within http.request_timeout"
        case .noTLS: "TLS is spoken on this port: ask with https://"
        case .noRoom: "others wait: http.connections_max is reached, and this request is unfinished"
        }
    }

    /// The name under which it is counted.
    var label: String {
        switch self {
        case .malformed: "malformed"
        case .version: "version"
        case .lineTooLong: "line_too_long"
        case .headTooLong: "head_too_long"
        case .bodyTooLong: "body_too_long"
        case .expectation: "expectation"
        case .tooSlow: "too_slow"
        case .noRoom: "no_room"
        case .noTLS: "no_tls"
        }
    }

    /// - Parameter isLineTooLong: whether it is the request line where there are too many bytes.
    init(_ error: any Error, isLineTooLong: Bool) {
        self =
            switch error as? HTTPParserError {
            case .headerOverflow: isLineTooLong ? .lineTooLong : .headTooLong
            case .invalidVersion: .version
            case .invalidMethod: .malformed("the method is none of HTTP's")
            case .invalidURL, .invalidHost, .invalidPort, .invalidPath, .invalidQueryString,
                .invalidFragment:
                .malformed("the request's target is malformed")
            case .invalidHeaderToken, .lfExpected: .malformed("a header is malformed")
            case .invalidContentLength, .unexpectedContentLength, .invalidChunkSize:
                .malformed("where the body ends is not clear")
            default: .malformed("this is no HTTP request")
            }
    }
}
