import Engine
import Foundation
import Mapping
import Pricing
import Records

/// A recommendation with what the settings add to it.
struct OfferDocument: Encodable {
    let recommendation: Recommendation
    /// `nil` where none are asked for, or the amount is no whole number of minor units.
    var discounts: [AppliedDiscount]?
    /// Whether the price comes from a decision about this shopper.
    var personalised: Bool?
    var disclosure: String?

    /// Source: Universal Commerce Protocol, discount extension, `applied_discount`.
    struct AppliedDiscount: Encodable {
        /// `nil` where it is applied by itself.
        let code: String?
        let title: String
        /// In minor units, of one unit of the item.
        let amount: Int64
        let automatic: Bool
        /// Applied to each unit by itself.
        let method = "each"
        let allocations: [Allocation]

        struct Allocation: Encodable {
            /// RFC 9535.
            let path: String
            let amount: Int64
        }
    }

    private enum CodingKeys: CodingKey { case discounts, personalised, disclosure }

    init(_ recommendation: Recommendation, _ settings: Configuration.Publish) {
        self.recommendation = recommendation
        if settings.discounts != .none { discounts = Self.discounts(recommendation, settings) }
        guard !settings.disclosure.isEmpty else { return }
        let impersonal = [PricingRule.killSwitch, .objection].map(\.rawValue)
        let isPersonal =
            !recommendation.holdout && !recommendation.rules.contains(where: impersonal.contains)
        personalised = isPersonal
        if isPersonal { disclosure = settings.disclosure }
    }

    func encode(to encoder: any Encoder) throws {
        try recommendation.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(discounts, forKey: .discounts)
        try container.encodeIfPresent(personalised, forKey: .personalised)
        try container.encodeIfPresent(disclosure, forKey: .disclosure)
    }

    /// Without additions the bytes are those of the recommendation alone.
    func json() throws -> [UInt8] { Array(try JSONText.data(self)) }

    private static func discounts(
        _ recommendation: Recommendation, _ settings: Configuration.Publish
    ) -> [AppliedDiscount]? {
        let units = Currency.minorUnits(of: settings.currency)
        // A reduction is announced against the prior price, where that is the lower one.
        let announced = min(
            recommendation.listPrice, recommendation.priorPrice ?? recommendation.listPrice)
        guard announced == recommendation.listPrice else { return nil }
        guard let list = minor(recommendation.listPrice, units),
            let price = minor(recommendation.price, units), price <= list
        else { return nil }
        guard price < list else { return [] }
        let isAutomatic = settings.discounts == .ucp
        return [
            AppliedDiscount(
                code: isAutomatic ? nil : recommendation.recommendationID,
                title: settings.discountTitle, amount: list - price, automatic: isAutomatic,
                allocations: [
                    .init(
                        path: "$.line_items[?@.item.id == \(quoted(recommendation.itemID))]",
                        amount: list - price)
                ])
        ]
    }

    /// An amount in minor units; `nil` for one that is no whole number of them.
    private static func minor(_ amount: Double, _ units: Double) -> Int64? {
        let scaled = amount * units
        let whole = scaled.rounded()
        // What binary fractions are off by, however large the amount.
        guard abs(scaled - whole) < 1e-3 else { return nil }
        return Int64(exactly: whole)
    }

    /// A text of a JSONPath. Source: RFC 9535, section 2.3.1.1.
    private static func quoted(_ text: String) -> String {
        var quoted = "'"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "'", "\\":
                quoted += "\\"
                quoted.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "'"
    }
}
