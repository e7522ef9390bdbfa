import Engine
import Events
import Mapping
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
        /// How its records become events; `nil`: they are events.
        var mapping: Mapping?
        /// Whether each of several shards reads the topic, which may carry the catalogue alone.
        var isShared = false
    }

    private let decoder: EventDecoder
    private let rules: [String: Rules]
    private let mappings: [String: MappingDecoder]
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
        let decoder = EventDecoder(limits: limits, extraField: extraField)
        self.decoder = decoder
        self.rules = rules
        mappings = rules.compactMapValues { rules in
            rules.mapping.map { MappingDecoder($0, decoder) }
        }
    }

    /// Every record comes to at least one input.
    ///
    /// - Parameters:
    ///   - skips: records that are not looked at: whoever learns leaves them out.
    ///   - clockMs: when the records were read; `nil` where that is not known, as of a log.
    func decode(
        _ records: [SourceRecord], skips: OffsetRanges = OffsetRanges(), clockMs: Int64? = nil
    ) -> [EngineInput] {
        var inputs: [EngineInput] = []
        inputs.reserveCapacity(records.count)
        for record in records {
            if skips.contains(record.offset, of: record.position) {
                inputs.append(
                    EngineInput(
                        record: record,
                        event: .failure(RejectedRecord(reason: "it is skipped", code: "skipped"))))
            } else {
                take(record, clockMs, into: &inputs)
            }
        }
        return inputs
    }

    /// The same of a record that may have been refused before it was looked into.
    func decode(
        _ record: SourceRecord, rejected: RejectedRecord?, clockMs: Int64? = nil
    ) -> [EngineInput] {
        guard let rejected else { return decode([record], clockMs: clockMs) }
        return [EngineInput(record: record, event: .failure(rejected))]
    }

    /// Whether a topic's payloads are read by their schemas.
    func makesJSON(of topic: String) -> Bool { payloads?.reads(topic) ?? false }

    /// Takes the schemas that records need and that are not held yet: before they are decoded.
    ///
    /// - Throws: `RegistryError` with the first that cannot be had.
    func fetchSchemas(for records: [SourceRecord], skips: OffsetRanges = OffsetRanges()) throws {
        try payloads?.fetch(for: records, skips: skips)
    }

    /// The record of an input stays what it was: a dead letter has its own bytes.
    private func take(
        _ record: SourceRecord, _ clockMs: Int64?, into inputs: inout [EngineInput]
    ) {
        var json = record
        do throws(RejectedRecord) { json = try payloads?.json(of: record) ?? record } catch {
            inputs.append(EngineInput(record: record, event: .failure(error)))
            return
        }
        if json.value != nil, let mapping = mappings[record.position.topic] {
            inputs += map(json, of: record, mapping, clockMs)
        } else {
            inputs.append(EngineInput(record: record, event: event(of: json, clockMs)))
        }
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
        if case .success(let event) = decoded, let reason = rules.objection(to: event) {
            return .failure(reason)
        }
        return decoded
    }

    /// The events that a mapping makes of a record. What cannot be used of it is one input, however
    /// many elements that is: a dead letter is the whole record.
    private func map(
        _ json: SourceRecord, of record: SourceRecord, _ mapping: MappingDecoder, _ clockMs: Int64?
    ) -> [EngineInput] {
        let rules = rules[record.position.topic] ?? Self.usual
        var inputs: [EngineInput] = []
        var refusals = ElementRefusals()
        for element in mapping.decode(json, clockMs: clockMs) {
            switch element.outcome {
            case .event(let event):
                if let objection = rules.objection(to: event) {
                    refusals.add(objection)
                } else {
                    inputs.append(
                        EngineInput(record: record, event: .success(event), element: inputs.count))
                }
            case .refused(let reason, let code, _):
                refusals.add(RejectedRecord(reason: reason, code: code))
            case .ignored: continue
            }
        }
        if let rejected = refusals.rejected {
            inputs.append(
                EngineInput(record: record, event: .failure(rejected), element: inputs.count))
        }
        if inputs.isEmpty {
            let ignored = RejectedRecord(
                reason: "the topic's mapping ignores it", code: EventError.ignoredCode)
            inputs.append(EngineInput(record: record, event: .failure(ignored)))
        }
        return inputs
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

extension Decoding.Rules {
    /// Why an event may not come by this topic.
    fileprivate func objection(to event: Event) -> RejectedRecord? {
        guard isShared, event.type != .item else { return nil }
        return RejectedRecord(
            reason: "every shard reads this topic, so it may carry items alone: a shopper's "
                + "event would be learned by each", code: "shared_topic")
    }
}

/// Why elements of one record cannot be used, as one reason: the first ones in full.
struct ElementRefusals {
    private var first: RejectedRecord?
    private var reasons: [String] = []
    private var count = 0

    private static let reasonsMax = 8

    mutating func add(_ refusal: RejectedRecord) {
        first = first ?? refusal
        count += 1
        if reasons.count < Self.reasonsMax { reasons.append(refusal.reason) }
    }

    /// `nil` where there are none.
    var rejected: RejectedRecord? {
        guard let first else { return nil }
        let more = count - reasons.count
        return RejectedRecord(
            reason: reasons.joined(separator: "; ") + (more > 0 ? "; and \(more) more" : ""),
            code: first.code)
    }
}
