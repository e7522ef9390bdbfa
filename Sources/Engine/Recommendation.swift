import Foundation
import Records

/// One decision, as it is published: the value of a record whose key is the user id.
///
/// The same state and input give the same bytes: nothing in it comes from a clock.
public struct Recommendation: Codable, Sendable, Equatable {
    public var recommendationID: String
    public var userID: String
    public var itemID: String
    /// Fraction of the list price, of the price as delivered.
    public var discount: Double
    public var listPrice: Double
    public var price: Double
    public var expectedConversion: Double
    public var baselineConversion: Double
    /// Per visit, in the currency of the prices.
    public var expectedMargin: Double?
    public var incrementalMargin: Double?
    public var propensity: Double
    public var policy: String
    public var explored: Bool
    public var holdout: Bool
    public var snapshot: String
    /// Event times, RFC 3339 in UTC.
    public var issuedAt: String
    public var expiresAt: String
    public var rules: [String]
    public var reasons: [Reason]

    /// What speaks for or against a purchase, in logits.
    public struct Reason: Codable, Sendable, Equatable {
        public var name: String
        public var logit: Double
    }

    enum CodingKeys: String, CodingKey {
        case recommendationID = "recommendation_id"
        case userID = "user_id"
        case itemID = "item_id"
        case discount
        case listPrice = "list_price"
        case price
        case expectedConversion = "expected_conversion"
        case baselineConversion = "baseline_conversion"
        case expectedMargin = "expected_margin"
        case incrementalMargin = "incremental_margin"
        case propensity, policy, explored, holdout, snapshot
        case issuedAt = "issued_at"
        case expiresAt = "expires_at"
        case rules, reasons
    }

    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// The same for the same event in the same lineage, so that a resent one is recognised.
    static func id(lineage: Int, eventID: String, userID: String, itemID: String) -> String {
        var writer = ByteWriter()
        writer.integer(Int64(lineage))
        writer.string(eventID)
        writer.string(userID)
        writer.string(itemID)
        return Array(SHA256.hash(writer.bytes).bytes.prefix(16)).hex
    }
}
