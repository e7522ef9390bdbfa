import Records

/// Decisions with known propensities and known chances of a purchase at every depth: for measuring what
/// evaluations of other policies are worth.
///
/// Shoppers and items differ; a shopper's decisions are alike. A deeper discount sells more. The log's
/// policy favours a depth, by item, and explores the others evenly.
public struct DecisionWorld: Sendable {
    /// One decision, with the truth about each depth.
    public struct Decision: Sendable {
        /// From 0 to the number of shoppers less 1.
        public let shopper: Int
        /// From 0 to `itemCount` less 1.
        public let item: Int
        /// Of each of `depths`; they sum to 1.
        public let propensities: [Double]
        /// The chance of a purchase at each of `depths`.
        public let conversions: [Double]
        /// The place of the delivered depth.
        public let delivered: Int
        /// What came of it.
        public let purchased: Bool
    }

    /// The discounts, as fractions of the price.
    public static let depths = (0...10).map { Double($0) * 0.05 }
    /// Items of the shop.
    public static let itemCount = 20
    /// Price and cost of every item.
    public static let price = 20.0
    /// What one unit costs the shop.
    public static let cost = 8.0

    /// How many decisions the world makes.
    public let decisionCount: Int
    private var random: SeededRandom
    private let tastes: [Double]
    private let worth: [Double]
    private let level: Double
    private let slope: Double
    private let favourite: Int
    private let exploring: Double

    /// A world of a size, a level of sales and an amount of exploring that the seed draws.
    public init(seed: UInt64) {
        var random = SeededRandom(seed: StableHash.of("decisions", seed: seed))
        // From 1,500 to 20,000 decisions, evenly on a logarithmic scale.
        decisionCount = Int(1500 * exponential(random.unit() * naturalLogarithm(40.0 / 3)))
        let perShopper = 1 + Int(random.unit() * 5)
        tastes = (0..<max(100, decisionCount / perShopper)).map { _ in 0.6 * random.normal() }
        worth = (0..<Self.itemCount).map { _ in 0.5 * random.normal() }
        level = -4.5 + 3 * random.unit()
        slope = 0.5 + 2 * random.unit()
        favourite = Int(random.unit() * 6)
        exploring = 0.1 + 0.5 * random.unit()
        self.random = random
    }

    /// The margin of a purchase at each of `depths`.
    public static let margins = depths.map { price * (1 - $0) - cost }

    /// The next decision.
    public mutating func next() -> Decision {
        let shopper = Int(random.unit() * Double(tastes.count))
        let item = Int(random.unit() * Double(Self.itemCount))
        let best = favourite + item % 3
        let count = Double(Self.depths.count)
        let propensities = Self.depths.indices.map {
            exploring / count + ($0 == best ? 1 - exploring : 0)
        }
        let conversions = Self.depths.map {
            logistic(level + tastes[shopper] + worth[item] - slope * naturalLogarithm(1 - $0))
        }
        var left = random.unit()
        let delivered =
            propensities.indices.first { place in
                left -= propensities[place]
                return left < 0
            } ?? best
        return Decision(
            shopper: shopper, item: item, propensities: propensities, conversions: conversions,
            delivered: delivered, purchased: random.unit() < conversions[delivered])
    }
}
