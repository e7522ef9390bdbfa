import Events

/// How the records of a topic become events: rules in order, of which the first counts whose
/// condition holds.
package struct Mapping: Sendable {
    /// How documents lie in a record.
    enum Format: String, Sendable, CaseIterable {
        /// One JSON object, or an array of them.
        case json
        /// JSON objects, one a line.
        case lines
        case csv, tsv
    }

    /// What the documents are wrapped in.
    enum Envelope: String, Sendable, CaseIterable {
        case none, cloudevents, debezium
    }

    /// What becomes of a document that no rule takes.
    enum Otherwise: String, Sendable, CaseIterable {
        case ignore
        case deadLetter = "dead_letter"
    }

    /// The currencies that amounts may be in.
    struct Currencies: Sendable {
        /// The shop's own.
        var base: String
        /// What one unit of another is worth in it.
        var rates: [String: Double] = [:]
    }

    /// What the mapping is called in errors: a file's name, or a preset's.
    package let name: String
    let format: Format
    /// Of `csv` and `tsv`.
    let columns: [String]
    let envelope: Envelope
    let rules: [Rule]
    let otherwise: Otherwise
    /// `nil`: amounts are taken as they are.
    let currencies: Currencies?
    /// Keys that paths name, by the index that the parser marks them with.
    let names: [String]

    package var ruleNames: [String] { rules.map(\.name) }

    /// Most elements that one record may give: what a daemon learns at once is bounded.
    package static let elementsMax = 10_000
    static let rulesMax = 1_000
}

// MARK: Reading

extension Mapping {
    private static let keys = [
        "format", "columns", "envelope", "currency", "tables", "rules", "otherwise",
    ]

    /// Reads a mapping and says all that is wrong with it.
    ///
    /// - Parameters:
    ///   - file: what it is called in errors.
    ///   - currency: the shop's currency, where the mapping does not say it or another is meant.
    package init(
        _ node: MappingNode, file: String, currency: String? = nil
    ) throws(MappingProblems) {
        let reading = MappingReading(file: file)
        let mapping = Self.read(node, base: currency, reading)
        guard let mapping, reading.problems.isEmpty else {
            let none = MappingProblem(file: file, line: node.line, message: "cannot be read")
            throw MappingProblems(reading.problems.isEmpty ? [none] : reading.problems)
        }
        self = mapping
    }

    private static func read(
        _ node: MappingNode, base: String?, _ reading: MappingReading
    ) -> Mapping? {
        guard let members = reading.members(node, of: keys, what: "a mapping") else { return nil }
        let format =
            members["format"].map { reading.choice($0, "format", as: Format.self) } ?? .json
        let envelope =
            members["envelope"].map { reading.choice($0, "envelope", as: Envelope.self) }
            ?? Envelope.none
        for entry in members["tables"]?.entries ?? [] {
            reading.inside("table '\(entry.key)'") {
                guard var table = LookupTable(entry.value, other: nil, reading) else { return }
                table = LookupTable(name: "table '\(entry.key)'", values: table.values)
                reading.tables[entry.key] = table
            }
        }
        if let tables = members["tables"], tables.entries == nil {
            reading.refuse(tables, "tables must be a map of names and tables") as Void?
        }
        let (currencies, field) = currency(members["currency"], base: base, reading)
        guard let rules = members["rules"]?.elements, (1...rulesMax).contains(rules.count) else {
            return reading.refuse(
                members["rules"] ?? node, "'rules' must be a list of 1 to \(rulesMax) rules")
        }
        let read = rules.enumerated().compactMap { index, rule in
            Rule.read(rule, number: index + 1, currency: field, reading)
        }
        guard let last = members["otherwise"] else {
            return reading.refuse(
                node,
                "has no 'otherwise': what becomes of records that no rule takes, ignore or dead_letter"
            )
        }
        let otherwise = reading.choice(last, "otherwise", as: Otherwise.self)
        let columns = Self.columns(members["columns"], format, node, reading)
        if currencies == nil, read.contains(where: { $0.currency != nil }) {
            reading.refuse(
                node,
                "reads a currency, and nobody says what the shop's own is: add currency: EUR, or another code, to the topic"
            ) as Void?
        }
        guard let format, let envelope, let otherwise, let columns else { return nil }
        return Mapping(
            name: reading.file, format: format, columns: columns, envelope: envelope, rules: read,
            otherwise: otherwise, currencies: currencies, names: reading.names)
    }

    private static func currency(
        _ node: MappingNode?, base: String?, _ reading: MappingReading
    ) -> (Currencies?, ValueSource?) {
        reading.inside("currency") {
            guard let node else { return (base.map { Currencies(base: $0) }, nil) }
            guard let members = reading.members(node, of: ["base", "field", "rates"], what: "it")
            else { return (nil, nil) }
            let field = members["field"].flatMap { ValueSource($0, reading) }
            guard let code = base ?? members["base"]?.text else {
                return (nil, field)
            }
            if !Currency.isCode(code) {
                reading.refuse(
                    members["base"] ?? node, "base must be a code like EUR, not '\(code)'") as Void?
            }
            var currencies = Currencies(base: code)
            for entry in members["rates"]?.entries ?? [] {
                guard let rate = reading.number(entry.value, "a rate") else { continue }
                guard rate > 0, Currency.isCode(entry.key) else {
                    reading.refuse(
                        entry.line,
                        "rates must be codes like USD and numbers above 0, not \(entry.key): \(rate)"
                    ) as Void?
                    continue
                }
                currencies.rates[entry.key] = rate
            }
            if let rates = members["rates"], rates.entries == nil {
                reading.refuse(rates, "rates must be a map of codes and numbers") as Void?
            }
            return (currencies, field)
        }
    }

    private static func columns(
        _ node: MappingNode?, _ format: Format?, _ mapping: MappingNode, _ reading: MappingReading
    ) -> [String]? {
        let isTable = format == .csv || format == .tsv
        guard let node else {
            return isTable
                ? reading.refuse(mapping, "format csv and tsv need 'columns', a list of names") : []
        }
        guard isTable else {
            return reading.refuse(node, "'columns' is of format csv and tsv")
        }
        let columns = (node.elements ?? []).compactMap { reading.text($0, "a column") }
        guard columns.count == node.elements?.count, (1...1_000).contains(columns.count),
            Set(columns).count == columns.count
        else {
            return reading.refuse(node, "columns must be a list of 1 to 1,000 different names")
        }
        return columns
    }
}
