import Events
import Records

/// Visits of a shop whose true chances are known, a share of one category's labels being false for a
/// while: bought, though nobody bought.
public struct PoisonedStream: Sendable {
    /// Categories of the shop: item `i` is in category `i` modulo this.
    public static let categories = 5
    private static let itemsOfEach = 8
    private static let userCount = 400
    /// A visit every two seconds: an hour has 1,800.
    private static let gapMs: Int64 = 2_000
    private static let startMs: Int64 = 1_700_000_000_000

    /// One visit, what came of it and what is told of it.
    public struct Visit: Sendable {
        /// Counted from 0.
        public let number: Int
        /// Epoch milliseconds.
        public let tsMs: Int64
        /// Counted from 0.
        public let item: Int
        /// Counted from 0.
        public let user: Int
        /// A fraction of the list price: 0 or 0.2.
        public let discount: Double
        /// The true chance.
        public let chance: Double
        /// The label: bought, or false.
        public let purchased: Bool
        /// Whether the label was made positive, bought or not.
        public let isPoisoned: Bool

        /// The number of the item's category.
        public var category: Int { item % PoisonedStream.categories }
    }

    /// The visits, by number, among which labels are poisoned.
    public let poisoned: Range<Int>
    /// Of the category's labels.
    public let share: Double
    private var random: SeededRandom
    private var count = 0
    private let worth: [Double]
    private let taste: [Double]

    /// A stream before its first visit; the seed determines the visits, whatever is poisoned.
    public init(seed: UInt64, poisoned: Range<Int>, share: Double) {
        self.poisoned = poisoned
        self.share = share
        var random = SeededRandom(seed: StableHash.of("poisoned stream", seed: seed))
        worth = (0..<Self.categories * Self.itemsOfEach).map { _ in 0.4 * random.normal() }
        taste = (0..<Self.userCount).map { _ in 0.3 * random.normal() }
        self.random = random
    }

    /// The category's name.
    public static func category(_ number: Int) -> String { "Department \(number)" }
    /// The category whose labels are poisoned.
    public static let poisonedCategory = category(0)

    /// The next visit. The stream has no end.
    public mutating func next() -> Visit {
        let number = count
        count += 1
        let item = Int(random.unit() * Double(worth.count))
        let user = Int(random.unit() * Double(Self.userCount))
        let discount = random.unit() < 0.2 ? 0.2 : 0
        let logit = -3.2 + worth[item] + taste[user] + 2 * discount
        let chance = logistic(logit)
        let bought = random.unit() < chance
        // Drawn always, so that the visits are the same whatever is poisoned.
        let drawn = random.unit() < share
        let isPoisoned =
            drawn && poisoned.contains(number) && item % Self.categories == 0
        return Visit(
            number: number, tsMs: Self.startMs + Int64(number) * Self.gapMs, item: item,
            user: user, discount: discount, chance: chance, purchased: bought || isPoisoned,
            isPoisoned: isPoisoned)
    }

    /// The catalogue as events.
    public var items: [Event] {
        worth.indices.map { item in
            Event(
                eventID: "i\(item)", tsMs: Self.startMs,
                body: .item(
                    Event.Item(
                        itemID: "item-\(item)",
                        title:
                            "\(Self.words[item % 7]) \(Self.words[(item * 3 + 1) % 7]) no. \(item)",
                        category: Self.category(item % Self.categories), price: 10, cost: 5)))
        }
    }

    private static let words = ["kettle", "scarf", "lamp", "hose", "tin", "brush", "rug"]

    /// A visit as an outcome event.
    public static func event(_ visit: Visit) -> Event {
        Event(
            eventID: "v\(visit.number)", tsMs: visit.tsMs,
            body: .outcome(
                Event.Outcome(
                    offer: Event.Offer(
                        userID: "u\(visit.user)", itemID: "item-\(visit.item)", price: 10,
                        discount: visit.discount), purchased: visit.purchased)))
    }
}
