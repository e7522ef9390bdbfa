import Events
import Pricing
import Records

/// A recommendation as a log has it: a line of `replay --recommendations`, or a record of the topic.
struct LoggedRecommendation {
    let id: String
    let offer: Event.Offer
    let issuedMs: Int64
    let isHoldout: Bool
    /// Whether rules of the item left the list price alone, whatever a policy would have liked.
    let isRuled: Bool
    /// What could have been delivered, where the line tells.
    let actions: [LoggedDepth]?

    /// Rules that no policy can act against.
    private static let binding = Set(
        [
            PricingRule.killSwitch, .deletedItem, .outOfStock, .unknownCost, .excluded, .blackout,
            .lowStock, .objection,
        ].map(\.rawValue))

    /// - Returns: `nil` for a document that is no recommendation.
    /// - Throws: for one that lacks what it needs, or has it out of range.
    init?(_ document: JSONValue) throws(DecisionLineError) {
        guard document["type"] == nil, document["issued_at"] != nil,
            document["recommendation_id"] != nil
        else { return nil }
        id = try document.text("recommendation_id")
        issuedMs = try document.time("issued_at")
        var discount = try document.number("discount", 0..<1)
        let propensity = try document.number("propensity", 0...1)
        guard propensity > 0 else {
            throw DecisionLineError("'propensity' must be above 0, not \(propensity)")
        }
        let price = try document.number("list_price", 0...EventLimits.amountMax)
        guard price > 0 else { throw DecisionLineError("'list_price' must be above 0") }
        // What is announced may be of a lower prior price; what was delivered is of the list price.
        if document["price"] != nil {
            discount = LoggedDepth.delivered(
                try document.number("price", 0...price), of: price, announced: discount)
            guard discount < 1 else { throw DecisionLineError("'price' must be above 0") }
        }
        offer = Event.Offer(
            userID: try document.text("user_id"), itemID: try document.text("item_id"),
            price: price, discount: discount, recommendationID: id, propensity: propensity)
        isHoldout = document["holdout"] == .bool(true)
        if case .array(let rules)? = document["rules"] {
            isRuled = rules.contains { rule in
                if case .text(let name) = rule { Self.binding.contains(name) } else { false }
            }
        } else {
            isRuled = false
        }
        actions = try document.depths("actions")
    }
}

/// One discount that could have been delivered, with its propensity.
struct LoggedDepth: Hashable, Sendable {
    var discount: Double
    var propensity: Double

    /// What a price is off the list price: the discount that was announced, unless that is of a prior price.
    static func delivered(
        _ price: Double, of listPrice: Double, announced discount: Double
    ) -> Double {
        let depth = 1 - price / listPrice
        return abs(depth - discount) * listPrice < 0.01 ? discount : depth
    }
}

/// Why a line cannot be used, in a sentence.
struct DecisionLineError: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

extension JSONValue {
    func text(_ key: String) throws(DecisionLineError) -> String {
        guard case .text(let text)? = self[key], !text.isEmpty else {
            throw DecisionLineError("'\(key)' must be a text")
        }
        return text
    }

    /// The number in it; `nil` for what is none.
    var asNumber: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    func number(
        _ key: String, _ range: some RangeExpression<Double>
    ) throws(DecisionLineError) -> Double {
        guard let number = self[key]?.asNumber, range.contains(number) else {
            throw DecisionLineError(
                "'\(key)' must be a number in \(range), not \(self[key].map { "\($0)" } ?? "missing")"
            )
        }
        return number
    }

    func time(_ key: String) throws(DecisionLineError) -> Int64 {
        guard let ms = Timestamp.milliseconds(try text(key)), (0...EventLimits.tsMsMax).contains(ms)
        else { throw DecisionLineError("'\(key)' must be a time as RFC 3339 writes it") }
        return ms
    }

    /// A list of discounts with propensities that sum to 1; `nil` where there is none.
    func depths(_ key: String) throws(DecisionLineError) -> [LoggedDepth]? {
        guard let listed = self[key], listed != .null else { return nil }
        guard case .array(let elements) = listed, !elements.isEmpty else {
            throw DecisionLineError("'\(key)' must be a list of discounts with propensities")
        }
        var depths: [LoggedDepth] = []
        for element in elements {
            depths.append(
                LoggedDepth(
                    discount: try element.number("discount", 0..<1),
                    propensity: try element.number("propensity", 0...1)))
        }
        let sum = depths.reduce(0) { $0 + $1.propensity }
        guard abs(sum - 1) < 1e-6 else {
            throw DecisionLineError("the propensities of '\(key)' sum to \(sum), not to 1")
        }
        return depths
    }
}
