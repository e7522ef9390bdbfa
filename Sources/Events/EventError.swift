import Records

/// Why a record is no event. The description is a sentence for the dead-letter topic.
public enum EventError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A null payload.
    case tombstone
    /// Longer than `EventLimits.recordBytesMax`.
    case tooLarge(byteCount: Int, byteCountMax: Int)
    /// The record begins with Confluent's magic byte 0 and is no framed JSON.
    case framing(String)
    /// Some byte is not part of UTF-8.
    case notUTF8
    /// Not one JSON document; the text says what is wrong.
    case malformed(String)
    /// Which of two values holds would be chance.
    case duplicateKey(String)
    /// A document of another kind, which the text names.
    case notAnObject(String)
    /// A field that its type needs.
    case missing(field: String)
    /// The type is none of the contract's.
    case unknownType(String)
    /// Of a type that is not asked for: no fault.
    case ignored(type: String)
    /// A field whose value is not what it must be.
    case invalid(field: String, requirement: String, found: String)
    /// Fields that are fine one by one and not together.
    case inconsistent(String)
    /// `ts` is ahead of the record's own timestamp. Units: milliseconds.
    case clockSkew(aheadMs: Int64, aheadMsMax: Int64)
    /// Ahead of the clock of whoever read the record.
    case aheadOfClock(tsMs: Int64, clockMs: Int64, aheadMsMax: Int64)
    /// A number that is a time after 2000 in another unit than milliseconds, `seconds` or
    /// `microseconds`.
    case epochUnit(number: Int64, unit: String, asMs: Int64)
    /// As `clockSkew`, in a log without timestamps of its own.
    case neighbourSkew(aheadMs: Int64, aheadMsMax: Int64)
    /// The parser got no memory for the record.
    case outOfMemory
    /// One record stands for more events than are taken at once.
    case tooManyElements(countMax: Int)

    /// A sentence without an end, with the field first where there is one.
    public var description: String {
        switch self {
        case .tombstone: "the record has no payload (a tombstone)"
        case .tooLarge(let count, let bound):
            "the record has \(count) bytes, more than the \(bound) allowed"
        case .framing(let what): "the record begins with the magic byte 0 of a schema id, \(what)"
        case .notUTF8: "the record is not UTF-8"
        case .malformed(let what): "the record is not a JSON document: \(what)"
        case .duplicateKey(let key): "\(key): the key is there twice in one object"
        case .notAnObject(let found): "the record must be a JSON object, not \(found)"
        case .missing(let field): "\(field): is missing"
        case .unknownType(let name):
            "type: must be one of "
                + EventType.allCases.map(\.rawValue).joined(separator: ", ") + ", not \(name)"
        case .ignored(let type): "type \(type) is ignored in this topic"
        case .invalid(let field, let requirement, let found):
            "\(field): must be \(requirement), not \(found)"
        case .inconsistent(let what): what
        case .clockSkew(let ahead, let bound):
            "ts: is \(duration(ahead)) ahead of the record's own timestamp, more than the "
                + "\(duration(bound)) allowed"
        case .aheadOfClock(let ts, let clock, let bound):
            "ts: is \(Timestamp.text(ms: ts)), \(duration(span(from: clock, to: ts))) ahead of the daemon's clock "
                + "(\(Timestamp.text(ms: clock))), more than the \(duration(bound)) allowed"
        case .epochUnit(let number, let unit, let ms):
            "ts: must be an RFC 3339 date-time or epoch milliseconds, from 2000 to 9999, not "
                + "\(number): that looks like epoch \(unit) (\(Timestamp.text(ms: ms)))"
        case .neighbourSkew(let ahead, let bound):
            "ts: is \(duration(ahead)) ahead of the lines around it, more than the "
                + "\(duration(bound)) allowed"
        case .outOfMemory: "no memory left to parse the record"
        case .tooManyElements(let most): "the record has more than \(most) elements"
        }
    }

    /// The code of records that are passed over, and are no dead letters.
    public static let ignoredCode = "ignored"

    /// A short stable name for counters and message headers.
    public var code: String {
        switch self {
        case .tombstone: "tombstone"
        case .tooLarge: "too_large"
        case .framing: "framing"
        case .notUTF8: "not_utf8"
        case .malformed: "malformed_json"
        case .duplicateKey: "duplicate_key"
        case .notAnObject: "not_an_object"
        case .missing: "missing_field"
        case .unknownType: "unknown_type"
        case .ignored: Self.ignoredCode
        case .invalid: "invalid_field"
        case .inconsistent: "inconsistent_fields"
        case .clockSkew, .neighbourSkew: "clock_skew"
        case .aheadOfClock: "ahead_of_clock"
        case .epochUnit: "epoch_unit"
        case .outOfMemory: "out_of_memory"
        case .tooManyElements: "too_many_elements"
        }
    }

    /// The field at fault, with its path (`context.page`), where one field is.
    public var field: String? {
        switch self {
        case .missing(let field), .invalid(let field, _, _), .duplicateKey(let field): field
        case .unknownType: "type"
        case .clockSkew, .neighbourSkew, .aheadOfClock, .epochUnit: "ts"
        default: nil
        }
    }
}

/// The clock may say anything.
private func span(from earlier: Int64, to later: Int64) -> Int64 {
    let (ms, overflow) = later.subtractingReportingOverflow(earlier)
    return overflow ? .max : ms
}

/// A span of time in the largest unit that leaves it at 1 or more, to one decimal.
private func duration(_ ms: Int64) -> String {
    let units: [(String, Int64)] = [
        ("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000), ("s", 1000),
    ]
    for (unit, size) in units where ms >= size {
        let tenths = ms / (size / 10)
        return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(ms) ms"
}
