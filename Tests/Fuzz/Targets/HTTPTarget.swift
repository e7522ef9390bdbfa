import ControlPlane
import Foundation
import NIOCore
import NIOEmbedded

/// Any bytes on a connection of the HTTP interface: decoder, limits and router, without a socket.
///
/// The answers must not depend on how the bytes were cut into pieces, and none follows one that
/// says that the connection ends.
enum HTTPTarget: FuzzTarget {
    static let name = "http"

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let input = unsafe Array(bytes)
        let whole = answers(to: input, piece: HTTPLimits.readBytes)
        for piece in [1, 5] {
            let cut = answers(to: input, piece: piece)
            precondition(
                known(cut) == known(whole),
                "in pieces of \(piece): \(cut)\nwhole: \(whole)")
        }
        let parts = whole.split(
            separator: "Connection: close\r\n", omittingEmptySubsequences: false)
        precondition(parts.count <= 2, "answers follow an end: \(whole)")
        precondition(whole.isEmpty || whole.hasPrefix("HTTP/1.1 "), "no answer: \(whole)")
    }

    private static func answers(to input: [UInt8], piece: Int) -> String {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let handler = ConnectionHandler(
            limits: HTTPLimits(),
            router: Router(source: FuzzSource(), token: BearerToken("0123456789abcdef")),
            figures: ControlFigures(), work: { _, loop, work in loop.makeSucceededFuture(work()) },
            nowMs: { 0 }, onProgress: {})
        do {
            try ConnectionHandler.addHandlers(to: channel, handler)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            var rest = input[...]
            while !rest.isEmpty, channel.isActive {
                try channel.writeInbound(ByteBuffer(bytes: rest.prefix(piece)))
                rest = rest.dropFirst(piece)
            }
            var sent: [UInt8] = []
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
                sent += buffer.readableBytesView
            }
            return String(decoding: sent, as: UTF8.self)
        } catch {
            preconditionFailure("an error came out of the connection: \(error)")
        }
    }

    /// Of a request that is refused for two reasons, the cut may decide which is found first.
    private static func known(_ answers: String) -> String {
        guard answers.contains("Connection: close\r\n"),
            let last = answers.ranges(of: "HTTP/1.1 ").last(where: {
                refusals.contains(String(answers[$0.upperBound...].prefix(4)))
            })
        else { return answers }
        return answers[..<last.lowerBound] + "refused"
    }

    private static let refusals: Set = ["400 ", "413 ", "414 ", "417 ", "431 ", "505 "]

    static let seeds: [[UInt8]] = [
        "GET /live HTTP/1.1\r\nHost: s\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n",
        "HEAD /v1/status?a=b HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n",
        "GET /%72eady HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET http://s/live HTTP/1.1\r\nHost: s\r\n\r\n",
        "POST /live HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\n",
        "POST /live HTTP/1.1\r\nHost: s\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: s\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: s\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /live HTTP/1.1\r\nHost: s\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nPRI * HTTP/2.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: s\r\nExpect: 100-continue\r\n\r\n",
        "CONNECT s:1 HTTP/1.1\r\nHost: s\r\n\r\n\u{0}",
        "\r\n\r\nGET / HTTP/1.1\n",
    ].map { Array($0.utf8) }
}

private struct FuzzSource: ControlSource {
    func live() -> Verdict { Verdict(true, "live") }
    func ready() -> Verdict { Verdict(false, "not ready") }
    func metrics() -> (contentType: String, text: String) { ("text/plain", "up 1\n") }
    func status() throws -> Data { Data("{}".utf8) }
}
