import Events
import Foundation
import Records

/// One decision, as it is published: the value of a record whose key is the user id.
///
/// The same state and input give the same bytes: nothing in it comes from a clock.
public struct Recommendation: Codable, Sendable, Equatable {
    /// Lineage and decision, joined by a hyphen; an offer that stands keeps its decision.
    public var recommendationID: String
    /// The shopper it is for; the key of the record.
    public var userID: String
    /// The item it is for.
    public var itemID: String
    /// Of the price as delivered: a fraction of the list price, or of `priorPrice` where that is lower. No
    /// other one may be announced.
    public var discount: Double
    /// The price that was asked about.
    public var listPrice: Double
    /// The price to be shown, in whole cents.
    public var price: Double
    /// What a reduction is measured against; `nil` where the rule is off or no such price is known.
    public var priorPrice: Double?
    /// Probability of a purchase at `price`, per visit, or per view where a view asked.
    public var expectedConversion: Double
    /// The same at `listPrice`.
    public var baselineConversion: Double
    /// Units of a purchase, given that there is one.
    public var expectedQuantity: Double
    /// Per visit, or per view where a view asked; in the currency of the prices. `nil` where the
    /// cost is unknown.
    public var expectedMargin: Double?
    /// What the discount adds to this margin; `nil` where the cost is unknown.
    public var incrementalMargin: Double?
    /// Probability with which this price was chosen, in (0, 1].
    public var propensity: Double
    /// How it was chosen: the kind of exploration, or `merchant`.
    public var policy: String
    /// Whether the price comes from the exploring draw.
    public var explored: Bool
    /// Whether the shopper is one who never gets a discount.
    public var holdout: Bool
    /// The engine's `snapshot` when it was decided.
    public var snapshot: String
    /// Event time, RFC 3339 in UTC.
    public var issuedAt: String
    /// When the offer ends, in the same form.
    public var expiresAt: String
    /// Pricing rules that bound, by name; `offer_held` where an offer stood.
    public var rules: [String]
    /// The largest first, five at most.
    public var reasons: [Reason]

    /// What speaks for or against a purchase, in logits.
    public struct Reason: Codable, Sendable, Equatable {
        /// Like `display × depth`; of a view it begins with `click: ` or `purchase: `.
        public var name: String
        /// Above 0 it speaks for a purchase.
        public var logit: Double
    }

    enum CodingKeys: String, CodingKey {
        case recommendationID = "recommendation_id"
        case userID = "user_id"
        case itemID = "item_id"
        case discount
        case listPrice = "list_price"
        case price
        case priorPrice = "prior_price"
        case expectedConversion = "expected_conversion"
        case baselineConversion = "baseline_conversion"
        case expectedQuantity = "expected_quantity"
        case expectedMargin = "expected_margin"
        case incrementalMargin = "incremental_margin"
        case propensity, policy, explored, holdout, snapshot
        case issuedAt = "issued_at"
        case expiresAt = "expires_at"
        case rules, reasons
    }

    /// Epoch milliseconds of `issuedAt`; 0 where it is not a time.
    public var issuedMs: Int64 { Timestamp.milliseconds(issuedAt) ?? 0 }
    /// Epoch milliseconds of `expiresAt`; 0 where it is not a time.
    public var expiresMs: Int64 { Timestamp.milliseconds(expiresAt) ?? 0 }

    /// UTF-8 text with its keys sorted; a number that is not finite becomes null.
    public func json() throws -> [UInt8] {
        Array(try JSONText.data(self))
    }

    /// Names the decision that an event asked for: the same in every lineage, so that what is
    /// learned of it does not depend on how often the stream was learned anew.
    static func decisionID(eventID: String, userID: String, itemID: String) -> String {
        var writer = ByteWriter()
        writer.string(eventID)
        writer.string(userID)
        writer.string(itemID)
        return Array(SHA256.hash(writer.bytes).bytes.prefix(decisionBytes)).hex
    }

    /// The lineage, then the decision: the same for the same event in the same lineage, so that a
    /// resent one is recognised.
    static func id(lineage: Int, decision: String) -> String { "\(lineage)-\(decision)" }

    /// The decision that a recommendation's id names; an id of another make as it is.
    package static func decision(of id: String) -> String {
        let bytes = id.utf8
        guard bytes.count > 2 * decisionBytes + 1 else { return id }
        let decision = bytes.suffix(2 * decisionBytes)
        let lineage = bytes.dropLast(2 * decisionBytes + 1)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard bytes[lineage.endIndex] == UInt8(ascii: "-"), lineage.allSatisfy(digits.contains),
            decision.allSatisfy({
                digits.contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            })
        else { return id }
        return String(decoding: decision, as: UTF8.self)
    }

    private static let decisionBytes = 16
}

extension Event {
    /// With the decision in the place of the recommendation that delivered it.
    package var namingDecisions: Event {
        guard let id = offer?.recommendationID else { return self }
        let decision = Recommendation.decision(of: id)
        // An outcome is joined already, and keeps its own.
        if case .outcome = body { return self }
        guard decision != id else { return self }
        return withOffer { $0.recommendationID = decision }
    }
}
