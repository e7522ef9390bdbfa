import Events
import Records

/// A shop where everything is new, for ever: shoppers, items with long texts, categories, brands, context
/// keys and values, sessions, orders, event ids.
///
/// A visit is an item that nobody has heard of and a click on it by a shopper nobody has seen; some buy,
/// and some of these send back. A part of the visits is of shoppers and items that were there before.
struct SoakStream {
    private let plan: SoakPlan
    private var random: SeededRandom
    private var visit = 0
    private var waiting: [Event] = []
    private var made = 0

    init(_ plan: SoakPlan) {
        self.plan = plan
        random = SeededRandom(seed: UInt64(plan.seed))
    }

    mutating func next() -> Event {
        if waiting.isEmpty { waiting = visitEvents().reversed() }
        made += 1
        return waiting.removeLast()
    }

    /// The stream's time now: events are spread over the days evenly.
    private var nowMs: Int64 {
        Self.startMs
            + Int64(Double(made) / Double(plan.events) * plan.days * 86_400_000)
    }

    /// 2026-01-01.
    private static let startMs: Int64 = 1_767_225_600_000

    private mutating func visitEvents() -> [Event] {
        visit += 1
        let isReturn = visit > 100 && random.unit() < plan.returning
        let number = isReturn ? visit - 1 - Int(random.unit() * 100) : visit
        let (user, itemID) = ("shopper-\(number)", "item-\(number)")
        var events: [Event] = []
        func add(_ kind: String, _ body: Event.Body) {
            events.append(
                Event(
                    eventID: "\(kind)-\(visit)", tsMs: nowMs + Int64(events.count), body: body))
        }
        let price = 5 + 95 * random.unit()
        if !isReturn { add("i", .item(item(itemID, number, price: price))) }
        var offer = Event.Offer(userID: user, itemID: itemID, price: price, context: context())
        offer.sessionID = "session-\(visit)"
        add("c", .click(offer))
        if random.unit() < 0.2 {
            let order = "order-\(visit)"
            add("p", .purchase(.init(offer: offer, paid: price, orderID: order)))
            if random.unit() < 0.1 { add("r", .refund(.init(userID: user, orderID: order))) }
        }
        return events
    }

    private mutating func item(_ id: String, _ number: Int, price: Double) -> Event.Item {
        let isNew = random.unit() < plan.newTexts
        let text = isNew ? words(10, of: UInt64(number)) : words(10, of: random.next() % 500)
        var item = Event.Item(
            itemID: id, title: text,
            category: isNew ? "Department \(number % 50) / Category \(number)" : nil,
            brand: isNew ? "Brand \(number)" : nil, price: price, cost: 0.4 * price)
        item.description = words(plan.descriptionWords, of: UInt64(number))
        return item
    }

    private mutating func context() -> [Event.Attribute] {
        [
            Event.Attribute("device", .text(random.unit() < 0.5 ? "phone" : "desk")),
            Event.Attribute("key-\(visit)", .text("value-\(visit)")),
            Event.Attribute("logged_in", .number(random.unit() < 0.5 ? 1 : 0)),
        ]
    }

    /// So many words that no other text has, for a number of its own.
    private func words(_ count: Int, of number: UInt64) -> String {
        var random = SeededRandom(seed: StableHash.of("soak", "\(number)"))
        return (0..<count).map { _ in
            (0..<3).map { _ in Self.syllables[Int(random.next() % 16)] }.joined()
        }.joined(separator: " ")
    }

    private static let syllables = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "ve",
    ]
}
