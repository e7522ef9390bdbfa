import ControlPlane
import NIOCore
import NIOEmbedded
import Synchronization

/// A connection of the HTTP interface without a socket, and with a clock that tests move.
///
/// Thread: one.
final class EmbeddedConnection {
    let channel = EmbeddedChannel()
    let figures = ControlFigures()
    let handler: ConnectionHandler
    private let clock = Clock()

    private final class Clock {
        var nowMs: Int64 = 0
    }

    convenience init(
        source: some ControlSource, token: BearerToken? = nil, limits: HTTPLimits = HTTPLimits()
    ) throws {
        try self.init(
            source: source, tokens: AccessTokens(AccessTokens.Pair(operate: token)),
            isOpen: token == nil, limits: limits)
    }

    init(
        source: some ControlSource, tokens: AccessTokens, isOpen: Bool,
        limits: HTTPLimits = HTTPLimits(),
        work: @escaping ConnectionHandler.Work = { _, loop, work in
            loop.makeSucceededFuture(work())
        }
    ) throws {
        handler = ConnectionHandler(
            limits: limits, router: Router(source: source, tokens: tokens, isOpen: isOpen),
            figures: figures, work: work, nowMs: { [clock] in clock.nowMs }, onProgress: {})
        try ConnectionHandler.addHandlers(to: channel, handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    deinit {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    /// Bytes as they come off a socket: 4 KiB at most at one go.
    func send(_ text: String, piece: Int = 4096) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty, channel.isActive {
            try channel.writeInbound(ByteBuffer(bytes: rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
    }

    func wait(ms: Int64) {
        clock.nowMs += ms
        handler.look()
    }

    /// What was sent since it was last asked for.
    func sent() throws -> String {
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            bytes += buffer.readableBytesView
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The status of each answer that was sent since it was last asked for.
    func statuses() throws -> [Int] { Self.statuses(in: try sent()) }

    static func statuses(in text: String) -> [Int] {
        text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("HTTP/1.1 ") }
            .compactMap { Int($0.split(separator: " ")[1]) }
    }
}

/// Makes no answer before it is told to.
final class HeldWork: Sendable {
    private let held = Mutex<(@Sendable () -> Void)?>(nil)

    func take(
        _ lane: Endpoint.Lane, _ loop: any EventLoop, _ work: @escaping @Sendable () -> Answer
    ) -> EventLoopFuture<Answer> {
        let promise = loop.makePromise(of: Answer.self)
        held.withLock { $0 = { promise.succeed(work()) } }
        return promise.futureResult
    }

    func finish() { held.withLock { $0 }?() }
}
