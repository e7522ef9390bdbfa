import Engine
import Events

/// Decodes records as they come, each topic with the type it defaults to.
struct Decoding {
    private let decoder: EventDecoder
    private let defaults: [String: EventType]
    /// Topics that each of several shards reads, which may carry the catalogue alone.
    private let wholeTopics: Set<String>

    /// - Parameter extraField: a text field of no meaning to the model that events are to carry.
    init(
        limits: EventLimits, defaults: [String: EventType] = [:], wholeTopics: Set<String> = [],
        extraField: String? = nil
    ) {
        self.wholeTopics = wholeTopics
        decoder = EventDecoder(limits: limits, extraField: extraField)
        self.defaults = defaults
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
            return EngineInput(record: record, event: event(of: record, clockMs))
        }
    }

    private func event(
        of record: SourceRecord, _ clockMs: Int64?
    ) -> Result<Event, RejectedRecord> {
        let decoded = Result { () throws(EventError) in
            try decoder.decode(
                record, defaultType: defaults[record.position.topic], clockMs: clockMs)
        }.mapError { error in
            RejectedRecord(
                reason: UnreadableBody.reason(error, record.value), code: error.code)
        }
        guard wholeTopics.contains(record.position.topic),
            case .success(let event) = decoded
        else { return decoded }
        if case .item = event.body { return decoded }
        return .failure(
            RejectedRecord(
                reason: "every shard reads this topic, so it may carry items alone: a shopper's "
                    + "event would be learned by each", code: "shared_topic"))
    }
}
