/// The types of event of the contract, by their name in the payload.
public enum EventType: String, Sendable, Hashable, CaseIterable {
    /// The raw values are the payload's `type`.
    case impression, click, purchase, refund, item, outcome, erase, identify, objection
}

/// One decoded and validated event.
public struct Event: Sendable, Hashable {
    /// Unique among the producer's events: what duplicates are told by.
    public var eventID: String
    /// Event time, epoch milliseconds.
    public var tsMs: Int64
    /// What happened.
    public var body: Body
    /// The top-level text field the decoder was asked for by name, where the event has it.
    public var extra: String?

    /// The type with its fields.
    public enum Body: Sendable, Hashable {
        /// An item was shown.
        case impression(Offer)
        /// An item was clicked.
        case click(Offer)
        /// An item was bought.
        case purchase(Purchase)
        /// A purchase was taken back.
        case refund(Refund)
        /// What is known of an item has changed.
        case item(Item)
        /// A training row that was joined before.
        case outcome(Outcome)
        /// All that is held of the user is to go.
        case erase(userID: String)
        /// What is and was done under an anonymous id is the user's from now on.
        case identify(anonymousID: String, userID: String)
        /// The user wants no personalised prices.
        case objection(userID: String)
    }

    /// Takes each field as it is; `EventDecoder` is what checks them.
    public init(eventID: String, tsMs: Int64, body: Body, extra: String? = nil) {
        self.eventID = eventID
        self.tsMs = tsMs
        self.body = body
        self.extra = extra
    }

    /// The type as the contract names it.
    public var type: EventType {
        switch body {
        case .impression: .impression
        case .click: .click
        case .purchase: .purchase
        case .refund: .refund
        case .item: .item
        case .outcome: .outcome
        case .erase: .erase
        case .identify: .identify
        case .objection: .objection
        }
    }

    /// What was shown to whom at which price; `nil` for what is about no offer.
    public var offer: Offer? {
        switch body {
        case .impression(let offer), .click(let offer): offer
        case .purchase(let purchase): purchase.offer
        case .outcome(let outcome): outcome.offer
        case .refund, .item, .erase, .identify, .objection: nil
        }
    }

    /// `nil` for items, and for refunds that do not say whose they are.
    public var userID: String? {
        switch body {
        case .impression(let offer), .click(let offer): offer.userID
        case .purchase(let purchase): purchase.offer.userID
        case .outcome(let outcome): outcome.offer.userID
        case .refund(let refund): refund.userID
        case .erase(let userID), .identify(_, let userID), .objection(let userID): userID
        case .item: nil
        }
    }

    /// `nil` for what is about a user alone, and for refunds of a whole order.
    public var itemID: String? {
        switch body {
        case .impression(let offer), .click(let offer): offer.itemID
        case .purchase(let purchase): purchase.offer.itemID
        case .outcome(let outcome): outcome.offer.itemID
        case .refund(let refund): refund.itemID
        case .item(let item): item.itemID
        case .erase, .identify, .objection: nil
        }
    }
}

extension Event {
    /// A user, an item, the price they saw, and the circumstances.
    public struct Offer: Sendable, Hashable {
        /// The shopper's id, 1 to 256 bytes; of a guest the anonymous id, or that of the visit.
        public var userID: String
        /// The item's id, 1 to 256 bytes.
        public var itemID: String
        /// List price, above 0; 0 where the event leaves it to the catalogue.
        public var price: Double
        /// Fraction of the list price, in [0, 1).
        public var discount: Double
        /// The recommendation it followed, where the shop passed its id on.
        public var recommendationID: String?
        /// The probability with which the logged policy chose this discount, in (0, 1].
        public var propensity: Double?
        /// Place in the list shown, 0 or more.
        public var position: Int?
        /// The shop's id for the visit.
        public var sessionID: String?
        /// In ascending order of the keys' bytes.
        public var context: [Attribute]
        /// Boxed, since few events carry it and every event would pay for its size.
        private var boxedItem: Boxed?

        /// Item fields given inline, for items whose own event is late or missing.
        public var item: Item? {
            get { boxedItem?.item }
            set { boxedItem = newValue.map(Boxed.init) }
        }

        /// Whether the event tells the list price.
        public var isPriced: Bool { price > 0 }

        /// Takes each field as it is; the others are set afterwards. `context` must be in order already.
        public init(
            userID: String, itemID: String, price: Double, discount: Double = 0,
            recommendationID: String? = nil, propensity: Double? = nil, context: [Attribute] = []
        ) {
            self.userID = userID
            self.itemID = itemID
            self.price = price
            self.discount = discount
            self.recommendationID = recommendationID
            self.propensity = propensity
            self.context = context
        }

