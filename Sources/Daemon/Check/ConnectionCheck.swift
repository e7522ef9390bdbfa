import Foundation
import KafkaStream
import Records
import SnapshotStore

/// Looks at what the daemon does at the brokers, and says of each part whether it may; leaves no
/// record in any topic.
struct ConnectionCheck {
    typealias Finding = ConfigurationCheck.Finding

    private let configuration: Configuration
    private let kafka: KafkaConfiguration
    private var findings: [Finding] = []

    init(_ configuration: Configuration) throws {
        self.configuration = configuration
        kafka = try configuration.kafkaConfiguration()
    }

    mutating func run() -> [Finding] {
        library()
        registry()
        guard let (cluster, description) = brokers() else { return findings }
        let there = kafka.topics.filter { description.partitionCounts[$0] != nil }
        for topic in kafka.topics where !there.contains(topic) {
            if isHidden(topic, "kafka.topics") { continue }
            fail(
                "topic \(topic)",
                KafkaError.unknownTopic(topic, brokers: kafka.brokers))
        }
        guard there.count == kafka.topics.count else {
            publishing()
            return findings
        }
        reading(cluster)
        records()
        publishing()
        monitors()
        return findings
    }

    /// Whether the registry answers and takes the credentials, and has what must be there.
    private mutating func registry() {
        let wiring = Wiring(configuration: configuration)
        let publish = configuration.publish
        do {
            guard let client = try wiring.registryClient() else { return }
            try client.ask()
            var what = "\(wiring.registryName) answers"
            let form = try wiring.offerForm()
            if let schema = form.schema, !publish.registers {
                for topic in form.topics {
                    let id = try client.id(
                        of: schema, under: OutgoingSchemas.subject(topic), registers: false)
                    what += ", the schema of \(topic) is there (id \(id))"
                }
            }
            pass("registry", what)
        } catch {
            fail("registry", error)
        }
    }

    /// What would be made of the newest records: a topic that cannot be read is told of beside this.
    private mutating func records() {
        do {
            for (topic, found) in try Wiring(configuration: configuration).newestRecords() {
                switch found {
                case .success(let newest) where newest.isFine:
                    pass("records of \(topic)", newest.description)
                case .success(let newest): warn("records of \(topic)", newest.description)
                case .failure(let error): warn("records of \(topic)", "\(error)")
                }
            }
        } catch {
            fail("records", error)
        }
    }

    private mutating func library() {
        if let warning = LibraryVersion.warning(client: kafka.client) {
            findings.append(
                Finding(what: "librdkafka", status: .warning, message: warning, exitCode: 0))
        } else {
            pass("librdkafka", LibraryVersion.text)
        }
    }

    private mutating func pass(_ what: String, _ message: String) {
        findings.append(Finding(what: what, status: .fine, message: message, exitCode: 0))
    }

    private mutating func warn(_ what: String, _ message: String) {
        findings.append(Finding(what: what, status: .warning, message: message, exitCode: 0))
    }

    private mutating func fail(_ what: String, _ message: String, _ kind: FailureKind) {
        findings.append(
            Finding(what: what, status: .failed, message: message, exitCode: kind.rawValue))
    }

    private mutating func fail(_ what: String, _ error: any Error) {
        fail(what, "\(error)", FailureKind(error))
    }

    private mutating func brokers() -> (cluster: String, ClusterDescription)? {
        do {
            let description = try ClusterDescription.describe(kafka)
            let counts = description.partitionCounts.sorted { $0.key < $1.key }
                .map { "\($0.key) (\($0.value) partitions)" }
            pass(
                "brokers",
                "cluster \(description.clusterId ?? "without an id"), "
                    + "\(description.brokerCount) brokers: " + counts.joined(separator: ", "))
            return (description.clusterId ?? "unnamed", description)
        } catch {
            fail("brokers", error)
            return nil
        }
    }

    /// Reading where the daemon would go on, and whether what it has learned is still there.
    private mutating func reading(_ cluster: String) {
        do {
            let consumer = try KafkaConsumer(kafka)
            defer { consumer.close() }
            _ = try consumer.connect()
            let (offsets, marks) = try stored(cluster)
            let assignment = try consumer.assign(from: offsets, marks: marks)
            try ShardKeys.check(kafka, partitionCounts: assignment.partitionCounts)
            let partitions = consumer.status()?.partitions ?? []
            let known = partitions.filter { offsets[$0.position] != nil }.count
            pass(
                "stored offsets",
                known == 0
                    ? "none yet: every topic is read from its beginning"
                    : "of \(known) partitions, all there")
            let refused = try AccessCheck.reading(
                Dictionary(
                    partitions.map { ($0.position, $0.endOffset) }, uniquingKeysWith: { $1 }),
                configuration: kafka)
            for (topic, reason) in refused.sorted(by: { $0.key < $1.key }) {
                fail(
                    "topic \(topic)",
                    "kafka.topics: reading is refused (\(reason)); the user needs READ on the topic",
                    .unavailable)
            }
            if refused.isEmpty { pass("reading", "\(partitions.count) partitions") }
        } catch {
            fail("reading", error)
        }
    }

