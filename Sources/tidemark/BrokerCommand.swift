import ArgumentParser
import Daemon
import Foundation
import KafkaStream
import Platform
import Terminal

/// `tidemark broker`: the development broker in the foreground.
struct BrokerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Run a development broker that speaks the Kafka protocol.",
        discussion: """
            Any Kafka client can connect to the printed address. It is librdkafka's mock cluster, \
            made for trying things out, not for keeping them:
              - nothing is kept across a restart; port and cluster id are new each time
              - of each partition it keeps 5 MiB of batches, or 100,000 batches: compress
              - a record of several megabytes makes its partition unreadable
              - a waiting fetch is not woken by a new record (fetch.wait.max.ms=10 for low latency)
              - a topic that is asked for and does not exist is made, with four partitions
              - no topic administration, no lookup by time, no compaction; the records of an \
            aborted transaction stay visible
            It ends on SIGINT (exit 130) or SIGTERM (exit 0).

            --control takes commands from clients of a Unix socket, one a line, and answers each \
            with one line, "ok ..." or "error ...":
              \(BrokerFault.usage.joined(separator: "\n  "))
            """)

    /// A topic and its number of partitions, as `clicks:4`.
    struct Topic: ExpressibleByArgument {
        let name: String
        let partitions: Int

        init?(argument: String) {
            let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2, let name = parts.first, !name.isEmpty else { return nil }
            self.name = String(name)
            if parts.count == 1 {
                partitions = 1
            } else if let count = Int(parts[1]), (1...10_000).contains(count) {
                partitions = count
            } else {
                return nil
            }
        }
    }

    @Option(
        name: .customLong("topic"),
        help: ArgumentHelp(
            "Create a topic (repeatable); one partition unless said.",
            valueName: "name:partitions"))
    var topics: [Topic] = []

    @Option(help: "How many brokers the cluster has.")
    var brokers = 1

    @Option(help: ArgumentHelp("Write the address to this file.", valueName: "path"))
    var addressFile: String?

    @Option(help: ArgumentHelp("Take fault commands on this Unix socket.", valueName: "path"))
    var control: String?

    @OptionGroup var input: InputWatch

    func validate() throws {
        guard (1...100).contains(brokers) else {
            throw ValidationError("--brokers must be from 1 to 100")
        }
    }

    func run() throws {
        // Before any thread exists, so that all of them leave these signals to `sigwait`.
        let signals = SignalSet([SIGINT, SIGTERM, SIGHUP])
        signals.block()
        input.start()
        do {
            try OutputFile.require(addressFile)
            let broker = try start()
            let socket = try control.map { path in
                try ControlSocket(path: path) { line in
                    try broker.apply(BrokerFault(line: line))
                }
            }
            defer { socket?.close() }
            // Not `print`, which keeps a pipe waiting for more.
            FileHandle.standardOutput.write(Data("\(broker.address)\n".utf8))
            if let addressFile { try writeAddress(broker.address, to: addressFile) }
            defer { if let addressFile { removeAddress(broker.address, from: addressFile) } }
            if signals.wait() == SIGINT { throw ExitCode(ExitStatus.interrupted.rawValue) }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw ExitStatus.failure(error)
        }
    }

    private func start() throws -> DevelopmentBroker {
        let broker = try DevelopmentBroker(brokers: brokers) { notice in
            if notice.level != .info { standardError.write("broker: \(notice.text)\n") }
        }
        for topic in topics { try broker.createTopic(topic.name, partitions: topic.partitions) }
        return broker
    }

    /// A reader sees the whole address or no file.
    private func writeAddress(_ address: String, to path: String) throws {
        try OutputFile.write(address, to: path)
    }

    /// Another broker may have put its own address there meanwhile.
    private func removeAddress(_ address: String, from path: String) {
        let written = try? String(contentsOfFile: path, encoding: .utf8)
        guard written == "\(address)\n" else { return }
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// Signals that a command waits for instead of being ended by them.
private struct SignalSet {
    private var set = sigset_t()

    init(_ signals: [Int32]) {
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
    }

    func block() {
        var copy = set
        unsafe pthread_sigmask(SIG_BLOCK, &copy, nil)
    }

    func wait() -> Int32 {
        var copy = set
        var received: Int32 = 0
        unsafe sigwait(&copy, &received)
        return received
    }
}
