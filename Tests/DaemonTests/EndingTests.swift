import Daemon
import Foundation
import KafkaStream
import SnapshotStore
import Testing

/// How a daemon ends that is told to, whatever clients and brokers are at.
@Suite(.serialized) struct EndingTests {
    /// Seconds that an end may take here; 30 and more were seen, or no end at all.
    private static let most = 12.0

    private func clicks(_ count: Int) -> [String] {
        let ts = nowMs() - 60_000
        return [
            """
            {"type":"item","event_id":"i","ts":\(ts - 1),"item_id":"kettle","title":"Kettle",\
            "price":20,"cost":5}
            """
        ]
            + (0..<count).map {
                """
                {"type":"click","event_id":"c-\($0)","ts":\(ts + Int64($0)),"user_id":"u\($0)",\
                "item_id":"kettle","price":20}
                """
            }
    }

    private func daemon(_ fixture: DaemonFixture, _ more: [String]) throws -> Process {
        let process = Process()
        process.executableURL = DaemonProcess.program
        process.arguments = ["run"] + (try fixture.overrides(more)).flatMap { ["--set", $0] }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Tells the process to stop.
    ///
    /// - Returns: how many seconds that took.
    private func stop(_ process: Process) throws -> Double {
        let start = ContinuousClock.now
        process.terminate()
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        _ = try eventually("the end of the daemon") { process.isRunning ? nil : () }
        #expect(process.terminationReason == .exit)
        let elapsed = start.duration(to: .now).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }

    private func inOutbox(_ fixture: DaemonFixture) throws -> Int {
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        defer { try? store.close() }
        return Int(try store.outboxCount())
    }

    @Test(
        "with brokers gone or silent the end takes seconds, all is committed, and what was not published waits in the outbox",
        .enabled(if: !DaemonFixture.isReal),
        arguments: ["at_least_once", "exactly_once"],
        [BrokerFault.down(broker: nil), .latency(broker: nil, ms: 600_000)])
    func brokersGone(guarantee: String, fault: BrokerFault) throws {
        let fixture = try DaemonFixture()
        try fixture.send(clicks(60), partition: 0)
        // Slowly enough that much is left to publish.
        let settings = ["publish.guarantee=\(guarantee)"]
        let process = try daemon(fixture, settings + ["publish.rate_max=1"])
        try status(fixture.store, "what was learned") { $0.events == 61 && $0.outbox > 50 }
        _ = try fixture.embedded?.apply(fault)
        let seconds = try stop(process)
        #expect(seconds < Self.most)
        let left = try inOutbox(fixture)
        #expect(left > 50)
        _ = try fixture.embedded?.apply(.up(broker: nil))
        _ = try fixture.embedded?.apply(.latency(broker: nil, ms: 0))
        let report = try fixture.run(try fixture.configuration(settings))
        #expect(report.events.read == 61)
        let users = Set(
            try fixture.read(fixture.recommendations).map {
                String(decoding: $0.key ?? [], as: UTF8.self)
            })
        #expect(users.count == 60)
        #expect(try inOutbox(fixture) == 0)
    }

    @Test(
        "a start that waits for brokers ends when it is told to",
        .enabled(if: !DaemonFixture.isReal), arguments: ["at_least_once", "exactly_once"])
    func starting(guarantee: String) throws {
        let fixture = try DaemonFixture()
        let port = try Wires.freePort()
        _ = try fixture.embedded?.apply(.latency(broker: nil, ms: 600_000))
        let process = try daemon(
            fixture,
            ["publish.guarantee=\(guarantee)", "http.enabled=true", "http.port=\(port)"])
        _ = try eventually("a daemon that starts") {
            Wires.ask(port: port, "/live").map { _ in }
        }
        #expect(try stop(process) < Self.most)
    }

    @Test("no client holds the end up: not one that says half a thing, nor one that never listens")
    func clientsThatHold() throws {
        let fixture = try DaemonFixture()
        try fixture.send(clicks(5), partition: 0)
        let port = try Wires.freePort()
        let process = try daemon(fixture, ["http.enabled=true", "http.port=\(port)"])
        try status(fixture.store, "what was learned") { $0.events == 6 }
        let socket = ControlPlace.path(fixture.store)
        let silent = try LineClient(socket)
        let half = try LineClient(socket)
        try half.send("{\"status\"")
        let deaf = try LineClient(socket)
        // Many more answers than the socket holds.
        for _ in 0..<2_000 where (try? deaf.send("{\"status\":{}}\n")) == nil { break }
        let http = try (0..<4).map { number in
            let client = try StreamClient(port: port)
            client.send(["", "GET /live HTTP/1.1\r\nHost: shop", "POST", "GET /metrics"][number])
            return client
        }
        #expect(Wires.ask(port: port, "/live")?.status == 200)
        #expect(try stop(process) < Self.most)
        withExtendedLifetime((silent, half, deaf, http)) {}
    }
}

/// Where the daemon of a store listens for commands.
enum ControlPlace {
    static func path(_ store: String) -> String { store + "/" + SnapshotStore.controlSocketName }
}

/// A TCP client that sends what it is told, and never reads.
final class StreamClient {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw DaemonFixture.Missing(what: "a connection to \(port)") }
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
