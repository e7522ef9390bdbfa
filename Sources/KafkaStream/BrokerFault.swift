/// One command to the development broker: what to do to its clients.
///
/// A pure value: `init(line:)` reads it, `DevelopmentBroker.apply` performs it.
public enum BrokerFault: Sendable, Equatable {
    /// Disconnects clients and refuses new ones; `nil` is every broker. Leaders stay.
    case down(broker: Int32?)
    /// Takes clients again.
    case up(broker: Int32?)
    /// Every answer takes this long.
    case latency(broker: Int32?, ms: Int32)
    /// The next `count` requests of this kind fail so.
    case requestErrors(api: BrokerRequest, error: BrokerErrorCode, count: Int)
    /// Forgets failures that were ordered and not given yet.
    case clearRequestErrors(api: BrokerRequest)
    /// The next request of this kind to this broker is answered late.
    case requestDelay(broker: Int32, api: BrokerRequest, ms: Int32)
    /// nil leaves the partition without a leader.
    case leader(topic: String, partition: Int32, broker: Int32?)
    /// Every question about the topic is answered with this error.
    case topicError(topic: String, error: BrokerErrorCode)
    /// Moves a coordinator: that of a group, or of a transactional id.
    case coordinator(transaction: Bool, key: String, broker: Int32)
    /// Makes a topic.
    case createTopic(String, partitions: Int)
    /// Asks where clients connect.
    case address
    /// Asks which commands there are.
    case help

    /// One line a command, for the help.
    public static let usage = [
        "down BROKER|all: disconnect clients and refuse new ones",
        "up BROKER|all: accept clients again",
        "latency BROKER|all MS: delay every answer",
        "errors REQUEST ERROR [COUNT]: fail the next COUNT requests (default 1)",
        "clear-errors REQUEST: forget errors not yet given",
        "delay BROKER REQUEST MS: answer the next such request late",
        "leader TOPIC PARTITION BROKER|none: move a partition's leader",
        "topic-error TOPIC ERROR: answer questions about the topic so (NO_ERROR ends it)",
        "coordinator group|transaction KEY BROKER: move a coordinator",
        "topic NAME PARTITIONS: create a topic",
        "address: the address for clients",
        "help: this list",
    ]

    /// Reads a command.
    ///
    /// Throws: `KafkaError.broker` with the reason.
    public init(line: String) throws(KafkaError) {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let verb = words.first else { throw .broker("an empty command; try help") }
        var arguments = Arguments(verb: verb, words: words.dropFirst())
        switch verb {
        case "down": self = .down(broker: try arguments.broker(or: "all"))
        case "up": self = .up(broker: try arguments.broker(or: "all"))
        case "latency":
            self = .latency(
                broker: try arguments.broker(or: "all"),
                ms: try arguments.number("milliseconds", 0...600_000))
        case "errors":
            self = .requestErrors(
                api: try arguments.request(), error: try arguments.error(),
                count: Int(arguments.isAtEnd ? 1 : try arguments.number("count", 1...10_000)))
        case "clear-errors": self = .clearRequestErrors(api: try arguments.request())
        case "delay":
            self = .requestDelay(
                broker: try arguments.number("broker", 1...100), api: try arguments.request(),
                ms: try arguments.number("milliseconds", 0...600_000))
        case "leader":
            self = .leader(
                topic: try arguments.word("topic"),
                partition: try arguments.number("partition", 0...9999),
                broker: try arguments.broker(or: "none"))
        case "topic-error":
            self = .topicError(
                topic: try arguments.word("topic"), error: try arguments.error())
        case "coordinator":
            let kind = try arguments.word("group or transaction")
            guard ["group", "transaction"].contains(kind) else {
                throw .broker("coordinator: \"\(kind)\" is neither group nor transaction")
            }
            self = .coordinator(
                transaction: kind == "transaction", key: try arguments.word("key"),
                broker: try arguments.number("broker", 1...100))
        case "topic":
            self = .createTopic(
                try arguments.word("name"),
                partitions: Int(try arguments.number("partitions", 1...10_000)))
        case "address": self = .address
        case "help": self = .help
        default: throw .broker("unknown command \"\(verb)\"; try help")
        }
        try arguments.end()
    }

    private struct Arguments {
        let verb: String
        var words: ArraySlice<String>

        var isAtEnd: Bool { words.isEmpty }

        mutating func word(_ name: String) throws(KafkaError) -> String {
            guard let word = words.popFirst() else { throw .broker("\(verb): no \(name) given") }
            return word
        }

        mutating func number(_ name: String, _ range: ClosedRange<Int32>) throws(KafkaError)
            -> Int32
        {
            let word = try word(name)
            guard let number = Int32(word), range.contains(number) else {
                throw .broker(
                    "\(verb): \(name) \"\(word)\" is no number from \(range.lowerBound) to "
                        + "\(range.upperBound)")
            }
            return number
        }

        /// nil for the word `other`.
        mutating func broker(or other: String) throws(KafkaError) -> Int32? {
            if words.first == other {
                words.removeFirst()
                return nil
            }
            return try number("broker (or \(other))", 1...100)
        }

        mutating func request() throws(KafkaError) -> BrokerRequest {
            let word = try word("request")
            guard let request = BrokerRequest(rawValue: word.lowercased()) else {
                let names = BrokerRequest.allCases.map(\.rawValue).joined(separator: " ")
                throw .broker("\(verb): no request \"\(word)\"; there are \(names)")
            }
            return request
        }

        mutating func error() throws(KafkaError) -> BrokerErrorCode {
            let word = try word("error")
            guard let error = BrokerErrorCode(name: word) else {
                throw .broker(
                    "\(verb): no error \"\(word)\"; use Kafka's names, as "
                        + "NOT_LEADER_FOR_PARTITION, or _TRANSPORT to disconnect")
            }
            return error
        }

        func end() throws(KafkaError) {
            if let extra = words.first { throw .broker("\(verb): \"\(extra)\" is too much") }
        }
    }
}

/// The kinds of request that the development broker can be told to fail.
public enum BrokerRequest: String, Sendable, CaseIterable {
    /// Kafka's requests, by the names that commands have for them.
    case produce, fetch
    case listOffsets = "list-offsets"
    case metadata
    case offsetCommit = "offset-commit"
    case offsetFetch = "offset-fetch"
    case findCoordinator = "find-coordinator"
    case initProducerId = "init-producer-id"
    case addPartitionsToTransaction = "add-partitions-to-txn"
    case addOffsetsToTransaction = "add-offsets-to-txn"
    case endTransaction = "end-txn"

    /// Source: Kafka protocol guide, API keys.
    var apiKey: Int16 {
        switch self {
        case .produce: 0
        case .fetch: 1
        case .listOffsets: 2
        case .metadata: 3
        case .offsetCommit: 8
        case .offsetFetch: 9
        case .findCoordinator: 10
        case .initProducerId: 22
        case .addPartitionsToTransaction: 24
        case .addOffsetsToTransaction: 25
        case .endTransaction: 26
        }
    }
}
