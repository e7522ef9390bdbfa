import Pricing
import Records

/// A shop window: items are seen, some are clicked, and some of what is clicked is bought.
///
/// Discounts, drawn by lot, bring clickers who would have passed by, and who wish for the item less than
/// the others do: of those who clicked hardly more buy at a discount than without.
public struct WindowWorld: Sendable {
    /// One view, and what came of it.
    public struct View: Sendable {
        /// Epoch milliseconds.
        public let tsMs: Int64
        /// From 0 to `itemCount` less 1.
        public let item: Int
        /// From 0 to `userCount` less 1.
        public let user: Int
        /// List price, in the shop's currency.
        public let price: Double
        /// One of `depths`.
        public let discount: Double
        /// Whether it was clicked.
        public let clicked: Bool
        /// Whether it was clicked and bought.
        public let purchased: Bool
    }

    /// The discounts drawn from, as fractions of the list price.
    public static let depths = ConfoundedWorld.depths
    /// Items of the shop.
    public static let itemCount = 60
    /// Shoppers of the shop.
    public static let userCount = 400

    /// Whether discounts do anything.
    public let hasEffect: Bool
    private var random: SeededRandom
    private let charm: [Double]
    private let worth: [Double]
    private let taste: [Double]
    private var views = 0

    /// A window before its first view; the same seed gives the same views.
    public init(hasEffect: Bool, seed: UInt64) {
        self.hasEffect = hasEffect
        var random = SeededRandom(seed: StableHash.of("window", seed: seed))
        charm = (0..<Self.itemCount).map { _ in 0.4 * random.normal() }
        worth = (0..<Self.itemCount).map { _ in 0.4 * random.normal() }
        taste = (0..<Self.userCount).map { _ in 0.3 * random.normal() }
        self.random = random
    }

    /// The category's name, one of six.
    public static func category(ofItem item: Int) -> String { "Department \(item % 6)" }

    private static let startMs: Int64 = 1_600_000_000_000
    private static let gapMs: Int64 = 60_000

    /// The logits of a click, and of a purchase after it, of a shopper who wishes for the item so much.
    private func logits(
        _ item: Int, _ user: Int, _ discount: Double, wish: Double
    ) -> (click: Double, purchase: Double) {
        let depth = hasEffect ? -naturalLogarithm(1 - discount) : 0
        let step = hasEffect && discount > 0 ? 0.1 : 0
        return (
            -1.8 + charm[item] + taste[user] + wish + step + 2.5 * depth,
            -0.8 + worth[item] + taste[user] + 1.2 * wish + 0.8 * depth
        )
    }

    /// The next view, a minute after the last one.
    public mutating func next() -> View {
        views += 1
        let item = Int(random.unit() * Double(Self.itemCount))
        let user = Int(random.unit() * Double(Self.userCount))
        let discount = Self.depths[Int(random.unit() * Double(Self.depths.count))]
        let logits = logits(item, user, discount, wish: random.normal())
        let (clicks, buys) = (
            random.unit() < logistic(logits.click), random.unit() < logistic(logits.purchase)
        )
        return View(
            tsMs: Self.startMs + Int64(views) * Self.gapMs, item: item, user: user,
            price: 10 + Double(item % 7), discount: discount, clicked: clicks,
            purchased: clicks && buys)
    }

    /// The true probabilities of a view at another discount, in the mean over the wishes: that it is
    /// clicked, and that it is clicked and bought.
    public func chances(_ view: View, discount: Double) -> (click: Double, purchase: Double) {
        var (clicked, bought, weight) = (0.0, 0.0, 0.0)
        for place in -40...40 {
            let wish = Double(place) / 10
            let density = normalDensity(wish)
            let logits = logits(view.item, view.user, discount, wish: wish)
            let click = logistic(logits.click)
            clicked += density * click
            bought += density * click * logistic(logits.purchase)
            weight += density
        }
        return (clicked / weight, bought / weight)
    }

    /// What a discount adds to the logit of a purchase, in the mean of some views: over all who see the
    /// item, and over those who click.
    public func effect(_ discount: Double, _ some: [View]) -> (views: Double, clicked: Double) {
        var (views, clicked) = (0.0, 0.0)
        for view in some {
            let (none, at) = (chances(view, discount: 0), chances(view, discount: discount))
            views += logOdds(at.purchase) - logOdds(none.purchase)
            clicked += logOdds(at.purchase / at.click) - logOdds(none.purchase / none.click)
        }
        return (views / Double(some.count), clicked / Double(some.count))
    }
}
