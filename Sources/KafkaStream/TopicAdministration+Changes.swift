import CRdKafka
import Records

/// What tests do to the topics of a real cluster, where the development broker has nothing like it.
extension TopicAdministration {
    /// Deletes a topic with all that is in it.
    ///
    /// Throws: `KafkaError.topicChange` naming the topic and the reason, `.unreachable`.
    package static func delete(_ topic: String, configuration: KafkaConfiguration)
        throws(KafkaError)
    {
        try unsafe change(configuration, topic: topic) { client, queue in
            let request = unsafe rd_kafka_DeleteTopic_new(topic)
            defer { unsafe rd_kafka_DeleteTopic_destroy(request) }
            var requests: [OpaquePointer?] = unsafe [request]
            unsafe rd_kafka_DeleteTopics(client, &requests, 1, nil, queue)
        } failure: { event in
            var count = 0
            guard let result = unsafe rd_kafka_event_DeleteTopics_result(event) else { return nil }
            return unsafe failure(
                of: rd_kafka_DeleteTopics_result_topics(result, &count), count)
        }
    }

    /// Gives a topic more partitions.
    ///
    /// Throws: `KafkaError.topicChange` naming the topic and the reason, `.unreachable`.
    package static func grow(
        _ topic: String, to partitions: Int, configuration: KafkaConfiguration
    ) throws(KafkaError) {
        try unsafe change(configuration, topic: topic) { client, queue in
            let request = unsafe rd_kafka_NewPartitions_new(topic, partitions, nil, 0)
            defer { unsafe rd_kafka_NewPartitions_destroy(request) }
            var requests: [OpaquePointer?] = unsafe [request]
            unsafe rd_kafka_CreatePartitions(client, &requests, 1, nil, queue)
        } failure: { event in
            var count = 0
            guard let result = unsafe rd_kafka_event_CreatePartitions_result(event) else {
                return nil
            }
            return unsafe failure(
                of: rd_kafka_CreatePartitions_result_topics(result, &count), count)
        }
    }

    /// Deletes the records of a partition before an offset, as retention does.
    ///
    /// Throws: `KafkaError.topicChange` naming the topic and the reason, `.unreachable`.
    package static func deleteRecords(
        of position: TopicPartition, before offset: Int64, configuration: KafkaConfiguration
    ) throws(KafkaError) {
        let offsets = PartitionList([(position, offset)])
        try unsafe change(configuration, topic: position.topic) { client, queue in
            let request = unsafe offsets.withPointer { unsafe rd_kafka_DeleteRecords_new($0) }
            defer { unsafe rd_kafka_DeleteRecords_destroy(request) }
            var requests: [OpaquePointer?] = unsafe [request]
            unsafe rd_kafka_DeleteRecords(client, &requests, 1, nil, queue)
        } failure: { event in
            guard let result = unsafe rd_kafka_event_DeleteRecords_result(event),
                let list = unsafe rd_kafka_DeleteRecords_result_offsets(result)
            else { return nil }
            let entries = unsafe UnsafeBufferPointer(
                start: list.pointee.elems, count: Int(list.pointee.cnt))
            return unsafe entries.first.map { unsafe $0.err } ?? RD_KAFKA_RESP_ERR__BAD_MSG
        }
    }

    private static func failure(
        of results: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int
    ) -> rd_kafka_resp_err_t? {
        guard let results = unsafe results, count > 0, let first = unsafe results[0] else {
            return nil
        }
        return unsafe rd_kafka_topic_result_error(first)
    }

    /// - Parameter failure: the answer's error about the topic; nil for an answer of another kind.
    private static func change(
        _ configuration: KafkaConfiguration, topic: String,
        request: (OpaquePointer?, OpaquePointer?) -> Void,
        failure: (OpaquePointer) -> rd_kafka_resp_err_t?
    ) throws(KafkaError) {
        let native = try NativeConfiguration(configuration, role: .administration)
        let context = ClientContext(redactor: native.redactor) { _ in }
        let client = try native.makeClient(context)
        try ClusterMetadata(client: client, servesCallbacks: true)
            .connect(timeoutMs: configuration.connectTimeoutMs)
        let code = unsafe client.withPointer { client in
            let queue = unsafe rd_kafka_queue_new(client)
            defer { unsafe rd_kafka_queue_destroy(queue) }
            unsafe request(client, queue)
            guard let event = unsafe rd_kafka_queue_poll(queue, 60_000) else {
                return RD_KAFKA_RESP_ERR__TIMED_OUT
            }
            defer { unsafe rd_kafka_event_destroy(event) }
            let code = unsafe rd_kafka_event_error(event)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return code }
            return unsafe failure(event) ?? RD_KAFKA_RESP_ERR__BAD_MSG
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .topicChange(topic: topic, reason: errorMessage(code))
        }
    }
}
