import Events

extension MappingNode {
    /// As JSON: what is written without quotes is a number or a truth value where it looks like
    /// one.
    var json: [UInt8] {
        switch value {
        case .null: return Array("null".utf8)
        case .text(let text, let isPlain):
            if isPlain, Bool(text) != nil || NumberForm.plain.number(text) != nil {
                return Array(text.utf8)
            }
            return Self.quoted(text)
        case .list(let elements):
            return [0x5b] + elements.map(\.json).joined(separator: [0x2c]) + [0x5d]
        case .map(let entries):
            let members = entries.map { Self.quoted($0.key) + [0x3a] + $0.value.json }
            return [0x7b] + members.joined(separator: [0x2c]) + [0x7d]
        }
    }

    /// As JSON in one line, from which the same mapping is read. It has no character that readers of
    /// YAML take for the mark of an anchor or an alias, or for the end of a line.
    package var oneLine: String {
        var text = ""
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x26, 0x2a, 0x7f...0x9f, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func quoted(_ text: String) -> [UInt8] {
        var json = JSONWriter()
        var text = text
        text.withUTF8 { unsafe json.value(utf8: $0) }
        return json.bytes
    }
}
