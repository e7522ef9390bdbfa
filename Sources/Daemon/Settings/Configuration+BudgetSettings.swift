import Pricing
import Records

extension Configuration.Pricing {
    /// A budget as it is written, and what is wrong with it.
    public struct BudgetEntry: Sendable {
        /// What could be read of it.
        public var budget: Budget
        /// In a sentence; `nil` where nothing is wrong.
        public var problem: String?
    }

    /// What is wrong with the budgets, each named by its place and name.
    var budgetProblems: [String] {
        var names: Set<String> = []
        var problems: [String] = []
        for (index, entry) in budgets.enumerated() {
            let name = entry.budget.name
            var problem = entry.problem ?? entry.budget.problem
            if problem == nil, entry.budget.spendMax == 0 || entry.budget.usesMax == 0 {
                problem =
                    "spend and uses must be above 0; to give nothing away there is kill_switch"
            }
            if !names.insert(name).inserted, problem == nil {
                problem = "name is that of another budget too"
            }
            if let problem { problems.append("[\(index)] '\(name)': \(problem)") }
        }
        if budgets.count > Budget.countMax {
            problems.append("has \(budgets.count) entries; there may be \(Budget.countMax)")
        }
        return problems
    }
}

extension Configuration {
    static let budgetSettings: [Setting] = [
        .list(
            "pricing.budgets", \.pricing.budgets,
            expects:
                "a list of maps like {name: spring, spend: 5000.00, uses: 800, period: month, time_zone: Europe/Berlin}",
            parse: Configuration.Pricing.BudgetEntry.init(value:), write: \.text,
            "How much may be given away (deploy/docs/budgets.md): spend (money, to the cent) and uses (discounted purchases) in each day, week or month of a time_zone, or in a campaign with from and until; of items, categories, brands, or of all. units: those that an offer is reserved for; pacing: false spends until nothing is left."
        )
    ]
}

extension Configuration.Pricing.BudgetEntry {
    private static let keys = [
        "name", "spend", "uses", "units", "period", "time_zone", "from", "until", "items",
        "categories", "brands", "pacing",
    ]

    /// Any map is read; what is wrong with it is said by `problem`.
    init?(value: ConfigurationValue) {
        guard case .map(let entries) = value else { return nil }
        var read = BudgetFields()
        for entry in entries {
            guard Self.keys.contains(entry.key) else {
                read.problem(
                    "has no key '\(entry.key)'"
                        + Configuration.suggestion(for: entry.key, among: Self.keys))
                continue
            }
            read.take(entry.key, entry.value)
        }
        budget = read.made()
        problem = read.problem
    }

    fileprivate var text: String {
        var parts = ["name: \(quoted(budget.name))"]
        if let spend = budget.spendMax { parts.append("spend: \(spend.moneyText)") }
        if let uses = budget.usesMax { parts.append("uses: \(uses)") }
        if let units = budget.units { parts.append("units: \(units)") }
        parts.append("period: \(budget.period.name)")
        switch budget.period {
        case .calendar(_, let timeZone): parts.append("time_zone: \(quoted(timeZone))")
        case .campaign(let fromMs, let untilMs):
            parts.append("from: \(quoted(Timestamp.text(ms: fromMs)))")
            parts.append("until: \(quoted(Timestamp.text(ms: untilMs)))")
        }
        for (key, names) in [
            ("items", budget.scope.items), ("categories", budget.scope.categories),
            ("brands", budget.scope.brands),
        ] where !names.isEmpty {
            parts.append("\(key): [\(names.sorted().map(quoted).joined(separator: ", "))]")
        }
        parts.append("pacing: \(budget.isPaced)")
        return "{\(parts.joined(separator: ", "))}"
    }
}

/// The fields of a budget as they are read, one after another.
private struct BudgetFields {
    private var budget = Budget(name: "", period: .calendar(.day, timeZone: "UTC"))
    private var period: String?
    private var timeZone: String?
    private var times: [String: Int64] = [:]
    /// The first one.
    private(set) var problem: String?

