import CRdKafka
import Records

/// One `rd_kafka_topic_partition_list_t`.
///
/// Thread: the one that made it.
@safe
final class PartitionList {
    struct Entry {
        let position: TopicPartition
        let offset: Int64
        let error: rd_kafka_resp_err_t
    }

    private let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ offsets: some Collection<(TopicPartition, Int64)>) {
        // librdkafka aborts the process itself when it has no memory.
        unsafe pointer = rd_kafka_topic_partition_list_new(Int32(offsets.count))!
        for (position, offset) in offsets {
            let entry = unsafe rd_kafka_topic_partition_list_add(
                pointer, position.topic, position.partition)
            unsafe entry?.pointee.offset = offset
        }
    }

    deinit {
        unsafe rd_kafka_topic_partition_list_destroy(pointer)
    }

    var entries: [Entry] {
        let list = unsafe UnsafeBufferPointer(
            start: pointer.pointee.elems, count: Int(pointer.pointee.cnt))
        return unsafe list.map { entry in
            unsafe Entry(
                position: TopicPartition(
                    topic: String(cString: entry.topic), partition: entry.partition),
                offset: entry.offset, error: entry.err)
        }
    }

    func withPointer<Result>(
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> Result
    ) -> Result {
        unsafe body(pointer)
    }
}
