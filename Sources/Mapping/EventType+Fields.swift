import Events

/// Which fields events of a type have, for mappings to be held against before anything runs. What
/// the values must be is the decoder's to say.
extension EventType {
    /// Fields without which there is no such event.
    package var requiredFields: [FieldName] {
        switch self {
        case .impression, .click, .purchase, .outcome, .item: [.eventID, .ts, .itemID]
        case .refund: [.eventID, .ts]
        case .erase: [.eventID, .ts, .userID]
        case .objection: [.eventID, .ts]
        case .identify: [.eventID, .ts, .userID, .anonymousID]
        }
    }

    /// Fields of which such an event needs one; empty where it needs none of several.
    package var alternativeFields: [FieldName] {
        switch self {
        case .impression, .click, .purchase, .outcome, .objection: Self.shopper
        case .refund: [.orderID, .purchaseEventID]
        case .item, .erase, .identify: []
        }
    }

    /// Whose an event is, the first of them that is there.
    private static let shopper: [FieldName] = [.userID, .anonymousID, .sessionID]
    private static let offer: [FieldName] = [
        .userID, .anonymousID, .sessionID, .price, .discount, .recommendationID, .propensity,
        .position, .context, .item,
    ]
    static let inlineItem: [FieldName] = [
        .title, .description, .category, .brand, .attributes, .price, .cost, .stock, .minPrice,
        .channel,
    ]

    /// Fields that there may be beside them.
    package var optionalFields: [FieldName] {
        switch self {
        case .impression, .click: Self.offer
        case .purchase: Self.offer + [.quantity, .paid, .orderID]
        case .outcome: Self.offer + [.clicked, .purchased, .quantity, .samplingRate]
        case .refund: Self.shopper + [.orderID, .purchaseEventID, .itemID, .quantity]
        case .item: Self.inlineItem + [.deleted]
        case .objection: Self.shopper
        case .erase, .identify: []
        }
    }
}

extension FieldName {
    /// What a field holds.
    enum Kind {
        case text, number, amount, time, flag
        /// Texts and numbers by name.
        case attributes
        case item
    }

    var kind: Kind {
        switch self {
        case .type, .eventID, .userID, .anonymousID, .itemID, .recommendationID, .sessionID,
            .orderID,
            .purchaseEventID, .title, .description, .category, .brand, .channel:
            .text
        case .ts: .time
        case .price, .paid, .cost, .minPrice: .amount
        case .discount, .propensity, .position, .quantity, .stock, .samplingRate: .number
        case .deleted, .clicked, .purchased: .flag
        case .context, .attributes: .attributes
        case .item: .item
        }
    }
}
