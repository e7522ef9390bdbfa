import Events

extension Mapping {
    /// The fields of an event as it was written, in order, those of objects inside it by their path.
    package func fields(of written: [UInt8]) -> [(name: String, value: String)] {
        guard let value = try? JSONParser().value(written) else { return [] }
        return Self.fields(value, prefix: "")
    }

    private static func fields(_ value: JSONValue, prefix: String) -> [(String, String)] {
        guard case .object(let members) = value else { return [] }
        return members.flatMap { member -> [(String, String)] in
            let name = prefix + member.key
            return switch member.value {
            case .object: fields(member.value, prefix: name + ".")
            case .text(let text): [(name, text)]
            case .integer(let number): [(name, String(number))]
            case .number(let number): [(name, "\(number)")]
            case .bool(let flag): [(name, "\(flag)")]
            case .null, .array: []
            }
        }
    }

    /// Where a rule has a field from, in few words.
    package func source(of field: String, rule name: String) -> String? {
        for case .event(_, let object) in rules.filter({ $0.name == name }).map(\.outcome) {
            if let source = object.source(of: field) { return source }
        }
        return nil
    }
}
