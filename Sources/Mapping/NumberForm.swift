/// How a number is written as a text: its decimal mark, and what groups its digits by three.
struct NumberForm: Sendable, Hashable {
    var decimal = UInt8(ascii: ".")
    /// `nil`: digits are not grouped.
    var grouping: UInt8?

    static let plain = NumberForm()

    /// Longest text that is looked at, bytes.
    private static let bytesMax = 64

    /// What an error says of the form.
    var described: String {
        self == .plain
            ? ""
            : " with the decimal mark '\(Character(UnicodeScalar(decimal)))'"
                + (grouping.map { " and groups by '\(Character(UnicodeScalar($0)))'" } ?? "")
    }

    /// The number that the text is, all of it, but for spaces around it; `nil` where it is none.
    func number(_ text: String) -> Double? {
        guard text.utf8.count <= Self.bytesMax else { return nil }
        let trimmed = text.utf8.drop { $0 == 0x20 }
        let end = trimmed.reversed().drop { $0 == 0x20 }.count
        var rest = Array(trimmed.prefix(end))[...]
        var plain: [UInt8] = []
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            plain.append(sign)
            rest.removeFirst()
        }
        guard let whole = takeWhole(&rest) else { return nil }
        plain += whole
        if rest.first == decimal {
            rest.removeFirst()
            let digits = Self.takeDigits(&rest)
            guard !digits.isEmpty else { return nil }
            plain.append(UInt8(ascii: "."))
            plain += digits
        }
        if let mark = rest.first, mark | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            plain.append(UInt8(ascii: "e"))
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                plain.append(sign)
                rest.removeFirst()
            }
            let digits = Self.takeDigits(&rest)
            guard !digits.isEmpty else { return nil }
            plain += digits
        }
        guard rest.isEmpty, let number = Double(String(decoding: plain, as: UTF8.self)),
            number.isFinite
        else { return nil }
        return number
    }

    /// The digits before the decimal mark, without what groups them.
    private func takeWhole(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var whole = Self.takeDigits(&rest)
        guard !whole.isEmpty else { return nil }
        guard let grouping, rest.first == grouping else { return whole }
        guard whole.count <= 3 else { return nil }
        while rest.first == grouping {
            rest.removeFirst()
            let group = Self.takeDigits(&rest)
            guard group.count == 3 else { return nil }
            whole += group
        }
        return whole
    }

    private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits
    }
}

extension NumberForm {
    /// Reads `{decimal: ",", grouping: "."}`.
    init?(_ node: MappingNode, _ reading: MappingReading) {
        guard
            let members = reading.members(node, of: ["decimal", "grouping"], what: "number")
        else { return nil }
        self.init()
        func mark(_ key: String) -> UInt8? {
            guard let node = members[key] else { return nil }
            let allowed = Array(".,' _".utf8)
            if let text = node.text, text.utf8.count == 1, let byte = text.utf8.first,
                allowed.contains(byte)
            {
                return byte
            }
            return reading.refuse(
                node, "\(key) must be one of . , ' _ or a space, not \(node.described)")
        }
        decimal = mark("decimal") ?? decimal
        grouping = mark("grouping")
        if grouping == decimal {
            reading.refuse(node, "decimal and grouping must differ") as Void?
            return nil
        }
    }
}
