import CRdKafka
import Records

/// librdkafka's mock cluster in this process: a Kafka for development and tests.
///
/// It speaks the wire protocol on a loopback port of its own choosing; any client can connect. It
/// keeps nothing across a restart, and of each partition 5 MiB of batches or 100,000 batches. A
/// topic that a producer asks for is made with four partitions.
/// Thread: any; the mock cluster has a thread of its own.
@safe
public final class DevelopmentBroker: @unchecked Sendable {
    private let cluster: OpaquePointer
    private let anchor: ClientHandle
    /// 1 to 100; their ids count from 1.
    public let brokerCount: Int

    /// Starts the brokers, numbered from 1.
    ///
    /// Throws: `KafkaError.broker` when no port can be opened.
    public init(
        brokers: Int = 1, onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in }
    ) throws(KafkaError) {
        guard (1...100).contains(brokers) else {
            throw .configuration(key: "brokers", reason: "is \(brokers), must be 1 to 100")
        }
        let context = ClientContext(redactor: Redactor(client: [:]), onNotice: onNotice)
        anchor = try NativeConfiguration().makeClient(context)
        let cluster = unsafe anchor.withPointer {
            unsafe rd_kafka_mock_cluster_new($0, Int32(brokers))
        }
        guard let cluster = unsafe cluster else { throw .broker("cannot open a port") }
        unsafe self.cluster = unsafe cluster
        brokerCount = brokers
    }

    deinit {
        // Before the client it is anchored to.
        unsafe rd_kafka_mock_cluster_destroy(cluster)
    }

    /// `host:port` list for clients.
    public var address: String {
        unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
    }

    /// Makes a topic.
    ///
    /// Throws: `KafkaError.topicCreation`, for one that exists too.
    public func createTopic(_ name: String, partitions: Int) throws(KafkaError) {
        try KafkaConfiguration.validate(topic: name, key: "topic")
        guard (1...10_000).contains(partitions) else {
            throw .topicCreation(topic: name, reason: "\(partitions) partitions, of 1 to 10000")
        }
        let code = unsafe rd_kafka_mock_topic_create(cluster, name, Int32(partitions), 1)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .topicCreation(topic: name, reason: errorMessage(code))
        }
    }

    func withCluster<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        unsafe body(cluster)
    }
}
