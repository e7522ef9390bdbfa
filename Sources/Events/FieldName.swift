/// The keys that the decoder knows, in the order the parser marks nodes by.
package enum FieldName: Int, CaseIterable, Sendable {
    case type, eventID, ts, userID, itemID, price, discount, recommendationID, propensity,
        position, sessionID, context, item, quantity, paid, orderID, purchaseEventID, title,
        description, category, brand, attributes, cost, stock, deleted, clicked, purchased,
        samplingRate, minPrice, channel, anonymousID

    /// The key, letter by letter as in the contract.
    package var text: String {
        switch self {
        case .eventID: "event_id"
        case .userID: "user_id"
        case .anonymousID: "anonymous_id"
        case .itemID: "item_id"
        case .recommendationID: "recommendation_id"
        case .sessionID: "session_id"
        case .orderID: "order_id"
        case .purchaseEventID: "purchase_event_id"
        case .samplingRate: "sampling_rate"
        case .minPrice: "min_price"
        default: "\(self)"
        }
    }
}
