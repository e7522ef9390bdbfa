import Events

extension ValueSource {
    /// Exactly one of these says where a value comes from.
    private static let kinds = [
        "path", "first", "join", "add", "sum", "count", "paid", "off", "attribute", "header",
        "record",
        "constant",
    ]
    /// What is done with it, in this order, whatever the order in the file.
    private static let conversions = [
        "trim", "lower", "table", "number", "time", "zone", "multiply", "divide", "text", "default",
    ]
    static let keys = kinds + ["with", "of", "times", "otherwise", "required"] + conversions

    /// Reads a path, a list of sources of which the first is taken that is there, or a map.
    ///
    /// - Parameter list: the source of the list price, which discounts are shares of.
    init?(_ node: MappingNode, list: ValueSource? = nil, _ reading: MappingReading) {
        let read: ValueSource? = reading.deeper(node) {
            switch node.value {
            case .text(let text, _):
                return ValuePath(text, at: node, reading).map(ValueSource.path)
            case .list(let elements):
                return Self.sources(elements, of: node, list, reading).map(ValueSource.first)
            case .map: return Self.read(node, list, reading)
            case .null:
                return reading.refuse(node, "a source must be a path, a list or a map, not nothing")
            }
        }
        guard let read else { return nil }
        self = read
    }

    /// Keys that only some kinds of source have.
    private static let owners: [(String, [String])] = [
        ("with", ["join"]), ("of", ["sum", "paid", "off"]), ("times", ["sum"]),
    ]

    private static func sources(
        _ elements: [MappingNode], of node: MappingNode, _ list: ValueSource?,
        _ reading: MappingReading
    ) -> [ValueSource]? {
        guard (1...64).contains(elements.count) else {
            return reading.refuse(node, "a list of sources must have 1 to 64 of them")
        }
        let sources = elements.compactMap { ValueSource($0, list: list, reading) }
        return sources.count == elements.count ? sources : nil
    }

    private static func read(
        _ node: MappingNode, _ list: ValueSource?, _ reading: MappingReading
    ) -> ValueSource? {
        guard let members = reading.members(node, of: keys, what: "a source") else { return nil }
        let named = kinds.filter { members[$0] != nil }
        guard named.count == 1, let kind = named.first, let inner = members[kind] else {
            let found = named.isEmpty ? "none" : named.joined(separator: " and ")
            return reading.refuse(
                node,
                "a source must have one of \(kinds.joined(separator: ", ")), and has \(found)")
        }
        for (key, owners) in owners {
            guard let extra = members[key], !owners.contains(kind) else { continue }
            return reading.refuse(
                extra, "'\(key)' is of \(owners.joined(separator: " and ")) alone")
        }
        let source: ValueSource?
        switch kind {
        case "path": source = ValueSource.path(inner, reading)
        case "attribute":
            source = reading.text(inner, "attribute").flatMap { text in
                ValuePath(text, envelope: true, at: inner, reading).map {
                    .attribute($0, header: "ce_" + text)
                }
            }
        case "first":
            source = sources(inner.elements ?? [], of: inner, list, reading).map(ValueSource.first)
        case "join":
            guard let parts = sources(inner.elements ?? [], of: inner, list, reading) else {
                return nil
            }
            source = .join(parts, with: members["with"]?.text ?? "-")
        case "add":
            source = sources(inner.elements ?? [], of: inner, list, reading).map(ValueSource.add)
        case "sum": source = SumSource(inner, members, reading).map(Self.sum)
        case "count": source = many(inner, reading).map(ValueSource.count)
        case "paid", "off":
            source =
                DiscountSource(
                    inner, isPaid: kind == "paid", of: members["of"], list: list, reading
                ).map(Self.discount)
        case "header": source = reading.text(inner, "header").map(Self.header)
        case "record": source = record(inner, reading)
        default: source = Constant(inner, "constant", reading).map(Self.constant)
        }
        guard let source,
            let conversions = Conversion.read(members, isSum: kind == "sum", list, reading)
        else { return nil }
        return conversions.isEmpty ? source : .converted(source, conversions)
    }

    private static func path(_ node: MappingNode, _ reading: MappingReading) -> ValueSource? {
        reading.text(node, "path").flatMap { text in
            ValuePath(text, at: node, reading).map(ValueSource.path)
        }
    }

    fileprivate static func many(
        _ node: MappingNode, _ reading: MappingReading
    ) -> ValuePath? {
        guard let text = reading.text(node, "sum and count"),
            let path = ValuePath(text, many: true, at: node, reading)
        else { return nil }
        guard path.isMany else {
            return reading.refuse(
                node, "the path '\(text)' has no [*], so that there is nothing to sum or count")
        }
        return path
    }

    private static func record(_ node: MappingNode, _ reading: MappingReading) -> ValueSource? {
        guard let part = reading.choice(node, "record", as: RecordPart.self) else { return nil }
        guard part != .index || reading.hasElement else {
            return reading.refuse(node, "record: index is of rules with 'each'")
        }
        return .record(part)
    }
}

