import Events

extension Rule {
    private static let keys = [
        "name", "when", "then", "each", "where", "currency", "fields", "reason",
    ]

    /// - Parameters:
    ///   - number: from 1.
    ///   - currency: what amounts are in where the rule does not say.
    static func read(
        _ node: MappingNode, number: Int, currency: ValueSource?, _ reading: MappingReading
    ) -> Rule? {
        let name = node["name"]?.text ?? "\(number)"
        return reading.inside("rule '\(name)'") {
            guard let members = reading.members(node, of: Self.keys, what: "a rule") else {
                return nil
            }
            if let given = members["name"], given.text == nil || name.utf8.count > 128 {
                return reading.refuse(given, "name must be a text of at most 128 bytes")
            }
            return Self.read(node, members, name: name, currency, reading)
        }
    }

    private static func read(
        _ node: MappingNode, _ members: [String: MappingNode], name: String,
        _ standard: ValueSource?, _ reading: MappingReading
    ) -> Rule? {
        reading.hasElement = false
        var when: Condition?
        if let condition = members["when"] {
            guard let read = reading.inside("when", { Condition(condition, reading) }) else {
                return nil
            }
            when = read
        }
        guard let then = members["then"], let text = reading.text(then, "then") else {
            return members["then"] == nil
                ? reading.refuse(node, "has no 'then': an event type, ignore or dead_letter") : nil
        }
        let isEvent = EventType(rawValue: text) != nil
        for key in ["each", "where", "currency", "fields"] where !isEvent {
            if let extra = members[key] {
                return reading.refuse(extra, "'\(key)' is of rules that make events")
            }
        }
        if let reason = members["reason"], text != "dead_letter" {
            return reading.refuse(reason, "'reason' is of dead_letter alone")
        }
        switch text {
        case "ignore":
            return Rule(name: name, when: when, outcome: .ignore)
        case "dead_letter":
            let reason = members["reason"]?.text ?? "is refused by the rule"
            return Rule(name: name, when: when, outcome: .deadLetter(reason))
        default:
            guard let type = EventType(rawValue: text) else {
                let types = EventType.allCases.map(\.rawValue).joined(separator: ", ")
                return reading.refuse(
                    then, "then must be one of \(types), ignore, dead_letter, not '\(text)'")
            }
            return event(
                type, node, members, name: name, when: when, standard: standard, reading)
        }
    }

    private static func event(
        _ type: EventType, _ node: MappingNode, _ members: [String: MappingNode], name: String,
        when: Condition?, standard: ValueSource?, _ reading: MappingReading
    ) -> Rule? {
        var each: ValuePath?
        if let path = members["each"] {
            guard let text = reading.text(path, "each"),
                let read = ValuePath(text, many: true, at: path, reading)
            else { return nil }
            each = read
        }
        reading.hasElement = each != nil
        defer { reading.hasElement = false }
        var filter: Condition?
        if let condition = members["where"] {
            guard each != nil else {
                return reading.refuse(condition, "'where' is of rules with 'each'")
            }
            guard let read = reading.inside("where", { Condition(condition, reading) }) else {
                return nil
            }
            filter = read
        }
        var currency = standard
        if let source = members["currency"] {
            guard let read = reading.inside("currency", { ValueSource(source, reading) }) else {
                return nil
            }
            currency = read
        }
        guard let fields = members["fields"] else {
            return reading.refuse(node, "has no 'fields'")
        }
        guard let object = ObjectRule(fields, of: type, reading) else { return nil }
        if each != nil, let id = object.members.first(where: { $0.name == "event_id" }),
            !id.isOfElement
        {
            return reading.refuse(
                fields,
                "event_id: is the same for every element of 'each'; join it with {record: index} or with a path that begins with @"
            )
        }
        return Rule(
            name: name, when: when, each: each, filter: filter, currency: currency,
            outcome: .event(type, object))
    }
}

