import Engine
import Events

/// Decodes records as they come, each topic with the type it defaults to.
struct Decoding {
    private let decoder: EventDecoder
    private let defaults: [String: EventType]

    /// - Parameter extraField: a text field of no meaning to the model that events are to carry.
    init(
        limits: EventLimits, defaults: [String: EventType] = [:], extraField: String? = nil
    ) {
        decoder = EventDecoder(limits: limits, extraField: extraField)
        self.defaults = defaults
    }

    func decode(_ records: [SourceRecord]) -> [EngineInput] {
        records.map { record in
            EngineInput(
                record: record,
                event: Result { () throws(EventError) in
                    try decoder.decode(record, defaultType: defaults[record.position.topic])
                }.mapError { RejectedRecord(reason: $0.description, code: $0.code) })
        }
    }
}