extension ValueSource.Constant {
    init?(_ node: MappingNode, _ what: String, _ reading: MappingReading) {
        guard case .text(let text, let isPlain) = node.value, !text.isEmpty else {
            reading.refuse(
                node, "\(what) must be a text, a number, true or false, not \(node.described)")
                as Void?
            return nil
        }
        if isPlain, let number = Int64(text) {
            self = .integer(number)
        } else if isPlain, let number = NumberForm.plain.number(text) {
            self = .number(number)
        } else if isPlain, let flag = Bool(text) {
            self = .flag(flag)
        } else {
            self = .text(text)
        }
    }
}

extension SumSource {
    /// Reads `sum: PATH`, with `of` and `times` where its elements are objects.
    fileprivate init?(
        _ node: MappingNode, _ members: [String: MappingNode], _ reading: MappingReading
    ) {
        guard let path = ValueSource.many(node, reading) else { return nil }
        self.init(path: path)
        func term(_ key: String) -> ValuePath?? {
            guard let node = members[key] else { return .some(nil) }
            guard let text = reading.text(node, key) else { return nil }
            return ValuePath(text, at: node, reading).map(Optional.some)
        }
        guard let of = term("of"), let times = term("times") else { return nil }
        self.of = of
        self.times = times
        if let number = members["number"] {
            guard let form = NumberForm(number, reading) else { return nil }
            self.form = form
        }
    }
}

extension DiscountSource {
    /// Reads `paid: SOURCE` or `off: SOURCE`, with `of: SOURCE` where that is not the price.
    fileprivate init?(
        _ node: MappingNode, isPaid: Bool, of written: MappingNode?, list: ValueSource?,
        _ reading: MappingReading
    ) {
        guard let list = written.map({ ValueSource($0, reading) }) ?? list else {
            if written == nil {
                reading.refuse(
                    node, "paid and off need the list price: the field price, or 'of'") as Void?
            }
            return nil
        }
        guard let amount = ValueSource(node, reading) else { return nil }
        self.init(list: list, amount: amount, isPaid: isPaid)
    }
}

extension Conversion {
    /// The conversions that a source has, in their order; `nil` where one of them is wrong.
    fileprivate static func read(
        _ members: [String: MappingNode], isSum: Bool, _ list: ValueSource?,
        _ reading: MappingReading
    ) -> [Conversion]? {
        var found: [Conversion?] = []
        for (key, conversion) in [("trim", Conversion.trim), ("lower", .lower)] {
            guard let node = members[key] else { continue }
            guard let isWanted = reading.flag(node, key) else { return nil }
            if isWanted { found.append(conversion) }
        }
        if let node = members["table"] {
            found.append(
                LookupTable(node, other: members["otherwise"], reading).map(Conversion.table))
        } else if let node = members["otherwise"] {
            return reading.refuse(node, "'otherwise' is of 'table' alone")
        }
        if let node = members["number"], !isSum {
            found.append(NumberForm(node, reading).map(Conversion.number))
        }
        if let node = members["time"] {
            found.append(TimeForm(node, zone: members["zone"], reading).map(Conversion.time))
        } else if let node = members["zone"] {
            return reading.refuse(node, "'zone' is of 'time' alone")
        }
        if let node = members["multiply"] {
            found.append(Operand(node, "multiply", reading).map(Conversion.multiply))
        }
        if let node = members["divide"] {
            found.append(Operand(node, "divide", reading).map(Conversion.divide))
        }
        if let node = members["text"] {
            guard let isWanted = reading.flag(node, "text") else { return nil }
            if isWanted { found.append(.text) }
        }
        if let node = members["default"] {
            found.append(
                ValueSource.Constant(node, "default", reading).map(Conversion.standard))
        }
        let read = found.compactMap(\.self)
        return read.count == found.count ? read : nil
    }
}

extension Conversion.Operand {
    fileprivate init?(_ node: MappingNode, _ what: String, _ reading: MappingReading) {
        if node.text == "minor_units" {
            self = .minorUnits
        } else if let text = node.text, let number = NumberForm.plain.number(text) {
            guard number != 0 else {
                reading.refuse(node, "\(what) must not be by 0") as Void?
                return nil
            }
            self = .number(number)
        } else {
            guard let source = ValueSource(node, reading) else { return nil }
            self = .source(source)
        }
    }
}

extension LookupTable {
    /// Reads the name of one of the mapping's tables, or a map.
    init?(_ node: MappingNode, other: MappingNode?, _ reading: MappingReading) {
        if let name = node.text {
            guard let table = reading.tables[name] else {
                reading.refuse(node, "there is no table '\(name)' under 'tables'") as Void?
                return nil
            }
            self = table
        } else {
            guard let entries = node.entries, (1...10_000).contains(entries.count),
                entries.allSatisfy({ (1...256).contains($0.key.utf8.count) })
            else {
                reading.refuse(
                    node,
                    "a table must be a name, or a map of 1 to 10,000 texts of at most 256 bytes")
                    as Void?
                return nil
            }
            let values = entries.compactMap { entry in
                ValueSource.Constant(entry.value, "an entry", reading).map { (entry.key, $0) }
            }
            guard values.count == entries.count else { return nil }
            self.init(name: "the table", values: Dictionary(values) { first, _ in first })
        }
        if let other {
            guard let constant = ValueSource.Constant(other, "otherwise", reading) else {
                return nil
            }
            self.other = constant
        }
    }
}
