import Records

/// The purchases that labelled examples, for as long as refunds may find them.
struct SoldPurchases: Sendable {
    static let purchaseTable = StateTable("join.purchases", .keyed)
    static let exampleTable = StateTable("join.sold", .keyed)

    private struct Purchase: ShopperRow {
        var eventID: String
        var orderID: String?
        var userID: String
        var itemID: String
        var example: UInt64
        /// Units that no refund has taken back.
        var quantity: Int
        var paid: Double?
        var tsMs: Int64

        var rowUser: String? { userID }
    }

    /// What an example has sold, net of refunds, over purchases forgotten since as well.
    private struct Total: ShopperRow {
        var quantity: Int
        /// Purchases of it that are remembered.
        var purchaseCount: Int
        var paid: Double?
        /// Whose purchases they are; not in the row, since the purchases or the open example tell it.
        var userID: String?

        var rowUser: String? { userID }

        var label: ExampleLabel {
            quantity > 0 ? .purchased(quantity: quantity, paid: paid) : .notPurchased
        }
    }

    /// Numbered in the order of event time.
    private var purchases = TrackedRows<Purchase>()
    private var totals = TrackedRows<Total>()
    private var byEvent: [ExactText: [UInt64]] = [:]
    private var byOrder: [ExactText: [UInt64]] = [:]
    /// No purchase before this number is remembered.
    private var oldest: UInt64 = 0
    private var next: UInt64 = 0

    init() {}

    var count: Int { purchases.count }

    /// Notes a purchase and returns what its example has sold now.
    mutating func add(_ purchase: Event.Purchase, eventID: String, tsMs: Int64, example: UInt64)
        -> ExampleLabel
    {
        let row = Purchase(
            eventID: eventID, orderID: purchase.orderID, userID: purchase.offer.userID,
            itemID: purchase.offer.itemID, example: example, quantity: purchase.quantity,
            paid: purchase.paid, tsMs: tsMs)
        purchases.insert(next, row)
        index(row, next)
        next += 1
        let known = totals.update(example) { total in
            total.quantity += purchase.quantity
            total.purchaseCount += 1
            total.paid = purchase.paid
            total.userID = purchase.offer.userID
            return total.label
        }
        if let known { return known }
        let total = Total(
            quantity: purchase.quantity, purchaseCount: 1, paid: purchase.paid,
            userID: purchase.offer.userID)
        totals.insert(example, total)
        return total.label
    }

    private mutating func index(_ purchase: Purchase, _ number: UInt64) {
        byEvent[ExactText(purchase.eventID), default: []].append(number)
        if let order = purchase.orderID { byOrder[ExactText(order), default: []].append(number) }
    }

    /// What an example has sold by now, net of refunds.
    func label(of example: UInt64) -> ExampleLabel { totals[example]?.label ?? .notPurchased }

    /// Takes back what the refund names, and returns the new labels in the examples' order; none
    /// when it finds nothing to take back.
    mutating func refund(_ refund: Event.Refund, isOpen: (UInt64) -> Bool)
        -> [(example: UInt64, label: ExampleLabel)]
    {
        var left = refund.quantity ?? .max
        var examples: Set<UInt64> = []
        for number in numbers(refund) {
            guard let purchase = purchases[number], left > 0 else { continue }
            if let item = refund.itemID, !item.utf8.elementsEqual(purchase.itemID.utf8) { continue }
            let taken = min(left, purchase.quantity)
            left -= taken
            examples.insert(purchase.example)
            _ = totals.update(purchase.example) { $0.quantity -= taken }
            if taken == purchase.quantity {
                forget(number, isOpen: isOpen, keepsTotal: true)
            } else {
                _ = purchases.update(number) { $0.quantity -= taken }
            }
        }
        return examples.sorted().map { example in
            let label = totals[example]?.label ?? .notPurchased
            dropTotal(example, isOpen: isOpen)
            return (example, label)
        }
    }

    /// By the purchase if it is known, else by the order. A refund that names a purchase takes another one of
    /// the order only where it names the item as well.
    private func numbers(_ refund: Event.Refund) -> [UInt64] {
        if let event = refund.purchaseEventID {
            if let numbers = byEvent[ExactText(event)] { return numbers }
            guard refund.itemID != nil else { return [] }
        }
        return refund.orderID.flatMap { byOrder[ExactText($0)] } ?? []
    }

