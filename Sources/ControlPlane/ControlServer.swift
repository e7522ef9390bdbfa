import FlyingFox
import FlyingSocks
import Foundation

/// The HTTP interface: `GET /live`, `/ready`, `/metrics`, `/v1/status`.
///
/// It runs on the cooperative thread pool, so that it answers while the learning thread is busy.
/// Thread: `start` and `stop` block their caller and belong to one thread.
public final class ControlServer {
    /// Seconds a request may take, and a connection may stay without one.
    private static let timeout = 15.0

    private let host: String
    private let port: Int
    private let token: BearerToken?
    private let source: any ControlSource
    private var server: HTTPServer?

    /// - Parameters:
    ///   - host: `localhost` or an address; anything but a loopback address needs a token.
    ///   - port: 0 takes one that is free.
    /// - Throws: `ControlError.badHost`, `.tokenMissing`.
    public init(
        host: String, port: Int, token: BearerToken?, source: any ControlSource
    ) throws(ControlError) {
        self.host = host
        self.port = port
        self.token = token
        self.source = source
        guard Host(host) != nil else { throw .badHost(host) }
        guard token != nil || isLoopback else { throw .tokenMissing(host: host) }
    }

    private var isLoopback: Bool { Host(host)?.isLoopback ?? false }

    /// Returns once requests are answered.
    ///
    /// - Returns: the port.
    /// - Throws: `ControlError.cannotListen`.
    public func start() throws(ControlError) -> Int {
        let server = try makeServer()
        let router = Router(source: source, token: isLoopback ? nil : token)
        let outcome = Outcome()
        let port = port
        Task.detached { await serve(server, router, port, outcome) }
        do {
            let listening = try outcome.wait()
            self.server = server
            return listening
        } catch {
            throw .cannotListen(host: host, port: port, reason: "\(error)")
        }
    }

    private func makeServer() throws(ControlError) -> HTTPServer {
        let number = UInt16(clamping: port)
        let address = host == "localhost" ? "127.0.0.1" : host
        do {
            if address.contains(":") {
                return HTTPServer(
                    address: try .inet6(ip6: address, port: number), timeout: Self.timeout,
                    logger: .disabled)
            }
            return HTTPServer(
                address: try .inet(ip4: address, port: number), timeout: Self.timeout,
                logger: .disabled)
        } catch { throw .badHost(host) }
    }

    /// Ends the connections and lets the port go.
    public func stop() {
        guard let server else { return }
        self.server = nil
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            await server.stop(timeout: 1)
            done.signal()
        }
        done.wait()
    }
}

/// Runs until the server is stopped; says first whether it listens.
private func serve(
    _ server: HTTPServer, _ router: Router, _ port: Int, _ outcome: Outcome
) async {
    await server.appendRoute("*") { request in router.answer(request) }
    async let run: Void = listen(server, outcome)
    do {
        try await server.waitUntilListening(timeout: 60)
        outcome.set(.success(await server.listeningAddress?.portNumber ?? port))
    } catch { outcome.set(.failure(error)) }
    await run
}

private func listen(_ server: HTTPServer, _ outcome: Outcome) async {
    do { try await server.run() } catch { outcome.set(.failure(error)) }
}

/// What became of the start: the port, or an error; the first word counts.
///
/// `@unchecked Sendable`: the result is read and written under `condition`.
private final class Outcome: @unchecked Sendable {
    private let condition = NSCondition()
    private var result: Result<Int, any Error>?

    func set(_ outcome: Result<Int, any Error>) {
        condition.withLock {
            if result == nil { result = outcome }
            condition.broadcast()
        }
    }

    func wait() throws -> Int {
        try condition.withLock {
            while true {
                if let result { return try result.get() }
                condition.wait()
            }
        }
    }
}

extension Socket.Address {
    fileprivate var portNumber: Int? {
        switch self {
        case .ip4(_, let port), .ip6(_, let port): Int(port)
        case .unix: nil
        }
    }
}

/// An address to listen on.
struct Host {
    let isLoopback: Bool

    init?(_ text: String) {
        if text == "localhost" {
            isLoopback = true
        } else if text.contains(":") {
            guard (try? Socket.makeAddress6(text)) != nil else { return nil }
            isLoopback = text == "::1"
        } else {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else { return nil }
            isLoopback = parts[0] == "127"
        }
    }
}

extension Socket {
    fileprivate static func makeAddress6(_ text: String) throws -> some SocketAddress {
        try sockaddr_in6.inet6(ip6: text, port: 0)
    }
}
