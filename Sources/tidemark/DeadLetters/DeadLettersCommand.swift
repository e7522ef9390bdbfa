import ArgumentParser
import Daemon
import Events
import Foundation
import KafkaStream
import Terminal

/// `tidemark deadletters`: what could not be used, and sending it again.
struct DeadLettersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deadletters",
        abstract: "Records that could not be used: list them, or send them again.",
        subcommands: [List.self, Redrive.self])

    /// Which letters are meant.
    struct Choice: ParsableArguments {
        @Option(help: ArgumentHelp("Only those whose reason contains this.", valueName: "text"))
        var reason: String?

        @Option(help: ArgumentHelp("Only those that came from this topic.", valueName: "topic"))
        var source: String?

        @Option(
            help: ArgumentHelp(
                "Only those of this partition of the dead-letter topic.", valueName: "n"))
        var partition: Int32?

        @Option(
            help: ArgumentHelp(
                "Only those at these offsets of the dead-letter topic, both ends included.",
                valueName: "from-to"))
        var offsets: OffsetSpan?

        func includes(_ letter: StoredDeadLetter) -> Bool {
            if let reason, !letter.reason.contains(reason) { return false }
            if let source, letter.source?.topic != source { return false }
            if let partition, letter.position.partition != partition { return false }
            if let offsets, !offsets.range.contains(letter.offset) { return false }
            return true
        }

        var isAll: Bool { reason == nil && source == nil && partition == nil && offsets == nil }

        /// Reads the dead-letter topic to its end.
        func letters(
            _ configuration: Configuration, _ body: (StoredDeadLetter) throws -> Bool
        ) throws {
            try KafkaConsumer.readAll(
                topic: configuration.publish.deadLetterTopic,
                configuration: try configuration.kafkaConfiguration()
            ) { record in
                let letter = StoredDeadLetter(record)
                return includes(letter) ? try body(letter) : true
            }
        }
    }

    /// `12-40`, or a single `12`.
    struct OffsetSpan: ExpressibleByArgument {
        let range: ClosedRange<Int64>

        init?(argument: String) {
            let ends = argument.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let from = Int64(ends[0]),
                let to = Int64(ends[ends.count - 1]), from >= 0, from <= to
            else { return nil }
            range = from...to
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists dead letters with their reasons, oldest first.")

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var choice: Choice

        @Option(help: "Letters to list, at most.")
        var limit = 100

        @Flag(help: "Print JSON instead of a table.")
        var json = false

        func run() throws {
            let configuration = try options.load()
            try reportingFailures {
                var rows: [Row] = []
                var count = 0
                try choice.letters(configuration) { letter in
                    count += 1
                    if rows.count < limit { rows.append(Row(letter)) }
                    return true
                }
                if json {
                    print(try jsonText(rows))
                } else {
                    print(table(rows))
                    print("\(rows.count) of \(count) dead letters")
                }
            }
        }

        private func table(_ rows: [Row]) -> String {
            var table = TextTable([
                ("at", .left), ("from", .left), ("bytes", .right), ("again", .right),
                ("reason", .left), ("begins", .left),
            ])
            for row in rows {
                table.add(
                    "\(row.partition):\(row.offset)",
                    row.sourceTopic.map {
                        "\($0):\(row.sourcePartition ?? -1):\(row.sourceOffset ?? -1)"
                    } ?? "–",
                    "\(row.bytes)", "\(row.redriven)", row.reason, row.beginning)
            }
            return table.rendered()
        }
    }

    struct Row: Encodable {
        let partition: Int32
        let offset: Int64
        let sourceTopic: String?
        let sourcePartition: Int32?
        let sourceOffset: Int64?
        let reason: String
        let bytes: Int
        let sha256: String?
        let redriven: Int
        let beginning: String

        enum CodingKeys: String, CodingKey {
            case partition, offset, reason, bytes, sha256, redriven, beginning
            case sourceTopic = "source_topic"
            case sourcePartition = "source_partition"
            case sourceOffset = "source_offset"
        }

        init(_ letter: StoredDeadLetter) {
            partition = letter.position.partition
            offset = letter.offset
            sourceTopic = letter.source?.topic
            sourcePartition = letter.source?.partition
            sourceOffset = letter.sourceOffset
            reason = letter.reason
            bytes = letter.valueBytes
            sha256 = letter.sha256
            redriven = letter.redriven
            beginning = letter.beginning(48)
        }
    }

    struct Redrive: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends dead letters to the topic and partition they came from, once more.",
            discussion: """
                The original bytes, key and headers go, with a header that counts the times. \
                Nothing is removed from the dead-letter topic: say which letters are meant \
                (--offsets, --partition, --reason, --source), or --all. A letter that was too \
                large to be kept whole cannot be sent and is told so. Letters go to topics that the \
                configuration consumes, and to no other but the one that --to names: what a letter \
                says of its source may be a producer's word.
                """)

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var choice: Choice

        @Flag(help: "All letters there are.")
        var all = false

        @Option(help: ArgumentHelp("Send them to this topic instead.", valueName: "topic"))
        var to: String?

        @Flag(help: "Send nothing; say what would be sent.")
        var dryRun = false

        @Flag(help: "Print JSON instead of text.")
        var json = false

        private static let sendMs = 60_000

        struct Outcome: Encodable {
            var sent = 0
            /// Not kept whole, or without a topic to go to.
            var unsendable = 0
            /// From topics that the configuration does not consume.
            var foreign = 0
            var refused: [String] = []
        }

        func validate() throws {
            guard all != !choice.isAll else {
                throw ValidationError(
                    "say which letters are meant (--offsets, --partition, --reason, --source), or --all"
                )
            }
        }

        func run() throws {
            let configuration = try options.load()
            try reportingFailures {
                var messages: [KafkaMessage] = []
                var outcome = Outcome()
                let consumed = Set(configuration.kafka.topics.map(\.name))
                try choice.letters(configuration) { letter in
                    if to == nil, let topic = letter.source?.topic, !consumed.contains(topic) {
                        outcome.foreign += 1
                    } else if let message = letter.original(to: to) {
                        messages.append(message)
                    } else {
                        outcome.unsendable += 1
                    }
                    return true
                }
                if dryRun {
                    outcome.sent = messages.count
                } else {
                    try send(messages, try configuration.kafkaConfiguration(), &outcome)
                }
                try tell(outcome)
                if !outcome.refused.isEmpty { throw ExitCode(ExitStatus.unavailable.rawValue) }
            }
        }

        private func send(
            _ messages: [KafkaMessage], _ kafka: KafkaConfiguration, _ outcome: inout Outcome
        ) throws {
            let producer = try KafkaProducer(kafka)
            defer { producer.close() }
            for (index, message) in messages.enumerated() {
                try producer.send(message, token: UInt64(index))
            }
            guard producer.flush(timeoutMs: Self.sendMs) else {
                throw KafkaError.timedOut("sending dead letters again", afterMs: Self.sendMs)
            }
            for delivery in producer.drainDeliveries() {
                if case .delivered = delivery.result {
                    outcome.sent += 1
                } else {
                    let topic = messages[Int(delivery.token)].topic
                    outcome.refused.append("topic \(topic): \(delivery.result)")
                }
            }
        }

        private func tell(_ outcome: Outcome) throws {
            guard !json else { return print(try jsonText(outcome)) }
            print("\(dryRun ? "would send" : "sent") \(outcome.sent)")
            if outcome.unsendable > 0 {
                print("\(outcome.unsendable) are not kept whole and cannot be sent")
            }
            if outcome.foreign > 0 {
                print(
                    "\(outcome.foreign) say that they came from topics which the configuration does not consume; --to names where they are to go"
                )
            }
            for refusal in outcome.refused { show("refused: \(refusal)") }
        }
    }
}
