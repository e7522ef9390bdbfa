import Dispatch
import NIOCore
import NIOPosix

/// The HTTP interface: `GET /live`, `/ready`, `/metrics`, `/v1/status`, and the endpoints of its source.
///
/// One thread serves the connections and answers probes; others make the longer answers, those for each
/// lane their own, so that no probe waits for the store or for the learning thread. Thread: `start` and `stop` block their caller and belong
/// to one thread.
public final class ControlServer {
    /// Where it listens.
    public let place: Place
    private let host: Host
    private let limits: HTTPLimits
    private let router: Router
    private let figures: ControlFigures
    private let onNotice: @Sendable (ControlNotice) -> Void
    private let everySecond: @Sendable () -> Void
    private var running: Running?

    private struct Running {
        let loops: MultiThreadedEventLoopGroup
        let workers: Workers
        let listener: Listener
    }

    /// How long answers that are under way may take at the end, in milliseconds.
    private static let graceMs: Int64 = 500
    /// How long the threads may take to end, in milliseconds; a source that hangs holds nothing up.
    private static let shutdownMs = 1_000

    /// Where it listens, and whether TLS is spoken there.
    public struct Place: Sendable {
        /// `localhost` or an address; anything but a loopback address needs a token.
        public var host: String
        /// 0 takes one that is free.
        public var port: Int
        /// By what it is known under TLS; `nil` speaks HTTP in the clear.
        public var tls: TLSInForce?

        /// Takes everything as it is.
        public init(host: String, port: Int, tls: TLSInForce? = nil) {
            self.host = host
            self.port = port
            self.tls = tls
        }
    }

    /// - Parameters:
    ///   - tokens: those in force when a request comes.
    ///   - onNotice: told what people should hear of; called on the event loop.
    ///   - everySecond: called about once a second, on a thread that may wait for a file.
    /// - Throws: `ControlError.badHost`, `.tokenMissing`.
    public init(
        at place: Place, tokens: AccessTokens, source: any ControlSource,
        limits: HTTPLimits = HTTPLimits(), figures: ControlFigures = ControlFigures(),
        onNotice: @escaping @Sendable (ControlNotice) -> Void = { _ in },
        everySecond: @escaping @Sendable () -> Void = {}
    ) throws(ControlError) {
        guard let parsed = Host(place.host) else { throw .badHost(place.host) }
        guard tokens.pair.operate != nil || parsed.isLoopback else {
            throw .tokenMissing(host: place.host)
        }
        host = parsed
        self.place = place
        self.limits = limits
        self.figures = figures
        self.onNotice = onNotice
        self.everySecond = everySecond
        router = Router(source: source, tokens: tokens, isOpen: parsed.isLoopback)
    }

    /// With a token that is never exchanged.
    public convenience init(
        host: String, port: Int, token: BearerToken?, source: any ControlSource,
        limits: HTTPLimits = HTTPLimits(), figures: ControlFigures = ControlFigures(),
        onNotice: @escaping @Sendable (ControlNotice) -> Void = { _ in }
    ) throws(ControlError) {
        try self.init(
            at: Place(host: host, port: port),
            tokens: AccessTokens(AccessTokens.Pair(operate: token)), source: source,
            limits: limits, figures: figures, onNotice: onNotice)
    }

    /// Returns once requests are answered.
    ///
    /// - Returns: the port.
    /// - Throws: `ControlError.cannotListen`.
    public func start() throws(ControlError) -> Int {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let workers = Workers()
        do {
            let listener = Listener(
                at: Listener.Place(
                    address: try SocketAddress(ipAddress: host.address, port: place.port),
                    tls: place.tls),
                loops: loops,
                answering: Listener.Answering(
                    router: router, workers: workers, limits: limits, figures: figures),
                onNotice: onNotice, everySecond: everySecond)
            let running = Running(loops: loops, workers: workers, listener: listener)
            do {
                let bound = try listener.start().wait()
                self.running = running
                return bound
            } catch {
                Self.end(running)
                throw error
            }
        } catch {
            throw .cannotListen(host: place.host, port: place.port, reason: "\(error)")
        }
    }

    /// Ends the connections and lets the port go, within some two seconds whatever clients do.
    public func stop() {
        guard let running else { return }
        self.running = nil
        try? running.listener.stop().wait()
        let end = NIODeadline.now() + .milliseconds(Self.graceMs)
        while NIODeadline.now() < end, (try? running.listener.isEmpty().wait()) == false {
            usleep(5_000)
        }
        Self.end(running)
    }

    /// Whatever is open by now is closed.
    private static func end(_ running: Running) {
        let ended = DispatchGroup()
        ended.enter()
        let queue = DispatchQueue(label: "control-end")
        running.loops.shutdownGracefully(queue: queue) { _ in ended.leave() }
        running.workers.shutDown(ended, on: queue)
        _ = ended.wait(timeout: .now() + .milliseconds(shutdownMs))
    }
}

/// An address to listen on.
struct Host {
    let address: String
    let isLoopback: Bool

    init?(_ text: String) {
        if text == "localhost" {
            address = "127.0.0.1"
            isLoopback = true
        } else if text.contains(":") {
            guard (try? SocketAddress(ipAddress: text, port: 0)) != nil else { return nil }
            address = text
            isLoopback = text == "::1"
        } else {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else { return nil }
            address = parts.compactMap { UInt8($0) }.map(String.init).joined(separator: ".")
            isLoopback = parts[0] == "127"
        }
    }
}
