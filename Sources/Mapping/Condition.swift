/// What a rule asks of a record or of an element.
indirect enum Condition: Sendable {
    case equals(ValueSource, [UInt8])
    case oneOf(ValueSource, [[UInt8]])
    case prefix(ValueSource, [UInt8])
    case exists(ValueSource, Bool)
    case all([Condition])
    case any([Condition])
    case not(Condition)

    /// What cannot be read as a text is equal to none.
    func holds(_ scope: Scope) -> Bool {
        switch self {
        case .equals(let source, let text): Self.value(source, scope)?.reads(as: text) == true
        case .oneOf(let source, let texts):
            if let value = Self.value(source, scope) {
                texts.contains { value.reads(as: $0) }
            } else {
                false
            }
        case .prefix(let source, let text): Self.value(source, scope)?.hasPrefix(text) == true
        case .exists(let source, let isWanted): (Self.value(source, scope) != nil) == isWanted
        case .all(let parts): parts.allSatisfy { $0.holds(scope) }
        case .any(let parts): parts.contains { $0.holds(scope) }
        case .not(let part): !part.holds(scope)
        }
    }

    private static func value(_ source: ValueSource, _ scope: Scope) -> MappedValue? {
        try? source.value(scope)
    }
}

extension Condition {
    private static let combinations = ["all", "any", "not"]
    private static let operators = ["equals", "one_of", "prefix", "exists"]

    /// Reads a map: a source with one operator, or `all`, `any`, `not`. A list is `all` of it.
    init?(_ node: MappingNode, _ reading: MappingReading) {
        let read: Condition? = reading.deeper(node) {
            if node.elements != nil { return Self.parts(node, reading).map(Condition.all) }
            guard let entries = node.entries, !entries.isEmpty else {
                return reading.refuse(
                    node, "a condition must be a map or a list, not \(node.described)")
            }
            if let first = entries.first, Self.combinations.contains(first.key) {
                guard entries.count == 1 else {
                    return reading.refuse(node, "'\(first.key)' must stand alone in its map")
                }
                switch first.key {
                case "all": return Self.parts(first.value, reading).map(Condition.all)
                case "any": return Self.parts(first.value, reading).map(Condition.any)
                default: return Condition(first.value, reading).map(Condition.not)
                }
            }
            return Self.comparison(node, entries, reading)
        }
        guard let read else { return nil }
        self = read
    }

    private static func parts(
        _ node: MappingNode, _ reading: MappingReading
    ) -> [Condition]? {
        guard let elements = node.elements, (1...1_000).contains(elements.count) else {
            return reading.refuse(node, "must be a list of 1 to 1,000 conditions")
        }
        let parts = elements.compactMap { Condition($0, reading) }
        return parts.count == elements.count ? parts : nil
    }

    private static func comparison(
        _ node: MappingNode, _ entries: [MappingNode.Entry], _ reading: MappingReading
    ) -> Condition? {
        let given = entries.filter { operators.contains($0.key) }
        guard given.count == 1, let comparison = given.first else {
            return reading.refuse(
                node,
                "a condition must have one of \(operators.joined(separator: ", ")), or be all, any or not"
            )
        }
        let rest = entries.filter { !operators.contains($0.key) }
        guard !rest.isEmpty,
            let source = ValueSource(MappingNode(.map(rest), line: node.line), reading)
        else {
            return rest.isEmpty
                ? reading.refuse(node, "a condition must say of what: path, header, record, …")
                : nil
        }
        let value = comparison.value
        switch comparison.key {
        case "exists": return reading.flag(value, "exists").map { .exists(source, $0) }
        case "one_of":
            guard let elements = value.elements, !elements.isEmpty else {
                return reading.refuse(value, "one_of must be a list, not \(value.described)")
            }
            let texts = elements.compactMap { reading.text($0, "one_of") }
            guard texts.count == elements.count else { return nil }
            return .oneOf(source, texts.map { Array($0.utf8) })
        default:
            guard let text = reading.text(value, comparison.key) else { return nil }
            return comparison.key == "prefix"
                ? .prefix(source, Array(text.utf8)) : .equals(source, Array(text.utf8))
        }
    }
}
