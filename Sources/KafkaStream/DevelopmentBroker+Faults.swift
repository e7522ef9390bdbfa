import CRdKafka

/// A Kafka error by its protocol name, or one of librdkafka's own (with a leading underscore).
public struct BrokerErrorCode: Sendable, Equatable {
    let native: Int32

    /// - Parameter name: as `NOT_LEADER_FOR_PARTITION` or `_TIMED_OUT`, in any case; nil for a name
    ///   that librdkafka does not know.
    public init?(name: String) {
        var descriptions: UnsafePointer<rd_kafka_err_desc>?
        var count = 0
        unsafe rd_kafka_get_err_descs(&descriptions, &count)
        guard let descriptions = unsafe descriptions else { return nil }
        let wanted = name.uppercased()
        for index in 0..<count {
            let entry = unsafe descriptions[index]
            guard let text = unsafe entry.name, unsafe String(cString: text) == wanted else {
                continue
            }
            native = unsafe entry.code.rawValue
            return
        }
        return nil
    }

    var code: rd_kafka_resp_err_t { rd_kafka_resp_err_t(native) }
}

extension DevelopmentBroker {
    /// Performs a command.
    ///
    /// - Returns: what there is to say, on one line.
    /// Throws: `KafkaError.broker` or `.topicCreation` with the reason.
    @discardableResult
    public func apply(_ fault: BrokerFault) throws(KafkaError) -> String {
        switch fault {
        case .address: return address
        case .help: return BrokerFault.usage.joined(separator: " | ")
        case .createTopic(let name, let partitions):
            try createTopic(name, partitions: partitions)
            return "topic \(name) has \(partitions) partitions"
        case .requestErrors(let api, let error, let count):
            let errors = [rd_kafka_resp_err_t](repeating: error.code, count: count)
            unsafe withCluster { cluster in
                unsafe rd_kafka_mock_push_request_errors_array(
                    cluster, api.apiKey, count, errors)
            }
            return "the next \(count) \(api.rawValue) fail"
        case .clearRequestErrors(let api):
            unsafe withCluster { unsafe rd_kafka_mock_clear_request_errors($0, api.apiKey) }
            return "\(api.rawValue) works again"
        case .topicError(let topic, let error):
            unsafe withCluster { unsafe rd_kafka_mock_topic_set_error($0, topic, error.code) }
            return "topic \(topic) answers so"
        default:
            let code = try perform(fault)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw .broker(errorMessage(code)) }
            return "done"
        }
    }

    /// The commands that answer with a native code.
    private func perform(_ fault: BrokerFault) throws(KafkaError) -> rd_kafka_resp_err_t {
        switch fault {
        case .down(let broker):
            let number = try number(broker)
            return unsafe withCluster { unsafe rd_kafka_mock_broker_set_down($0, number) }
        case .up(let broker):
            let number = try number(broker)
            return unsafe withCluster { unsafe rd_kafka_mock_broker_set_up($0, number) }
        case .latency(let broker, let ms):
            let number = try number(broker)
            return unsafe withCluster { unsafe rd_kafka_mock_broker_set_rtt($0, number, ms) }
        case .requestDelay(let broker, let api, let ms):
            let number = try number(broker)
            return unsafe withCluster {
                unsafe tm_mock_push_request_delay(
                    $0, number, api.apiKey, RD_KAFKA_RESP_ERR_NO_ERROR, ms)
            }
        case .leader(let topic, let partition, let broker):
            let number = try number(broker)
            return unsafe withCluster {
                unsafe rd_kafka_mock_partition_set_leader($0, topic, partition, number)
            }
        case .coordinator(let transaction, let key, let broker):
            let number = try number(broker)
            let kind = transaction ? "transaction" : "group"
            return unsafe withCluster {
                unsafe rd_kafka_mock_coordinator_set($0, kind, key, number)
            }
        case .requestErrors, .clearRequestErrors, .topicError, .createTopic, .address, .help:
            return RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// librdkafka's number for a broker; -1 is all of them, or none.
    private func number(_ broker: Int32?) throws(KafkaError) -> Int32 {
        guard let broker else { return -1 }
        guard (1...Int32(brokerCount)).contains(broker) else {
            throw .broker("there is no broker \(broker); there are 1 to \(brokerCount)")
        }
        return broker
    }
}