        private final class Boxed: Sendable, Hashable {
            let item: Item
            init(_ item: Item) { self.item = item }
            static func == (a: Boxed, b: Boxed) -> Bool { a.item == b.item }
            func hash(into hasher: inout Hasher) { hasher.combine(item) }
        }
    }

    /// A named text or number.
    public struct Attribute: Sendable, Hashable {
        /// A finite number or a text; JSON has both as values.
        public enum Value: Sendable, Hashable {
            /// Finite.
            case number(Double)
            /// May be empty.
            case text(String)
        }

        /// Its name, 1 to 128 bytes.
        public var key: String
        /// What it is.
        public var value: Value

        /// Takes both as they are.
        public init(_ key: String, _ value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// An offer that was bought.
    public struct Purchase: Sendable, Hashable {
        /// What was bought, by whom, at which list price.
        public var offer: Offer
        /// Units, 1 or more.
        public var quantity: Int
        /// Price paid a unit.
        public var paid: Double?
        /// The order it is part of; what refunds may name.
        public var orderID: String?

        /// Takes each field as it is; `paid` is nil where the log does not say.
        public init(offer: Offer, quantity: Int = 1, paid: Double? = nil, orderID: String? = nil) {
            self.offer = offer
            self.quantity = quantity
            self.paid = paid
            self.orderID = orderID
        }
    }

    /// Takes a purchase back, in whole or in part; at least one of the two references is there.
    public struct Refund: Sendable, Hashable {
        /// Who gives back; `nil` where the event does not say: the references tell what was bought.
        public var userID: String?
        /// The order taken back, as its purchases name it.
        public var orderID: String?
        /// The purchase taken back, by its event id.
        public var purchaseEventID: String?
        /// Only this item of the order; `nil` means all of them.
        public var itemID: String?
        /// Units; `nil` means all that was bought.
        public var quantity: Int?

        /// Takes each field as it is; it is the decoder that asks for one of the references.
        public init(
            userID: String?, orderID: String? = nil, purchaseEventID: String? = nil,
            itemID: String? = nil, quantity: Int? = nil
        ) {
            self.userID = userID
            self.orderID = orderID
            self.purchaseEventID = purchaseEventID
            self.itemID = itemID
            self.quantity = quantity
        }
    }

    /// What is known of an item. Empty texts arrive as `nil`.
    public struct Item: Sendable, Hashable {
        /// The item's id, 1 to 256 bytes.
        public var itemID: String
        /// `nil` of a deleted item, of fields given inline, and of an update that tells some fields alone.
        public var title: String?
        /// Free text, at most 64 KiB.
        public var description: String?
        /// The category's name, at most 512 bytes.
        public var category: String?
        /// The brand's name, at most 512 bytes.
        public var brand: String?
        /// In ascending order of the keys' bytes.
        public var attributes: [Attribute] = []
        /// List price, above 0; `nil` where the catalogue does not say.
        public var price: Double?
        /// What a unit costs the merchant, 0 or more; `nil` where the catalogue does not say.
        public var cost: Double?
        /// Units at hand; below 0 where a shop has sold more than it has.
        public var stock: Double?
        /// The lowest price at which it may be advertised, 0 for none; `nil` where the catalogue does not say.
        public var minPrice: Double?
        /// The sales channel whose prices the event tells; `nil` where it does not say.
        public var channel: String?
        /// Whether it is no longer sold.
        public var deleted = false

        /// Takes each field as it is; the others are set afterwards, `attributes` in order.
        public init(
            itemID: String, title: String?, category: String? = nil, brand: String? = nil,
            price: Double? = nil, cost: Double? = nil, stock: Double? = nil
        ) {
            self.itemID = itemID
            self.title = title
            self.category = category
            self.brand = brand
            self.price = price
            self.cost = cost
            self.stock = stock
        }
    }

    /// A training row joined by somebody else; at least one of the two labels is there.
    public struct Outcome: Sendable, Hashable {
        /// What was shown to whom at which price.
        public var offer: Offer
        /// Whether it was clicked; `nil` where the row does not say.
        public var clicked: Bool?
        /// Whether it was bought; `nil` where the row does not say.
        public var purchased: Bool?
        /// Units bought, 1 or more; `nil` where the row does not say.
        public var quantity: Int?
        /// The probability with which the log's maker kept rows like this, in (0, 1].
        public var samplingRate: Double?

        /// Takes each field as it is; it is the decoder that asks for one of the labels.
        public init(
            offer: Offer, clicked: Bool? = nil, purchased: Bool? = nil, quantity: Int? = nil,
            samplingRate: Double? = nil
        ) {
            self.offer = offer
            self.clicked = clicked
            self.purchased = purchased
            self.quantity = quantity
            self.samplingRate = samplingRate
        }
    }
}
