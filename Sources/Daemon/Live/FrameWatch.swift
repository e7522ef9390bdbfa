import Events
import Records

/// Finds topics whose records carry Confluent's frame around JSON, which is read past; each is told once.
struct FrameWatch {
    private var topics: Set<String> = []

    /// - Returns: the topics that are new, with the id of the schema that the frame names.
    mutating func note(_ records: [SourceRecord]) -> [(topic: String, schema: Int)] {
        var found: [(topic: String, schema: Int)] = []
        for record in records {
            guard let value = record.value, value.count > 5, value[0] == 0,
                value[5] == UInt8(ascii: "{"), topics.insert(record.position.topic).inserted
            else { continue }
            let id = value[1...4].reduce(0) { $0 << 8 | Int($1) }
            found.append((record.position.topic, id))
        }
        return found
    }
}
