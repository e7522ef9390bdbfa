import Foundation
import Testing

@Suite(.serialized) struct TopTests {
    @Test("top tells once where there is no terminal, from the socket and over HTTP")
    func once() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(600))
        try daemon.learned(600)
        let remote = try tidemark(["top", "--url", daemon.url])
        #expect(remote.status == 0, "\(remote.errors)")
        #expect(remote.output.contains("ready: 0 records behind"), "\(remote.output)")
        #expect(remote.output.contains(/\nevents +600 +–\n/), "\(remote.output)")
        #expect(remote.output.contains("\(daemon.fixture.events):0"))
        #expect(!remote.output.unicodeScalars.contains("\u{1b}"))
        let local = try tidemark(["top", "--once", "--store", daemon.fixture.store])
        #expect(local.status == 0 && local.output.contains(/\nevents +600[ ]/), "\(local)")
        struct Figures: Decodable {
            let events: Int
            let lag: Int?
        }
        let json = try tidemark(["top", "--json", "--url", daemon.url]).json(Figures.self)
        #expect(json.events == 600 && json.lag == 0)
        #expect(try tidemark(["top", "--once", "--url", "http://127.0.0.1:1"]).status == 69)
    }

    @Test(
        "on a terminal it draws again and again, says when nobody answers, and gives the screen back"
    )
    func terminal() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(100))
        try daemon.learned(100)
        let terminal = try Terminal()
        let process = Process()
        process.executableURL = DaemonProcess.program
        process.arguments = ["top", "--url", daemon.url]
        process.standardOutput = terminal.inner
        process.standardError = terminal.inner
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        let drawn = try terminal.read { $0.components(separatedBy: "\u{1b}[H").count > 3 }
        #expect(drawn.hasPrefix("\u{1b}[?1049h\u{1b}[?25l"))
        #expect(drawn.contains("events") && drawn.contains("A SECOND"))
        daemon.end()
        _ = try terminal.read { $0.contains("no answer: ") }
        process.interrupt()
        let last = try terminal.read { $0.contains("\u{1b}[?1049l") }
        #expect(last.contains("\u{1b}[?25h"))
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }
}

/// A terminal that a program may draw on, and what is seen on it.
private final class Terminal {
    private let outer: Int32
    let inner: FileHandle

    init() throws {
        outer = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
        // Source: ioctl_tty(2), TIOCSPTLCK and TIOCGPTN.
        var (locked, number): (Int32, UInt32) = (0, 0)
        guard outer >= 0, unsafe ioctl(outer, 0x4004_5431, &locked) == 0,
            unsafe ioctl(outer, 0x8004_5430, &number) == 0,
            let inner = FileHandle(forUpdatingAtPath: "/dev/pts/\(number)")
        else { throw DaemonFixture.Missing(what: "a terminal") }
        self.inner = inner
        _ = fcntl(outer, F_SETFL, O_NONBLOCK)
    }

    deinit { close(outer) }

    /// Everything that comes until it holds.
    func read(until holds: (String) -> Bool) throws -> String {
        var seen: [UInt8] = []
        return try eventually("what is drawn") {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe Foundation.read(outer, &buffer, buffer.count)
            if count > 0 { seen += buffer.prefix(count) }
            let text = String(decoding: seen, as: UTF8.self)
            return holds(text) ? text : nil
        }
    }
}
