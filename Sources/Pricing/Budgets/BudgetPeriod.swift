import Foundation

/// When a budget begins anew.
public enum BudgetPeriod: Sendable, Hashable {
    /// With each day, week (from Monday on) or month of a time zone, as `Europe/Berlin`.
    case calendar(Unit, timeZone: String)
    /// Never: it is for the life of a campaign, and outside of that it says nothing. Units: milliseconds
    /// since 1970, the end outside.
    case campaign(fromMs: Int64, untilMs: Int64)

    /// A stretch of the calendar.
    public enum Unit: String, Sendable, Hashable, CaseIterable {
        case day, week, month
    }

    /// Its name in reports.
    public var name: String {
        switch self {
        case .calendar(let unit, _): unit.rawValue
        case .campaign: "campaign"
        }
    }

    var problem: String? {
        switch self {
        case .calendar(_, let timeZone):
            TimeZone(identifier: timeZone) == nil
                ? "time_zone '\(timeZone)' is not known; names are like Europe/Berlin" : nil
        case .campaign(let fromMs, let untilMs):
            fromMs < untilMs ? nil : "until must be after from"
        }
    }

    /// The period that a time is in; `nil` outside of a campaign's life.
    ///
    /// Times before 1970 or after 9999 count as those bounds.
    func span(at ms: Int64) -> BudgetSpan? {
        switch self {
        case .campaign(let fromMs, let untilMs):
            return fromMs <= ms && ms < untilMs
                ? BudgetSpan(fromMs: fromMs, untilMs: untilMs) : nil
        case .calendar(let unit, let timeZone):
            var calendar = Calendar(identifier: .iso8601)
            guard let zone = TimeZone(identifier: timeZone) else { return nil }
            calendar.timeZone = zone
            let date = Date(timeIntervalSince1970: Double(bounded(ms)) / 1000)
            guard let interval = calendar.dateInterval(of: unit.component, for: date) else {
                return nil
            }
            return BudgetSpan(
                fromMs: Int64((interval.start.timeIntervalSince1970 * 1000).rounded()),
                untilMs: Int64((interval.end.timeIntervalSince1970 * 1000).rounded()))
        }
    }

    /// A time as the calendar takes it.
    func bounded(_ ms: Int64) -> Int64 {
        if case .campaign = self { ms } else { min(max(ms, 0), Self.latestMs) }
    }

    /// The end of the year 9999.
    private static let latestMs: Int64 = 253_402_300_799_999
}

/// A period with its bounds. Units: milliseconds since 1970, the end outside.
public struct BudgetSpan: Sendable, Hashable {
    /// Its beginning, by which a budget's account knows it.
    public var fromMs: Int64
    /// Its end.
    public var untilMs: Int64

    /// Takes both as they are.
    public init(fromMs: Int64, untilMs: Int64) {
        self.fromMs = fromMs
        self.untilMs = untilMs
    }

    func contains(_ ms: Int64) -> Bool { fromMs <= ms && ms < untilMs }
    var lengthMs: Int64 { untilMs - fromMs }
}

extension BudgetPeriod.Unit {
    fileprivate var component: Calendar.Component {
        switch self {
        case .day: .day
        case .week: .weekOfYear
        case .month: .month
        }
    }
}
