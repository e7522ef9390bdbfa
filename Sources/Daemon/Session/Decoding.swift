import Engine
import Events
import Records

/// Decodes records as they come, each topic by its own rules.
struct Decoding {
    /// How the records of a topic are taken.
    struct Rules {
        /// Of payloads that name none.
        var type: EventType?
        /// Types that are passed over.
        var ignored: Set<String> = []
        var tombstones = Configuration.Kafka.Tombstones.deleteItem
        /// Whether each of several shards reads the topic, which may carry the catalogue alone.
        var isShared = false
    }

    private let decoder: EventDecoder
    private let rules: [String: Rules]
    /// Topics whose payloads are made JSON first; `nil` where there are none.
    let payloads: Payloads?
    private static let usual = Rules()

    /// - Parameters:
    ///   - rules: by topic; others are taken as usual.
    ///   - extraField: a text field of no meaning to the model that events are to carry.
    ///   - payloads: topics whose payloads are not JSON as they are.
    init(
        limits: EventLimits, rules: [String: Rules] = [:], extraField: String? = nil,
        payloads: Payloads? = nil
    ) {
        self.payloads = payloads
        decoder = EventDecoder(limits: limits, extraField: extraField)
        self.rules = rules
    }

    /// - Parameters:
    ///   - skips: records that are not looked at: whoever learns leaves them out.
    ///   - clockMs: when the records were read; `nil` where that is not known, as of a log.
    func decode(
        _ records: [SourceRecord], skips: OffsetRanges = OffsetRanges(), clockMs: Int64? = nil
    ) -> [EngineInput] {
        records.map { record in
            guard !skips.contains(record.offset, of: record.position) else {
                return EngineInput(
                    record: record,
                    event: .failure(RejectedRecord(reason: "it is skipped", code: "skipped")))
            }
            guard let payloads else {
                return EngineInput(record: record, event: event(of: record, clockMs))
            }
            // The record stays what it was: a dead letter has its own bytes.
            let json = Result { () throws(RejectedRecord) in try payloads.json(of: record) }
            return EngineInput(record: record, event: json.flatMap { event(of: $0, clockMs) })
        }
    }

    /// Whether a topic's payloads are read by their schemas.
    func makesJSON(of topic: String) -> Bool { payloads?.reads(topic) ?? false }

    /// Takes the schemas that records need and that are not held yet: before they are decoded.
    ///
    /// - Throws: `RegistryError` with the first that cannot be had.
    func fetchSchemas(for records: [SourceRecord], skips: OffsetRanges = OffsetRanges()) throws {
        try payloads?.fetch(for: records, skips: skips)
    }

    private func event(
        of record: SourceRecord, _ clockMs: Int64?
    ) -> Result<Event, RejectedRecord> {
        let rules = rules[record.position.topic] ?? Self.usual
        let decoded = Result { () throws(EventError) -> Event in
            if record.value == nil { return try tombstone(record, rules) }
            return try decoder.decode(
                record, defaultType: rules.type, ignoring: rules.ignored, clockMs: clockMs)
        }.mapError { error in
            RejectedRecord(
                reason: UnreadableBody.reason(error, record.value), code: error.code)
        }
        guard rules.isShared, case .success(let event) = decoded else { return decoded }
        if case .item = event.body { return decoded }
        return .failure(
            RejectedRecord(
                reason: "every shard reads this topic, so it may carry items alone: a shopper's "
                    + "event would be learned by each", code: "shared_topic"))
    }

    /// A key without a value, as compacted topics delete: the item of that name is no longer offered.
    private func tombstone(_ record: SourceRecord, _ rules: Rules) throws(EventError) -> Event {
        guard rules.tombstones == .deleteItem, let key = record.key,
            (1...EventLimits.idBytesMax).contains(key.count),
            let itemID = String(validating: key, as: UTF8.self), itemID.isComposed,
            let tsMs = record.timestampMs, (0...EventLimits.tsMsMax).contains(tsMs)
        else { throw .ignored(type: "tombstone") }
        var item = Event.Item(itemID: itemID, title: nil)
        item.deleted = true
        return Event(
            eventID: "tombstone:\(record.position):\(record.offset)", tsMs: tsMs,
            body: .item(item), extra: nil)
    }
}
