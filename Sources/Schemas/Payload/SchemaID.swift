/// What a record says of its schema: an id of one registry, or a GUID that is the same in all.
public enum SchemaID: Hashable, Sendable, CustomStringConvertible {
    /// Confluent's wire format, magic byte 0.
    case number(UInt32)
    /// Its magic byte 1: sixteen bytes, as two big-endian halves.
    case guid(UInt64, UInt64)

    /// `schema 7`, or the GUID's text with its dashes.
    public var description: String {
        switch self {
        case .number(let number): "schema \(number)"
        case .guid: "schema \(guidText ?? "")"
        }
    }

    /// The text of a GUID, `89791762-2336-4186-9674-299b90a802e2`; `nil` for a number.
    public var guidText: String? {
        guard case .guid(let high, let low) = self else { return nil }
        let digits = Array((Self.hexadecimal(high) + Self.hexadecimal(low)).utf8)
        var text: [UInt8] = []
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append(0x2d) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func hexadecimal(_ half: UInt64) -> String {
        let text = String(half, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
