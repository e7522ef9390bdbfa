import Events

/// A value on its way from a record into an event. What is null or an empty text is no value.
enum MappedValue {
    /// A text, an array or an object in place.
    case node(JSONNode)
    case text(String)
    case integer(Int64)
    case number(Double)
    case flag(Bool)

    init?(_ node: JSONNode) {
        switch node.shape {
        case .null: return nil
        case .no: self = .flag(false)
        case .yes: self = .flag(true)
        case .integer: self = .integer(node.integer)
        case .number: self = .number(node.double)
        case .text:
            if node.length == 0 { return nil }
            self = .node(node)
        case .array, .object: self = .node(node)
        }
    }

    init?(text: String?) {
        guard let text, !text.isEmpty else { return nil }
        self = .text(text)
    }

    /// Doubles above it may stand for several integers.
    private static let exactMax = 9_007_199_254_740_992.0

    /// The value as a text, where it is a scalar.
    func text() throws(MappingFault) -> String {
        switch self {
        case .text(let text): return text
        case .integer(let number): return String(number)
        case .flag(let flag): return flag ? "true" : "false"
        case .number(let number):
            guard abs(number) < Self.exactMax else {
                throw .invalid(
                    "must be a text or an integer of 64 bits, not the number \(number), whose digits are lost"
                )
            }
            return Int64(exactly: number).map(String.init) ?? number.description
        case .node(let node):
            guard node.shape == .text else {
                throw .invalid("must be a text or a number, not \(node.described)")
            }
            return node.string
        }
    }

    /// The value as a number, a text by its form.
    func number(_ form: NumberForm = .plain) throws(MappingFault) -> Double {
        switch self {
        case .integer(let number): return Double(number)
        case .number(let number): return number
        case .flag(let flag): throw .invalid("must be a number, not \(flag)")
        case .text, .node:
            let text = try text()
            guard let number = form.number(text) else {
                throw .invalid("must be a number\(form.described), not \"\(shortened(text))\"")
            }
            return number
        }
    }

    func flag() throws(MappingFault) -> Bool {
        switch self {
        case .flag(let flag): return flag
        case .integer(0): return false
        case .integer(1): return true
        default:
            let text = try text()
            switch text.lowercased() {
            case "true", "1": return true
            case "false", "0": return false
            default: throw .invalid("must be true or false, not \"\(shortened(text))\"")
            }
        }
    }

    /// Whether the value's text has these bytes.
    func reads(as text: [UInt8]) -> Bool {
        if case .node(let node) = self {
            return unsafe node.shape == .text && node.bytes.elementsEqual(text)
        }
        guard let own = try? self.text() else { return false }
        return own.utf8.elementsEqual(text)
    }

    func hasPrefix(_ prefix: [UInt8]) -> Bool {
        if case .node(let node) = self {
            return unsafe node.shape == .text && node.bytes.starts(with: prefix)
        }
        guard let own = try? self.text() else { return false }
        return own.utf8.starts(with: prefix)
    }

    /// As it stands in a message.
    var described: String {
        switch self {
        case .node(let node): node.described
        case .text(let text): "\"\(shortened(text, to: 40))\""
        case .integer(let number): String(number)
        case .number(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        }
    }
}
