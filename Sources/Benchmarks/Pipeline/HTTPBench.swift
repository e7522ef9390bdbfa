import ArgumentParser
import Daemon
import Foundation
import Terminal

/// `tidemark bench http`: the HTTP interface of a learning daemon under attack.
struct HTTPBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http",
        abstract: "Attacks the HTTP interface of a daemon that learns, on this machine.",
        discussion: """
            Starts a development broker and the daemon as processes of their own and learns from a \
            steady stream. Meanwhile so many connections say nothing, on so many a byte of a \
            request comes 20 times a second, and hostile requests are sent one after the other: \
            malformed, too long, without end, smuggled, pipelined and not read, reset. Connections \
            that the daemon ends are made again. /live is asked for on new connections all the \
            time. At the end the daemon is told to stop while all of them are still there. The \
            latencies hold the clients' own share of the processor.
            """)

    @Option(help: "Hostile requests.")
    var requests = 100_000

    @Option(help: "Connections that say nothing.")
    var idle = 2_000

    @Option(help: "Connections on which a request comes slowly.")
    var slow = 64

    @Option(help: "Clients that send hostile requests at the same time.")
    var attackers = 4

    @Option(help: "Events a second that the daemon learns from.")
    var rate = 100

    @Option(help: "Of the hostile requests.")
    var seed: UInt64 = 1

    @OptionGroup var options: DaemonBenchOptions

    func validate() throws {
        guard (1...100_000_000).contains(requests), (0...50_000).contains(idle),
            (0...10_000).contains(slow), (1...64).contains(attackers), (1...10_000).contains(rate)
        else {
            throw ValidationError(
                "--requests is 1 to 100000000, --idle up to 50000, --slow up to 10000, --attackers 1 to 64, --rate 1 to 10000"
            )
        }
    }

    func run() throws {
        try reportingFailures {
            let descriptors = DescriptorLimit.raise()
            guard descriptors > idle + slow + attackers + 64 else {
                throw ExitStatus.unavailable.failure(
                    "this process may open \(descriptors) files and sockets only, see ulimit -n")
            }
            guard let port = LoopbackSocket.freePort() else {
                throw ExitStatus.unavailable.failure("no port is free")
            }
            let pipeline = try PipelineRun(
                brokers: nil, brokerProcess: nil, partitions: 2, items: 200,
                overrides: ["http.enabled=true", "http.port=\(port)"] + options.overrides)
            defer { pipeline.close() }
            _ = try pipeline.drive(rate: rate, forMs: 3_000)
            var rows = calm(port)
            rows.append(memory(pipeline, "memory before"))
            rows += try attack(pipeline, port)
            print(options.json ? try jsonText(rows) : BenchRow.table(rows))
        }
    }

    /// How many answers there are a second on one kept connection.
    private func calm(_ port: Int) -> [BenchRow] {
        ["/live", "/metrics"].map { path in
            let request = Array("GET \(path) HTTP/1.1\r\nHost: shop\r\n\r\n".utf8)
            let start = ContinuousClock.now
            var answers = 0
            while start.duration(to: .now) < .seconds(2) {
                guard let socket = LoopbackSocket(port: port) else { break }
                for _ in 0..<500 {
                    socket.send(request)
                    guard readAnswer(socket) else { break }
                    answers += 1
                }
            }
            return BenchRow(
                name: "\(path), one client",
                value: Double(answers) / start.duration(to: .now).inSeconds, unit: "answers/s")
        }
    }

    /// Reads an answer with its body, whose length its head tells.
    private func readAnswer(_ socket: borrowing LoopbackSocket) -> Bool {
        var text: [UInt8] = []
        while true {
            let piece = socket.receive()
            guard !piece.isEmpty else { return false }
            text += piece
            let head = String(decoding: text.prefix(1_000), as: UTF8.self)
            guard let end = head.range(of: "\r\n\r\n"),
                let field = head.range(of: "Content-Length: "),
                let length = Int(head[field.upperBound...].prefix { $0.isNumber })
            else { continue }
            if text.count >= head[..<end.upperBound].utf8.count + length { return true }
        }
    }

    private func attack(_ pipeline: PipelineRun, _ port: Int) throws -> [BenchRow] {
        let attack = HTTPAttack(port: port)
        let start = ContinuousClock.now
        attack.start(
            idle: idle, slow: slow, attackers: attackers, requests: requests, seed: seed)
        defer { attack.stop() }
        let before = pipeline.processorTimes().daemon
        var events = 0
        while attack.seen.hostile < requests {
            events += try pipeline.drive(rate: rate, forMs: 1_000, waitsForAnswers: false).events
        }
        let seconds = start.duration(to: .now).inSeconds
        let used = pipeline.processorTimes().daemon - before
        attack.stopProbing()
        let seen = attack.seen
        let after = memory(pipeline, "memory after")
        let ended = try pipeline.endDaemon()
        let sorted = seen.liveMs.sorted()
        func quantile(_ share: Double) -> Double {
            sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
        }
        let answers = seen.answers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return [
            BenchRow(
                name: "hostile requests", value: Double(seen.hostile), unit: "",
                note: answers.joined(separator: ", ")),
            BenchRow(
                name: "  a second", value: Double(seen.hostile) / seconds, unit: "",
                note:
                    "beside \(idle) idle connections and \(slow) slow ones, made again \(seen.reconnects) times"
            ),
            BenchRow(
                name: "/live p50", value: quantile(0.5), unit: "ms", note: "\(sorted.count) probes"),
            BenchRow(name: "/live p99", value: quantile(0.99), unit: "ms"),
            BenchRow(name: "/live greatest", value: sorted.last ?? .nan, unit: "ms"),
            BenchRow(name: "/live not answered", value: Double(seen.failures), unit: ""),
            BenchRow(
                name: "events learned meanwhile", value: Double(events) / seconds, unit: "events/s"),
            BenchRow(name: "daemon", value: used / seconds, unit: "cores"),
            after,
            BenchRow(
                name: "SIGTERM to exit", value: ended.seconds, unit: "s",
                note: "under attack; exit code \(ended.status)"),
        ]
    }

    private func memory(_ pipeline: PipelineRun, _ name: String) -> BenchRow {
        BenchRow(name: name, value: pipeline.daemonMegabytes(), unit: "MB", note: "resident")
    }
}
