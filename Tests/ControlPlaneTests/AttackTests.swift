import ControlPlane
import Foundation
import Synchronization
import Testing

/// Each server in a process of its own: some of these take all descriptors there are.
@Suite struct AttackTests {
    private static func server(
        _ limits: HTTPLimits = HTTPLimits(), _ figures: ControlFigures = ControlFigures(),
        source: some ControlSource = FixedSource(), notices: Notices = Notices()
    ) throws -> (ControlServer, Int) {
        let server = try ControlServer(
            host: "localhost", port: 0, token: nil, source: source, limits: limits,
            figures: figures, onNotice: { notices.add("\($0)") })
        return (server, try server.start())
    }

    private static func within(_ seconds: Double, _ holds: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if holds() { return true }
            usleep(5_000)
        }
        return holds()
    }

    @Test("with every connection taken by others, a probe is answered and the first of them goes")
    func crowded() async {
        await #expect(processExitsWith: .success) {
            var limits = HTTPLimits()
            limits.connectionsMax = 16
            let figures = ControlFigures()
            let (server, port) = try Self.server(limits, figures)
            defer { server.stop() }
            let crowd = try (0..<200).map { number in
                let client = try RawClient(port: port)
                client.send(number % 2 == 0 ? "" : "GET /live HT")
                return client
            }
            #expect(RawClient.probe(port) == "HTTP/1.1 200 OK")
            #expect(figures.counts.connections <= 16)
            #expect(figures.counts.rejected["no_room"].map { $0 >= 184 } == true)
            #expect(crowd[0].rest().isEmpty)
            #expect(RawClient.probe(port) == "HTTP/1.1 200 OK")
        }
    }

    @Test("a header without end is refused at its limit, not read on and on")
    func endless() async {
        await #expect(processExitsWith: .success) {
            let (server, port) = try Self.server()
            defer { server.stop() }
            let client = try RawClient(port: port)
            client.send(
                "GET /live HTTP/1.1\r\nHost: localhost\r\nX: "
                    + String(repeating: "a", count: 1 << 17))
            #expect(client.rest().hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test("unfinished requests, connections without one, and an answer nobody reads are given up")
    func slow() async {
        await #expect(processExitsWith: .success) {
            var limits = HTTPLimits()
            limits.requestMs = 300
            limits.idleMs = 600
            let figures = ControlFigures()
            let (server, port) = try Self.server(limits, figures, source: LongSource())
            defer { server.stop() }
            let unfinished = try RawClient(port: port)
            unfinished.send("GET /live HTTP/1.1\r\n")
            let silent = try RawClient(port: port)
            let kept = try RawClient(port: port)
            kept.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let deaf = try RawClient(port: port)
            deaf.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(unfinished.rest().hasPrefix("HTTP/1.1 408 "))
            #expect(silent.rest().isEmpty)
            #expect(kept.rest().hasPrefix("HTTP/1.1 200 "))
            #expect(Self.within(30) { figures.counts.rejected["answer_not_taken"] == 1 })
            #expect(Self.within(30) { figures.counts.connections == 0 })
            withExtendedLifetime(deaf) {}
        }
    }

    @Test("a stop waits for no client: not for unfinished requests, nor for answers nobody reads")
    func stop() async {
        await #expect(processExitsWith: .success) {
            let (server, port) = try Self.server(source: LongSource())
            var clients: [RawClient] = []
            for text in ["", "GET", "GET /live HTTP/1.1\r\n", "GET /metrics HTTP/1.0\r\n\r\n"] {
                let client = try RawClient(port: port)
                client.send(text)
                clients.append(client)
            }
            #expect(RawClient.probe(port) == "HTTP/1.1 200 OK")
            let start = ContinuousClock.now
            server.stop()
            #expect(ContinuousClock.now - start < .seconds(4))
            #expect(RawClient.probe(port) == nil)
            withExtendedLifetime(clients) {}
        }
    }

    @Test("a source that hangs holds up neither probes nor the stop")
    func hanging() async {
        await #expect(processExitsWith: .success) {
            let source = HangingSource()
            let (server, port) = try Self.server(source: source)
            let client = try RawClient(port: port)
            client.send("GET /metrics HTTP/1.0\r\n\r\n")
            #expect(Self.within(30) { source.isAsked })
            #expect(RawClient.probe(port) == "HTTP/1.1 200 OK")
            let start = ContinuousClock.now
            server.stop()
            #expect(ContinuousClock.now - start < .seconds(4))
        }
    }

    @Test("without descriptors connections wait, that is said, and later they are served")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let notices = Notices()
            let figures = ControlFigures()
            let (server, port) = try Self.server(HTTPLimits(), figures, notices: notices)
            defer { server.stop() }
            #expect(RawClient.probe(port) == "HTTP/1.1 200 OK")
            // That probe's end is seen before, lest it makes room later.
            #expect(Self.within(30) { figures.counts.connections == 0 })
            let waiting = try RawClient(port: port)
            var taken: [Int32] = []
            var limit = rlimit(rlim_cur: 256, rlim_max: 256)
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            let late = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            while case let descriptor = dup(late), descriptor >= 0 { taken.append(descriptor) }
            #expect(errno == EMFILE)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let connected = unsafe withUnsafePointer(to: address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(late, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(connected == 0)
            #expect(Self.within(30) { notices.all.contains { $0.contains("accepted") } })
            for descriptor in taken { close(descriptor) }
            #expect(RawClient.probe(port) == "HTTP/1.1 200 OK")
            #expect(notices.all.filter { $0.contains("accepted") }.count == 1)
            close(late)
            withExtendedLifetime(waiting) {}
        }
    }

    @Test("a server whose listening ends by itself says so and listens again on its port")
    func restart() async {
        await #expect(processExitsWith: .success) {
            let notices = Notices()
            let figures = ControlFigures()
            let (server, port) = try Self.server(HTTPLimits(), figures, notices: notices)
            defer { server.stop() }
            #expect(RawClient.probe(port) == "HTTP/1.1 200 OK")
            // As from outside: the socket that listens is shut.
            for descriptor in Int32(3)..<256 {
                var listens: Int32 = 0
                var length = socklen_t(MemoryLayout<Int32>.size)
                let known = unsafe getsockopt(
                    descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length)
                if known == 0, listens != 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
            }
            #expect(Self.within(30) { notices.all.contains { $0.contains("ended by itself") } })
            #expect(Self.within(30) { RawClient.probe(port) == "HTTP/1.1 200 OK" })
            #expect(figures.counts.restarts >= 1)
        }
    }
}

/// What the server said. Thread: any.
final class Notices: Sendable {
    private let texts = Mutex<[String]>([])

    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}

/// Has more to tell than a socket holds.
struct LongSource: ControlSource {
    func live() -> Verdict { Verdict(true, "live") }
    func ready() -> Verdict { Verdict(true, "ready") }
    func metrics() -> (contentType: String, text: String) {
        ("text/plain", String(repeating: "tidemark_up 1\n", count: 2_000_000))
    }
    func status() throws -> Data { Data() }
}

/// Never tells its figures.
private final class HangingSource: ControlSource {
    private let asked = Mutex(false)

    var isAsked: Bool { asked.withLock { $0 } }
    func live() -> Verdict { Verdict(true, "live") }
    func ready() -> Verdict { Verdict(true, "ready") }
    func metrics() -> (contentType: String, text: String) {
        asked.withLock { $0 = true }
        sleep(600)
        return ("text/plain", "")
    }
    func status() throws -> Data { Data() }
}
