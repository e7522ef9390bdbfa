import NIOCore
import NIOPosix

/// Accepts connections, and listens again when the listening ends by itself.
///
/// `@unchecked Sendable`: everything but `init` runs on the event loop.
final class Listener: @unchecked Sendable {
    private let loops: MultiThreadedEventLoopGroup
    private let answering: Answering
    private let everySecond: @Sendable () -> Void
    private let onNotice: @Sendable (ControlNotice) -> Void

    /// The address that is listened on, and whether TLS is spoken there.
    struct Place {
        var address: SocketAddress
        let tls: TLSInForce?
    }

    /// What every connection is answered with.
    struct Answering {
        let router: Router
        let workers: Workers
        let limits: HTTPLimits
        let figures: ControlFigures

        func handler(onProgress: @escaping () -> Void) -> ConnectionHandler {
            ConnectionHandler(
                limits: limits, router: router, figures: figures,
                work: { [workers] lane, loop, work in workers.run(lane, on: loop, work) },
                nowMs: { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) },
                onProgress: onProgress)
        }
    }

    /// The connections that are open, and what looks after each.
    private struct Connections {
        var table: ConnectionTable
        var handlers: [ConnectionTable.Identity: ConnectionHandler] = [:]
    }

    private var place: Place
    private var channel: (any Channel)?
    private var connections: Connections
    private var looking: RepeatedTask?
    private var ticking: RepeatedTask?
    private var isStopping = false
    private var handshakeNotices = NoticePace()
    private var pauseMs = Listener.pauseMs.lowerBound

    /// Between two attempts to listen again, doubled each time.
    private static let pauseMs: ClosedRange<Int64> = 100...5_000
    private static let lookEveryMs: Int64 = 100
    /// Connections that wait to be accepted: for one more than the system holds, a client waits a
    /// second and asks again.
    private static let backlog: Int32 = 4_096

    init(
        at place: Place, loops: MultiThreadedEventLoopGroup, answering: Answering,
        onNotice: @escaping @Sendable (ControlNotice) -> Void,
        everySecond: @escaping @Sendable () -> Void
    ) {
        self.place = place
        self.loops = loops
        self.answering = answering
        self.onNotice = onNotice
        self.everySecond = everySecond
        connections = Connections(
            table: ConnectionTable(countMax: answering.limits.connectionsMax))
    }

    private var loop: any EventLoop { loops.next() }

    /// - Returns: the port that is listened on.
    func start() -> EventLoopFuture<Int> {
        loop.flatSubmit { [self] in
            looking = loop.scheduleRepeatedTask(
                initialDelay: .milliseconds(Self.lookEveryMs),
                delay: .milliseconds(Self.lookEveryMs)
            ) { [self] _ in
                for handler in connections.handlers.values { handler.look() }
            }
            ticking = loop.scheduleRepeatedTask(
                initialDelay: .seconds(1), delay: .seconds(1)
            ) { [workers = answering.workers, everySecond] _ in
                workers.tick(everySecond)
            }
            return listen()
        }
    }

    /// Takes no more connections; what is being answered may end.
    func stop() -> EventLoopFuture<Void> {
        loop.submit { [self] in
            isStopping = true
            channel?.close(promise: nil)
            for handler in connections.handlers.values { handler.stop() }
        }
    }

    /// Whether no connection is open any more.
    func isEmpty() -> EventLoopFuture<Bool> { loop.submit { self.connections.handlers.isEmpty } }

    private func listen() -> EventLoopFuture<Int> {
        let bootstrap = ServerBootstrap(group: loops)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { [onNotice, figures = answering.figures] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        AcceptBackoffHandler { _ in .milliseconds(100) },
                        AcceptErrors(figures: figures, onNotice: onNotice),
                    ])
                }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: HTTPLimits.readBytes)
            )
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try admit(channel) }
            }
        return bootstrap.bind(to: place.address).map { [self] channel in
            self.channel = channel
            if let bound = channel.localAddress { place.address = bound }
            channel.closeFuture.whenComplete { [self] result in ended(result) }
            return place.address.port ?? 0
        }
    }

    private func admit(_ channel: any Channel) throws {
        let (identity, evicted) = connections.table.admit()
        if let evicted { connections.handlers[evicted]?.evict() }
        let handler = answering.handler { [weak self] in
            self?.connections.table.sign(of: identity)
        }
        connections.handlers[identity] = handler
        answering.figures.opened()
        channel.closeFuture.whenComplete { [self] _ in
            connections.handlers[identity] = nil
            connections.table.remove(identity)
            answering.figures.closed()
        }
        let peer = channel.remoteAddress?.ipAddress ?? "unknown"
        try ConnectionHandler.addHandlers(to: channel, handler, tls: place.tls) {
            [weak self] error in self?.handshakeFailed(peer, error)
        }
    }

    private func handshakeFailed(_ peer: String, _ error: any Error) {
        answering.figures.rejected(ControlFigures.handshakeFailed)
        guard handshakeNotices.isDue() else { return }
        onNotice(.handshakeFailed(peer: peer, reason: TLSIdentity.reason(of: error)))
    }

    /// The listening ended, asked for or not.
    private func ended(_ result: Result<Void, any Error>) {
        channel = nil
        guard !isStopping else { return }
        var reason = "its socket was closed"
        if case .failure(let error) = result { reason = "\(error)" }
        onNotice(.ended(reason: reason))
        answering.figures.restarted()
        listenAgain()
    }

    private func listenAgain() {
        loop.scheduleTask(in: .milliseconds(pauseMs)) { [self] in
            guard !isStopping else { return }
            pauseMs = min(2 * pauseMs, Self.pauseMs.upperBound)
            listen().whenComplete { [self] result in
                switch result {
                case .success(let port):
                    pauseMs = Self.pauseMs.lowerBound
                    onNotice(.listensAgain(port: port))
                    // A stop may have come in between.
                    if isStopping { channel?.close(promise: nil) }
                case .failure(let error):
                    onNotice(.cannotListenAgain(reason: "\(error)"))
                    listenAgain()
                }
            }
        }
    }
}

/// Says, now and then, that connections cannot be accepted; NIO tries again.
private final class AcceptErrors: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let figures: ControlFigures
    private let onNotice: @Sendable (ControlNotice) -> Void
    private var pace = NoticePace()

    init(figures: ControlFigures, onNotice: @escaping @Sendable (ControlNotice) -> Void) {
        self.figures = figures
        self.onNotice = onNotice
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        figures.rejected("accept_failed")
        guard pace.isDue() else { return }
        onNotice(.acceptFailed(reason: "\(error)"))
    }
}

/// How often people are told of what a client may bring about as often as it likes.
private struct NoticePace {
    private var saidAt: NIODeadline?

    private static let sayEvery = TimeAmount.seconds(10)

    /// Whether it was not said in the last while; from now on it was.
    mutating func isDue() -> Bool {
        let now = NIODeadline.now()
        guard saidAt.map({ now - $0 >= Self.sayEvery }) ?? true else { return false }
        saidAt = now
        return true
    }
}