    /// When the oldest purchase was made. Amortised constant time.
    mutating func oldestMs() -> Int64? {
        while oldest < next, purchases[oldest] == nil { oldest += 1 }
        return purchases[oldest]?.tsMs
    }

    mutating func forgetOldest(isOpen: (UInt64) -> Bool) {
        forget(oldest, isOpen: isOpen, keepsTotal: false)
    }

    /// Complexity: O(n).
    mutating func forget(user: String, isOpen: (UInt64) -> Bool) -> Int {
        let gone = purchases.numbers.filter {
            purchases[$0]?.userID.utf8.elementsEqual(user.utf8) ?? false
        }
        for number in gone { forget(number, isOpen: isOpen, keepsTotal: false) }
        return gone.count
    }

    mutating func move(shopper old: String, to new: String) {
        _ = purchases.move(user: old, to: new) { $0.userID = new }
        _ = totals.move(user: old, to: new) { $0.userID = new }
    }

    /// The total of an example that closed goes unless a refund may still change it.
    mutating func exampleClosed(_ example: UInt64) {
        dropTotal(example) { _ in false }
    }

    private mutating func forget(_ number: UInt64, isOpen: (UInt64) -> Bool, keepsTotal: Bool) {
        guard let purchase = purchases.remove(number) else { return }
        byEvent.removeNumber(number, at: ExactText(purchase.eventID))
        if let order = purchase.orderID { byOrder.removeNumber(number, at: ExactText(order)) }
        _ = totals.update(purchase.example) { $0.purchaseCount -= 1 }
        if !keepsTotal { dropTotal(purchase.example, isOpen: isOpen) }
    }

    private mutating func dropTotal(_ example: UInt64, isOpen: (UInt64) -> Bool) {
        if totals[example]?.purchaseCount == 0, !isOpen(example) { totals.remove(example) }
    }
}

// MARK: State

extension SoldPurchases {
    mutating func collectChanges(into changes: inout StateChanges) {
        purchases.collect(Self.purchaseTable, into: &changes) { purchase, writer in
            writer.string(purchase.eventID)
            writer.optional(purchase.orderID) { $0.string($1) }
            writer.string(purchase.userID)
            writer.string(purchase.itemID)
            writer.integer(purchase.example)
            writer.integer(Int64(purchase.quantity))
            writer.optional(purchase.paid) { $0.double($1) }
            writer.integer(purchase.tsMs)
        }
        totals.collect(Self.exampleTable, into: &changes) { total, writer in
            writer.integer(Int64(total.quantity))
            writer.integer(Int64(total.purchaseCount))
            writer.optional(total.paid) { $0.double($1) }
        }
    }

    func writeClock(_ writer: inout ByteWriter) {
        writer.integer(oldest)
        writer.integer(next)
    }

    init(from reader: some StateReader, clock: inout ByteReader) throws {
        oldest = try clock.integer()
        next = try clock.integer()
        purchases = try TrackedRows(Self.purchaseTable, from: reader) {
            row throws(ByteCodingError) in
            let event = try row.string()
            let order = try row.optionalString()
            return Purchase(
                eventID: event, orderID: order, userID: try row.string(),
                itemID: try row.string(), example: try row.integer(),
                quantity: Int(try row.integer(Int64.self)),
                paid: try row.optional { r throws(ByteCodingError) in try r.double() },
                tsMs: try row.integer())
        }
        totals = try TrackedRows(Self.exampleTable, from: reader) {
            row throws(ByteCodingError) in
            Total(
                quantity: Int(try row.integer(Int64.self)),
                purchaseCount: Int(try row.integer(Int64.self)),
                paid: try row.optional { r throws(ByteCodingError) in try r.double() })
        }
        for number in purchases.numbers {
            guard let purchase = purchases[number] else { continue }
            index(purchase, number)
            totals.complete(purchase.example) { $0.userID = purchase.userID }
        }
    }

    /// Tells a restored state whose the examples are of which no purchase is remembered.
    mutating func learnUsers(_ user: (UInt64) -> String?) {
        for number in totals.numbers where totals[number]?.userID == nil {
            totals.complete(number) { $0.userID = user(number) }
        }
    }
}
