import Events
import KafkaStream
import Records
import SnapshotStore

/// The last record learned of each partition, as the store remembers it beside the offsets.
///
/// In the ledger: a rewind takes offsets back, and the topic stays the one that was read.
package enum LastRecords {
    private static let table = StateTable("last_records", .ledger)

    static func read(
        cluster: String, from state: any StateReader
    ) throws -> [TopicPartition: RecordMark] {
        var marks: [TopicPartition: RecordMark] = [:]
        try state.forEach(table) { key, value in
            guard let position = try Ledger.position(key, of: cluster) else { return }
            marks[position] = try RecordMark.decoded(value)
        }
        return marks
    }

    package static func put(
        _ marks: [TopicPartition: RecordMark], cluster: String, into changes: inout StateChanges
    ) {
        for (position, mark) in marks.sorted(by: { $0.key < $1.key }) {
            changes.put(table, Ledger.key(cluster, position), mark.encoded)
        }
    }

    /// The last record of each partition among these, in their order.
    package static func marks(of records: [SourceRecord]) -> [TopicPartition: RecordMark] {
        var last: [TopicPartition: SourceRecord] = [:]
        for record in records { last[record.position] = record }
        return last.mapValues { RecordMark($0) }
    }
}
