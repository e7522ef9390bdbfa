import Events
import Records

/// Why a record is no event.
public struct RejectedRecord: Error {
    /// In a sentence.
    public let reason: String
    /// A short stable name, for counting.
    public let code: String

    /// Takes both as they are.
    public init(reason: String, code: String) {
        self.reason = reason
        self.code = code
    }
}

/// One record and what decoding made of it, or of a part of it.
///
/// A record that holds several events comes as several inputs, one after the other and all in one
/// batch: offsets count records, so a batch is never cut inside of one.
public struct EngineInput: Sendable {
    /// The record as it was read.
    public let record: SourceRecord
    /// The event, or why there is none.
    public let event: Result<Event, RejectedRecord>
    /// Which input of its record, from 0. Every record has a first one.
    public let element: Int

    /// Takes each field as it is.
    public init(
        record: SourceRecord, event: Result<Event, RejectedRecord>, element: Int = 0
    ) {
        self.record = record
        self.event = event
        self.element = element
    }

    /// The order of events inside a batch: event time, then where they came from, then their order
    /// in the record. Records that cannot be read have no time and come first.
    static func precedes(_ a: EngineInput, _ b: EngineInput) -> Bool {
        if a.tsMs != b.tsMs { return a.tsMs < b.tsMs }
        if a.record.position != b.record.position { return a.record.position < b.record.position }
        if a.record.offset != b.record.offset { return a.record.offset < b.record.offset }
        return a.element < b.element
    }

    private var tsMs: Int64 {
        if case .success(let event) = event { event.tsMs } else { .min }
    }
}

extension Sequence<EngineInput> {
    /// The records that the inputs are of, each once.
    public var records: [SourceRecord] {
        compactMap { $0.element == 0 ? $0.record : nil }
    }
}
