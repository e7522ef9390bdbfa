import Events
import Records

/// Why a record is no event.
public struct RejectedRecord: Error {
    /// In a sentence.
    public let reason: String
    /// A short stable name, for counting.
    public let code: String

    public init(reason: String, code: String) {
        self.reason = reason
        self.code = code
    }
}

/// One record and what decoding made of it.
public struct EngineInput: Sendable {
    public let record: SourceRecord
    public let event: Result<Event, RejectedRecord>

    public init(record: SourceRecord, event: Result<Event, RejectedRecord>) {
        self.record = record
        self.event = event
    }

    /// The order of events inside a batch: event time, then where they came from. Records that
    /// cannot be read have no time and come first.
    static func precedes(_ a: EngineInput, _ b: EngineInput) -> Bool {
        if a.tsMs != b.tsMs { return a.tsMs < b.tsMs }
        if a.record.position != b.record.position { return a.record.position < b.record.position }
        return a.record.offset < b.record.offset
    }

    private var tsMs: Int64 {
        if case .success(let event) = event { event.tsMs } else { .min }
    }
}
