import Foundation
import Platform
import Synchronization
import Testing

@Suite struct LineConversationTests {
    private func lines(_ pieces: [String]) -> [String] {
        var conversation = LineConversation(nowMs: 0)
        var lines: [String] = []
        for piece in pieces {
            conversation.receive(piece.utf8, nowMs: 0)
            while let line = conversation.nextLine(nowMs: 0) {
                lines.append(line)
                conversation.answer("ok", nowMs: 0)
                conversation.sent(conversation.toSend.count, nowMs: 0)
            }
        }
        return lines
    }

    @Test("lines are the same however their bytes are cut")
    func pieces() {
        let text = "first\n\nthird line\r\n\u{e9}\n"
        let expected = ["first", "", "third line\r", "\u{e9}"]
        #expect(lines([text]) == expected)
        let bytes = Array(text.utf8)
        var conversation = LineConversation(nowMs: 0)
        var single: [String] = []
        for byte in bytes {
            conversation.receive([byte], nowMs: 0)
            while let line = conversation.nextLine(nowMs: 0) { single.append(line) }
        }
        #expect(single == expected)
    }

    @Test("the next line waits until the answer to the one before is taken")
    func order() {
        var conversation = LineConversation(nowMs: 0)
        conversation.receive("a\nb\n".utf8, nowMs: 0)
        #expect(conversation.nextLine(nowMs: 0) == "a")
        conversation.answer("one\nline", nowMs: 0)
        #expect(conversation.nextLine(nowMs: 0) == nil && !conversation.wantsBytes)
        #expect(Array(conversation.toSend) == Array("one line\n".utf8))
        conversation.sent(4, nowMs: 0)
        #expect(Array(conversation.toSend) == Array("line\n".utf8))
        conversation.sent(5, nowMs: 0)
        #expect(conversation.nextLine(nowMs: 0) == "b")
    }

    @Test("a line without end, and an answer that is not taken, have their time")
    func slow() {
        var line = LineConversation(nowMs: 0)
        var letGo = [line.look(nowMs: 1_000_000)]
        line.receive("sta".utf8, nowMs: 1_000_000)
        line.receive("tu".utf8, nowMs: 1_009_000)
        letGo.append(line.look(nowMs: 1_010_000))
        #expect(!line.wantsToSend)
        letGo.append(line.look(nowMs: 1_010_001))
        #expect(letGo == [false, false, false])
        #expect(String(decoding: line.toSend, as: UTF8.self).hasPrefix("error the line"))
        #expect(!line.isOver && line.nextLine(nowMs: 1_010_001) == nil)
        line.sent(line.toSend.count, nowMs: 1_010_001)
        #expect(line.isOver)

        var answer = LineConversation(nowMs: 0)
        answer.answer("ok", nowMs: 0)
        let kept = answer.look(nowMs: 10_000)
        let gone = answer.look(nowMs: 10_001)
        #expect(!kept && gone)
    }

    @Test("a line has its length, counted once")
    func long() {
        var conversation = LineConversation(nowMs: 0)
        for _ in 0..<LineConversation.lineBytesMax {
            #expect(conversation.nextLine(nowMs: 0) == nil && !conversation.wantsToSend)
            conversation.receive([UInt8(ascii: "x")], nowMs: 0)
        }
        #expect(conversation.nextLine(nowMs: 0) == nil)
        #expect(String(decoding: conversation.toSend, as: UTF8.self).hasPrefix("error the line"))
        #expect(!conversation.wantsBytes)

        // Its end makes a line that is too long no shorter.
        for (byteCount, isTaken) in [
            (LineConversation.lineBytesMax - 1, true), (LineConversation.lineBytesMax, false),
        ] {
            var whole = LineConversation(nowMs: 0)
            whole.receive([UInt8](repeating: UInt8(ascii: "x"), count: byteCount) + [10], nowMs: 0)
            let line = whole.nextLine(nowMs: 0)
            #expect(line?.utf8.count == (isTaken ? byteCount : nil))
        }
    }
}

/// Each socket in a process of its own: one of these takes all descriptors, and one that waits for a
/// client would wait for good.
@Suite struct ControlSocketTests {
    private static func socket(answer: String = "done") throws -> (ControlSocket, String) {
        let path = temporaryPath("sock")
        return (try ControlSocket(path: path) { _ in answer }, path)
    }