    private func stored(
        _ cluster: String
    ) throws -> ([TopicPartition: Int64], [TopicPartition: RecordMark]) {
        let path = configuration.store.path
        guard FileManager.default.fileExists(atPath: path) else { return ([:], [:]) }
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        defer { try? store.close() }
        return (
            try store.offsets(cluster: cluster),
            try store.withHead { try LastRecords.read(cluster: cluster, from: $0) }
        )
    }

    /// Topics that the daemon writes to, with the settings that name them.
    private var outputs: [(setting: String, topic: String)] {
        let publish = configuration.publish
        var outputs = [
            ("publish.topic", publish.topic),
            ("publish.dead_letter_topic", publish.deadLetterTopic),
        ]
        if publish.guarantee == .exactlyOnce {
            outputs.append(("publish.marker_topic", publish.markerTopic))
        }
        if !publish.stateTopic.isEmpty {
            outputs.append(("publish.state_topic", publish.stateTopic))
        }
        return outputs
    }

    private mutating func publishing() {
        do {
            var target = kafka
            target.topics = outputs.map(\.topic)
            let description = try ClusterDescription.describe(target)
            for (setting, topic) in outputs where description.missingTopics.contains(topic) {
                try missing(topic, setting)
            }
            let there = outputs.filter { description.partitionCounts[$0.topic] != nil }
            let outcomes = try AccessCheck.writing(
                to: there.map(\.topic), configuration: kafka)
            for (setting, topic) in there {
                judge(outcomes[topic] ?? .untold("no answer"), topic, setting)
            }
        } catch {
            fail("publishing", error)
        }
        if configuration.publish.guarantee == .exactlyOnce { markers() }
    }

    /// The marker topic is read at every start.
    private mutating func markers() {
        let topic = configuration.publish.markerTopic
        do {
            var target = kafka
            target.topics = [topic]
            guard try ClusterDescription.describe(target).missingTopics.isEmpty else { return }
            let refused = try AccessCheck.reading(
                [TopicPartition(topic: topic, partition: 0): 0], configuration: kafka)
            guard let reason = refused[topic] else { return }
            fail(
                "topic \(topic)",
                "publish.marker_topic: reading is refused (\(reason)); the user needs READ on it",
                .unavailable)
        } catch {
            fail("topic \(topic)", error)
        }
    }

    /// - Returns: whether the topic is there and not shown; then that is said.
    private mutating func isHidden(_ topic: String, _ setting: String) -> Bool {
        guard (try? AccessCheck.isHidden(topic, configuration: kafka)) == true else { return false }
        fail(
            "topic \(topic)",
            "\(setting): the brokers refuse to say anything of the topic; the user needs "
                + (setting == "kafka.topics" ? "READ" : "WRITE") + " on it, which brings DESCRIBE",
            .unavailable)
        return true
    }

    private mutating func missing(_ topic: String, _ setting: String) throws {
        if isHidden(topic, setting) { return }
        // The daemon makes the marker topic itself, and brokers without administration make any.
        let reason = try AccessCheck.creating(
            TopicSpecification(name: topic, partitions: 1), configuration: kafka)
        if setting == "publish.marker_topic" {
            guard let reason else {
                pass("topic \(topic)", "\(setting): is not there yet; the daemon will make it")
                return
            }
            fail(
                "topic \(topic)", "\(setting): is not there and cannot be made: \(reason)",
                .unavailable)
        } else if try ClusterDescription.makesTopics(kafka) {
            pass("topic \(topic)", "\(setting): is not there yet; the brokers will make it")
        } else {
            fail(
                "topic \(topic)",
                "\(setting): the cluster has no such topic; create it, or correct \(setting)",
                .unavailable)
        }
    }

    private mutating func judge(
        _ outcome: AccessCheck.Writing, _ topic: String, _ setting: String
    ) {
        switch outcome {
        case .allowed: pass("topic \(topic)", "\(setting): may be written to")
        case .refused(let reason):
            fail(
                "topic \(topic)",
                "\(setting): writing is refused (\(reason)); the user needs WRITE on the topic",
                .unavailable)
        case .untold(let reason) where configuration.publish.guarantee == .exactlyOnce:
            fail(
                "topic \(topic)",
                "\(setting): transactions are refused under the id "
                    + "\(AccessCheck.transactionalId) (\(reason)); publish.guarantee: exactly_once "
                    + "needs WRITE on transactional ids that begin with tidemark-", .unavailable)
        case .untold(let reason):
            warn(
                "topic \(topic)",
                "\(setting): is there; whether it may be written to cannot be told without leaving "
                    + "a record, since transactions are refused under the id "
                    + "\(AccessCheck.transactionalId) (\(reason))")
        }
    }

    private mutating func monitors() {
        do {
            let position = TopicPartition(topic: kafka.topics[0], partition: 0)
            if let reason = try AccessCheck.monitorGroup(position, configuration: kafka) {
                warn(
                    "monitors",
                    "kafka.group: offsets for lag monitors are refused (\(reason)); the user needs "
                        + "READ on group \(kafka.monitorGroup). Learning does not need them")
            } else {
                pass("monitors", "offsets are shown under group \(kafka.monitorGroup)")
            }
        } catch {
            fail("monitors", error)
        }
    }
}
