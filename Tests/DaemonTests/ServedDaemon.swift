import Foundation
import Testing

/// A daemon of its own that is asked over HTTP.
final class ServedDaemon {
    static let token = "0123456789abcdef-operate"
    static let reader = "0123456789abcdef-read"

    let fixture: DaemonFixture
    let port: Int
    private let process: Process
    let tokenFile: String

    /// - Parameters:
    ///   - events: what is in the topic when it starts.
    ///   - settings: beside its own, and after them.
    ///   - answers: whether the daemon at a port is there; `nil` asks it in the clear.
    init(
        _ fixture: DaemonFixture, events: [String] = [], settings: [String] = [],
        answers: ((_ port: Int) -> Bool)? = nil
    ) throws {
        self.fixture = fixture
        port = try Wires.freePort()
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        tokenFile = fixture.folder + "/token"
        for (path, text) in [(tokenFile, Self.token), (fixture.folder + "/reader", Self.reader)] {
            _ = FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        }
        if !events.isEmpty { try fixture.send(events, partition: 0) }
        process = Process()
        process.executableURL = DaemonProcess.program
        process.arguments =
            ["run"]
            + (try fixture.overrides(
                [
                    "http.enabled=true", "http.port=\(port)", "http.token_file=\(tokenFile)",
                    "http.read_token_file=\(fixture.folder)/reader",
                    "model.base=\(ShopStream.base)",
                    "store.snapshot_events=500", "store.commit_interval=50ms", "store.sync=false",
                    "lora.refresh_texts=0",
                    "pricing.budgets=[{name: all, spend: 1000000, uses: 90000, period: month}]",
                ] + settings)).flatMap { ["--set", $0] }
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        _ = try eventually("a daemon that answers") {
            if let answers { return answers(port) ? () : nil }
            return ask("GET /v1/status").flatMap { $0.body.contains("\"examples\"") ? () : nil }
        }
    }

    deinit { end() }

    func end(_ signal: Int32 = SIGTERM) {
        guard process.isRunning else { return }
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
    }

    /// - Parameter key: by which it is to be done once, as the header has it.
    func ask(
        _ request: String, _ body: String? = nil, token: String? = nil, key: String? = nil
    ) -> HTTPAnswer? {
        Wires.ask(port: port, request, body: body, token: token, key: key)
    }

    func operate(_ request: String, _ body: String, key: String? = nil) throws -> HTTPAnswer {
        try #require(ask(request, body, token: Self.token, key: key))
    }

    var url: String { "http://127.0.0.1:\(port)" }

    func learned(_ count: Int) throws {
        _ = try eventually("\(count) events read") {
            ask("GET /v1/status")
                .flatMap {
                    $0.body.contains("\"read\" : \(count)\n")
                        || $0.body.contains("\"read\" : \(count),") ? () : nil
                }
        }
    }

    /// A small shop's events up to now, so that what they ask for has not expired.
    static func stream(_ count: Int) -> [String] {
        var stream = ShopStream(seed: 7)
        let begin = nowMs() - Int64(count) * 2_000
        return stream.next(count).enumerated().map { number, line in
            let ms = Int64(number) * 2_000
            return line.replacing("\"ts\":\(ShopStream.startMs + ms)", with: "\"ts\":\(begin + ms)")
        }
    }
}