    @Test("each line is answered with one line, to several clients")
    func lines() async {
        await #expect(processExitsWith: .success) {
            let path = temporaryPath("sock")
            let socket = try ControlSocket(path: path) { line in
                if line == "nonsense" { throw PlatformError("there is no \(line)") }
                return "heard \(line)"
            }
            defer { socket.close() }
            let first = try LineClient(path)
            let second = try LineClient(path)
            #expect(try first.ask("topic t 3") == "ok heard topic t 3")
            #expect(try second.ask("address") == "ok heard address")
            #expect(try first.ask("nonsense") == "error there is no nonsense")
            // Several lines at once are several commands.
            try first.send("a\nb\n")
            #expect(try [first.line(), first.line()] == ["ok heard a", "ok heard b"])
            // A line without end is let go.
            try second.send(String(repeating: "x", count: 64 << 10))
            #expect(try second.line().hasPrefix("error "))
        }
    }

    @Test("a path in use is not taken over, nor one of something else; a socket left behind is")
    func paths() async {
        await #expect(processExitsWith: .success) {
            let (socket, path) = try Self.socket()
            #expect(throws: PlatformError.self) { try ControlSocket(path: path) { _ in "" } }
            socket.close()
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(throws: PlatformError.self) {
                try ControlSocket(path: "/tmp/" + String(repeating: "y", count: 200)) { _ in "" }
            }
            try Data().write(to: URL(fileURLWithPath: path))
            defer { try? FileManager.default.removeItem(atPath: path) }
            #expect(throws: PlatformError.self) { try ControlSocket(path: path) { _ in "" } }
            #expect(FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("a client that never reads its answer holds up neither others nor the end")
    func deaf() async {
        await #expect(processExitsWith: .success) {
            let (socket, path) = try Self.socket(answer: String(repeating: "x", count: 1 << 20))
            let deaf = try LineClient(path)
            try deaf.send("status\nstatus\n")
            let other = try LineClient(path)
            #expect(try other.ask("status").count == (1 << 20) + 3)
            let ended = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                socket.close()
                ended.signal()
            }
            #expect(ended.wait(timeout: .now() + 20) == .success)
            withExtendedLifetime(deaf) {}
        }
    }

    @Test("clients that say nothing, or half of something, keep nobody out")
    func crowded() async {
        await #expect(processExitsWith: .success) {
            let (socket, path) = try Self.socket()
            defer { socket.close() }
            let crowd = try (0..<40).map { number in
                let client = try LineClient(path)
                if number % 2 == 0 { try client.send("stat") }
                return client
            }
            #expect(try LineClient(path).ask("status") == "ok done")
            withExtendedLifetime(crowd) {}
        }
    }

    @Test("a line of many megabytes is refused at its limit")
    func endless() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_IGN)
            let (socket, path) = try Self.socket()
            defer { socket.close() }
            let client = try LineClient(path)
            let piece = String(repeating: "x", count: 1 << 16)
            var sent = 0
            while sent < 512, (try? client.send(piece)) != nil { sent += 1 }
            #expect(sent < 512, "all of it was taken")
            #expect(try client.line().hasPrefix("error the line is longer"))
            #expect(try LineClient(path).ask("status") == "ok done")
        }
    }

    @Test("without descriptors clients wait, that is said, and later they are served")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let notices = Said()
            let path = temporaryPath("sock")
            let control = try ControlSocket(
                path: path, onNotice: { notices.add($0) }, answer: { _ in "done" })
            defer { control.close() }
            let before = openDescriptors()
            #expect(try LineClient(path).ask("status") == "ok done")
            // That client's end is seen before, lest it makes room later.
            while openDescriptors() > before { usleep(5_000) }
            var limit = rlimit(rlim_cur: 128, rlim_max: 128)
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            var taken: [Int32] = []
            while case let descriptor = dup(0), descriptor >= 0 { taken.append(descriptor) }
            close(taken.removeLast())
            // The last one is the client's.
            let client = try LineClient(path)
            let end = ContinuousClock.now + .seconds(30)
            while notices.all.isEmpty, ContinuousClock.now < end { usleep(5_000) }
            #expect(notices.all.count == 1)
            for descriptor in taken { close(descriptor) }
            #expect(try client.ask("status") == "ok done")
        }
    }
}

private func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
}

private func temporaryPath(_ suffix: String) -> String {
    FileManager.default.temporaryDirectory
        .appendingPathComponent("tm-\(UUID().uuidString.prefix(8)).\(suffix)").path
}

/// What a socket said. Thread: any.
private final class Said: Sendable {
    private let texts = Mutex<[String]>([])

    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}
