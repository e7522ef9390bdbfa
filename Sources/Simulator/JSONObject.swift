/// Writes one flat or nested JSON object, members in the order they are given.
///
/// Numbers are the shortest text that reads back as the same double, so equal events are equal
/// bytes.
struct JSONObject {
    private(set) var text = "{"

    mutating func member(_ name: String, _ value: String) { raw(name, Self.quoted(value)) }
    mutating func member(_ name: String, _ value: Int) { raw(name, String(value)) }
    mutating func member(_ name: String, _ value: Int64) { raw(name, String(value)) }

    /// - Parameter value: finite.
    mutating func member(_ name: String, _ value: Double) {
        precondition(value.isFinite, "\(name) is \(value)")
        let digits = value.description
        raw(name, digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits)
    }

    mutating func member(_ name: String, _ value: String?) {
        if let value { member(name, value) }
    }

    mutating func member(_ name: String, _ value: Double?) {
        if let value { member(name, value) }
    }

    mutating func member(_ name: String, object: (inout JSONObject) -> Void) {
        var inner = JSONObject()
        object(&inner)
        raw(name, inner.closed)
    }

    var closed: String { text + "}" }

    private mutating func raw(_ name: String, _ value: String) {
        if text.utf8.count > 1 { text += "," }
        text += Self.quoted(name)
        text += ":"
        text += value
    }

    private static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\u{0}"..<"\u{20}":
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
