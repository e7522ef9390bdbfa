import Foundation
import KafkaStream
import Platform
import Records
import Testing

@Suite("Development broker")
struct BrokerTests {
    @Test("commands are read, wrong ones are refused with the reason")
    func commands() throws {
        let transport = try #require(BrokerErrorCode(name: "_transport"))
        let good: [(String, BrokerFault)] = [
            ("down all", .down(broker: nil)), ("  up   2 ", .up(broker: 2)),
            ("latency 1 250", .latency(broker: 1, ms: 250)),
            (
                "errors Produce _TRANSPORT",
                .requestErrors(api: .produce, error: transport, count: 1)
            ),
            (
                "errors fetch _TRANSPORT 7",
                .requestErrors(api: .fetch, error: transport, count: 7)
            ),
            ("clear-errors end-txn", .clearRequestErrors(api: .endTransaction)),
            ("delay 1 metadata 9", .requestDelay(broker: 1, api: .metadata, ms: 9)),
            ("leader t 3 none", .leader(topic: "t", partition: 3, broker: nil)),
            ("topic-error t _TRANSPORT", .topicError(topic: "t", error: transport)),
            ("coordinator group g 2", .coordinator(transaction: false, key: "g", broker: 2)),
            ("topic t 4", .createTopic("t", partitions: 4)), ("address", .address), ("help", .help),
        ]
        for (line, fault) in good { #expect(try BrokerFault(line: line) == fault) }
        for line in [
            "", "fall", "down", "down 0", "down 1 2", "latency all -1", "latency all soon",
            "errors produce", "errors produce NO_SUCH", "errors bake _TRANSPORT",
            "errors fetch _TRANSPORT 0", "leader t x none", "coordinator herd g 1", "topic t 0",
            "topic t 99999999999999999999",
        ] {
            #expect(throws: KafkaError.self, "\(line)") { try BrokerFault(line: line) }
        }
    }

    @Test("every command works on a running broker, and one for a broker that is not there fails")
    func apply() throws {
        let broker = try DevelopmentBroker(brokers: 2)
        for line in [
            "topic t 2", "down 2", "up 2", "latency all 1", "latency all 0", "leader t 1 2",
            "errors metadata LEADER_NOT_AVAILABLE", "clear-errors metadata", "delay 1 fetch 5",
            "coordinator transaction x 2", "topic-error t LEADER_NOT_AVAILABLE",
            "topic-error t NO_ERROR",
        ] {
            #expect(try !broker.apply(BrokerFault(line: line)).isEmpty, "\(line)")
        }
        #expect(try broker.apply(.address) == broker.address)
        #expect(try broker.apply(.help).contains("coordinator"))
        #expect(throws: KafkaError.self) { try broker.apply(.down(broker: 3)) }
        #expect(throws: KafkaError.self) { try broker.apply(.createTopic("t", partitions: 1)) }
        #expect(throws: KafkaError.self) { try broker.apply(.createTopic("a b", partitions: 1)) }
    }

    @Test("a broker takes its commands through a control socket, from several clients")
    func control() throws {
        let path = temporaryPath("sock")
        let broker = try DevelopmentBroker()
        let socket = try ControlSocket(path: path) { line in
            try broker.apply(BrokerFault(line: line))
        }
        defer { socket.close() }
        let first = try #require(try ControlClient(path: path))
        let second = try #require(try ControlClient(path: path))
        #expect(try first.ask("topic t 3") == "topic t has 3 partitions")
        #expect(try second.ask("address") == broker.address)
        #expect(throws: PlatformError.self) { try first.ask("nonsense") }
        #expect(try first.ask("down all") == "done")
        #expect(try first.ask("up all") == "done")
    }

    @Test("missing topics are made and existing ones left alone")
    func ensureTopics() throws {
        let cluster = try TestCluster()
        let there = try cluster.topic("there", partitions: 3)
        let missing = "tidemark-test-made-\(UUID().uuidString)"
        let topics = [
            TopicSpecification(name: there, partitions: 9),
            TopicSpecification(name: missing, partitions: 2, replication: 1),
        ]
        let outcome = try TopicAdministration.ensureTopics(
            topics, configuration: cluster.configuration([there]))
        #expect(outcome[there] == .existed(partitions: 3))
        // The embedded broker has no topic administration and makes topics of four partitions.
        #expect(
            outcome[missing]
                == (TestCluster.isReal
                    ? .created(partitions: 2) : .madeByBroker(partitions: 4)))
        #expect(
            try ClusterDescription.describe(cluster.configuration([there, missing])).missingTopics
                .isEmpty)
        #expect(throws: KafkaError.self) {
            try TopicAdministration.ensureTopics(
                [TopicSpecification(name: "a/b")], configuration: cluster.configuration([there]))
        }
    }

    @Test(
        "kcat, a client nobody here wrote, reads what is produced and produces what is read",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/kcat")))
    func kcat() throws {
        let cluster = try TestCluster()
        let topic = try cluster.topic("kcat")
        try run(
            ["-P", "-b", cluster.brokers, "-t", topic, "-K", "\t", "-H", "from=kcat", "-Z"],
            input: "u1\tfirst\nu2\t\n")
        let records = try cluster.consumer([topic]).records(2)
        #expect(records.map(\.key) == [Array("u1".utf8), Array("u2".utf8)])
        #expect(records[0].text == "first" && records[1].value == nil)
        #expect(records[0].headers.map(\.name) == ["from"])
        let producer = try cluster.producer()
        try producer.send(
            KafkaMessage(
                topic: topic, key: Array("u3".utf8), value: Array("third".utf8),
                headers: [("to", Array("kcat".utf8))]), token: 1)
        #expect(producer.flush(timeoutMs: 20_000))
        let read = try run(
            [
                "-C", "-b", cluster.brokers, "-t", topic, "-o", "2", "-c", "1", "-q", "-f",
                "%k %s %h %p %o\n",
            ], input: "")
        #expect(read == "u3 third to=kcat 0 2\n")
    }

    @discardableResult
    private func run(_ arguments: [String], input: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/kcat")
        process.arguments = arguments
        let (standardInput, output) = (Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = output
        try process.run()
        standardInput.fileHandleForWriting.write(Data(input.utf8))
        try standardInput.fileHandleForWriting.close()
        let read = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: read, as: UTF8.self)
    }

    private func temporaryPath(_ suffix: String) -> String {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("tm-\(UUID().uuidString.prefix(8)).\(suffix)").path
    }
}