    init() {}

    mutating func problem(_ text: String) { problem = problem ?? text }

    mutating func take(_ key: String, _ value: ConfigurationValue) {
        switch value {
        case .scalar(let text): take(key, text: text)
        case .list(let elements): take(key, names: elements)
        case .map, .null: problem("\(key) must not be \(value.described)")
        }
    }

    private mutating func take(_ key: String, text: String) {
        func number(_ most: Int64) -> Int64? {
            let number = Int64(text).flatMap { 1...most ~= $0 ? $0 : nil }
            if number == nil {
                problem("\(key) must be a whole number from 1 to \(most), not '\(text)'")
            }
            return number
        }
        switch key {
        case "name": budget.name = text
        case "spend":
            budget.spendMax = Int64(money: text)
            if budget.spendMax == nil {
                problem("spend must be an amount like 5000 or 5000.00, not '\(text)'")
            }
        case "uses": budget.usesMax = number(1_000_000_000_000_000)
        case "units": budget.units = number(1_000_000)
        case "period":
            period = text
            if text != "campaign", BudgetPeriod.Unit(rawValue: text) == nil {
                problem("period must be day, week, month or campaign, not '\(text)'")
            }
        case "time_zone": timeZone = text
        case "from", "until":
            times[key] = Timestamp.milliseconds(text)
            if times[key] == nil { problem("\(key) must be a time in RFC 3339, not '\(text)'") }
        case "pacing":
            if let isPaced = Bool(text) {
                budget.isPaced = isPaced
            } else {
                problem("pacing must be true or false, not '\(text)'")
            }
        default: problem("\(key) must be a list of names, not '\(text)'")
        }
    }

    private mutating func take(_ key: String, names elements: [ConfigurationValue]) {
        var names: Set<String> = []
        for case .scalar(let name) in elements where !name.isEmpty { names.insert(name) }
        guard names.count == elements.count, !names.isEmpty else {
            return problem("\(key) must be a list of names, each once, and not empty")
        }
        switch key {
        case "items": budget.scope.items = names
        case "categories": budget.scope.categories = names
        case "brands": budget.scope.brands = names
        default: problem("\(key) must not be a list")
        }
    }

    /// With what belongs together put together.
    mutating func made() -> Budget {
        switch period.map({ ($0, BudgetPeriod.Unit(rawValue: $0)) }) {
        case (_, let unit?)?:
            budget.period = .calendar(unit, timeZone: timeZone ?? "UTC")
            if !times.isEmpty { problem("from and until are of period: campaign alone") }
        case ("campaign", nil)?:
            if let from = times["from"], let until = times["until"] {
                budget.period = .campaign(fromMs: from, untilMs: until)
            } else {
                problem("a campaign needs from and until")
            }
            if timeZone != nil { problem("time_zone is of days, weeks and months alone") }
        case .some: break
        case nil: problem("has no period: day, week, month or campaign")
        }
        return budget
    }
}

extension Int64 {
    /// Hundredths of an amount in decimal digits, exact; `nil` for anything else.
    init?(money text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        func digits(_ part: Substring) -> Bool { part.allSatisfy { $0.isASCII && $0.isNumber } }
        guard parts.count <= 2, let whole = parts.first, !whole.isEmpty, whole.count <= 13,
            digits(whole), let units = Int64(whole)
        else { return nil }
        var hundredths: Int64 = 0
        if parts.count == 2 {
            guard 1...2 ~= parts[1].count, digits(parts[1]), let cents = Int64(parts[1]) else {
                return nil
            }
            hundredths = parts[1].count == 1 ? cents * 10 : cents
        }
        self = units * 100 + hundredths
    }

    /// An amount of hundredths in decimal digits.
    var moneyText: String {
        let rest = self % 100
        return "\(self / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