extension ObjectRule {
    /// Reads the fields of an event.
    init?(_ node: MappingNode, of type: EventType, _ reading: MappingReading) {
        let required = type.requiredFields
        let allowed = required + type.optionalFields
        guard let members = Self.members(node, allowed, prefix: "", reading) else { return nil }
        self.init(members: members)
        let missing = required.filter { field in
            !members.contains { $0.name == field.text }
        }
        if let first = missing.first {
            reading.refuse(
                node, "\(first.text): is missing; every \(type.rawValue) needs it") as Void?
            return nil
        }
        let alternatives = type.alternativeFields
        guard let first = alternatives.first else { return }
        let names = Set(alternatives.map(\.text))
        guard members.contains(where: { names.contains($0.name) }) else {
            let others = alternatives.dropFirst().map { ", or " + $0.text }.joined()
            reading.refuse(
                node, "\(first.text): is missing; every \(type.rawValue) needs it\(others)")
                as Void?
            return nil
        }
    }

    private static func members(
        _ node: MappingNode, _ allowed: [FieldName], prefix: String, _ reading: MappingReading
    ) -> [MemberRule]? {
        guard
            let entries = reading.members(
                node, of: allowed.map(\.text),
                what: prefix.isEmpty ? "fields" : String(prefix.dropLast()))
        else { return nil }
        // The list price first: discounts are shares of it.
        var list: ValueSource?
        var members: [MemberRule] = []
        for field in allowed.filter({ $0 == .price }) + allowed.filter({ $0 != .price }) {
            guard let inner = entries[field.text] else { continue }
            let member = reading.inside(prefix + field.text) {
                MemberRule(field, inner, prefix: prefix, list: list, reading)
            }
            guard let member else { continue }
            if field == .price, case .value(_, let source, _) = member.content { list = source }
            members.append(member)
        }
        return members.count == entries.count ? members : nil
    }
}

extension MemberRule {
    fileprivate convenience init?(
        _ field: FieldName, _ node: MappingNode, prefix: String, list: ValueSource?,
        _ reading: MappingReading
    ) {
        let name = prefix + field.text
        let kind: Kind
        switch field.kind {
        case .text: kind = .text
        case .number: kind = .number
        case .amount: kind = .amount
        case .time: kind = .time
        case .flag: kind = .flag
        case .attributes:
            let most =
                field == .context ? EventLimits.contextFieldsMax : EventLimits.attributesMax
            guard let entries = node.entries, entries.count <= most else {
                reading.refuse(node, "must be a map of at most \(most) names and sources") as Void?
                return nil
            }
            let members = entries.compactMap { entry in
                reading.inside(entry.key) {
                    MemberRule(attribute: entry, in: name, reading)
                }
            }
            guard members.count == entries.count else { return nil }
            self.init(
                name: name, key: .field(field), content: .object(ObjectRule(members: members)))
            return
        case .item:
            guard let object = ObjectRule(inline: node, reading) else { return nil }
            self.init(name: name, key: .field(field), content: .object(object))
            return
        }
        guard let source = ValueSource(node, list: list, reading) else { return nil }
        var isRequired = false
        if let flag = node["required"] {
            guard let read = reading.flag(flag, "required") else { return nil }
            isRequired = read
        }
        self.init(
            name: name, key: .field(field),
            content: .value(kind, source, isRequired: isRequired))
    }

    /// An entry of `context` or `attributes`.
    private convenience init?(
        attribute entry: MappingNode.Entry, in name: String, _ reading: MappingReading
    ) {
        guard (1...EventLimits.attributeKeyBytesMax).contains(entry.key.utf8.count) else {
            reading.refuse(
                entry.line,
                "names must have 1 to \(EventLimits.attributeKeyBytesMax) bytes") as Void?
            return nil
        }
        guard let source = ValueSource(entry.value, reading) else { return nil }
        self.init(
            name: "\(name).\(entry.key)", key: .name(Array(entry.key.utf8)),
            content: .value(.attribute, source, isRequired: false))
    }
}

extension ObjectRule {
    /// The fields of an item inside another event.
    fileprivate init?(inline node: MappingNode, _ reading: MappingReading) {
        guard let members = Self.members(node, EventType.inlineItem, prefix: "item.", reading)
        else { return nil }
        self.init(members: members)
    }
}