@Suite("Dead letters")
struct DeadLetterTests {
    private let position = TopicPartition(topic: "clicks", partition: 3)

    private func header(_ message: KafkaMessage, _ name: String) -> String? {
        message.headers.first { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    @Test("a record goes along unchanged, with its source and the reason")
    func whole() {
        let record = SourceRecord(
            position: position, offset: 42, timestampMs: 7, key: [1], value: [0xff, 0x00],
            headers: [("own", [9])])
        let message = DeadLetter(record: record, reason: "price: is negative")
            .message(topic: "dead", messageBytesMax: 1_000_000)
        #expect(message.topic == "dead" && message.key == [1] && message.value == [0xff, 0x00])
        #expect(header(message, "tidemark-reason") == "price: is negative")
        #expect(header(message, "tidemark-topic") == "clicks")
        #expect(header(message, "tidemark-partition") == "3")
        #expect(header(message, "tidemark-offset") == "42")
        #expect(message.headers.last?.name == "own")
        let tombstone = SourceRecord(position: position, offset: 1, value: nil)
        #expect(
            DeadLetter(record: tombstone, reason: "").message(topic: "d", messageBytesMax: 1 << 20)
                .value == nil)
    }

    @Test("one that does not fit is told by hash, length and beginning")
    func oversize() throws {
        let value = (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0) }
        let record = SourceRecord(
            position: position, offset: 1, key: [UInt8](repeating: 1, count: 3_000_000),
            value: value, headers: [("big", value)])
        let message = DeadLetter(record: record, reason: String(repeating: "é", count: 9000))
            .message(topic: "dead", messageBytesMax: 1_000_000)
        #expect(message.value == Array(value.prefix(1024)))
        #expect(header(message, "tidemark-value-sha256") == SHA256.hash(value).hex)
        #expect(header(message, "tidemark-value-length") == "10000000")
        #expect(message.headers.allSatisfy { $0.value.count < 1100 })
    }
}
