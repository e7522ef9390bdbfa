import Pricing
import Records

/// A shop whose discounts are not random, and where what they do is known.
///
/// A row's purchase logit is `level + effect of the discount`; who gets a discount depends on the
/// level, so that discounted rows sell more even where discounts do nothing.
public struct ConfoundedWorld: Sendable {
    /// How the shop chooses whom it gives a discount.
    public enum Confounding: String, Sendable, CaseIterable {
        /// Discounts are drawn by lot.
        case none
        /// The shop discounts in the weeks in which the season sells anyway.
        case season
        /// The shop discounts what sells anyway, item by item and day by day of the week.
        case bestsellers
        /// The shop discounts shoppers whose wish to buy it saw and the log does not tell; it logs the
        /// propensity of each discount.
        case intent
    }

    /// One visit, its discount and what came of it.
    public struct Row: Sendable {
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
        /// Whether it falls on a day when more is sold.
        public let weekend: Bool
        /// Of the discount, where the world logs it.
        public let propensity: Double?
        /// What came of it.
        public let purchased: Bool
    }

    /// The discounts that the shop gives, as fractions of the list price.
    public static let depths = [0, 0.1, 0.2, 0.3, 0.4]
    /// Items of the shop.
    public static let itemCount = 60
    /// Categories of the shop: item `i` is in category `i` modulo this.
    public static let categoryCount = 6
    /// Shoppers of the shop.
    public static let userCount = 400

    /// How the shop chooses whom it gives a discount.
    public let confounding: Confounding
    /// What a discount adds to the logit: a step, and a slope in -log(1 - discount).
    public let step: Double
    /// What a unit of -log(1 - discount) adds to the logit.
    public let slope: Double
    private var random: SeededRandom
    private let worth: [Double]
    private let taste: [Double]
    private let phase: Double
    private var visits = 0

    /// A world before its first visit; the same seed gives the same visits.
    public init(_ confounding: Confounding, step: Double, slope: Double, seed: UInt64) {
        self.confounding = confounding
        self.step = step
        self.slope = slope
        var random = SeededRandom(seed: StableHash.of(confounding.rawValue, seed: seed))
        worth = (0..<Self.itemCount).map { _ in 0.6 * random.normal() }
        taste = (0..<Self.userCount).map { _ in 0.4 * random.normal() }
        phase = random.unit()
        self.random = random
    }

    /// The category's name.
    public static func category(ofItem item: Int) -> String { "Department \(item % categoryCount)" }

    /// The logit that a discount adds, for a shopper whose wish to buy is known.
    public func effect(_ discount: Double) -> Double {
        discount > 0 ? step - slope * naturalLogarithm(1 - discount) : 0
    }

    private static let intentSpread = 1.2
    private static let level = -2.2

    /// The logit that a discount adds to the share of shoppers of an average item who buy: where
    /// their wishes are hidden, a logit of means and not the mean of logits.
    public func marginalEffect(_ discount: Double) -> Double {
        guard confounding == .intent else { return effect(discount) }
        func share(_ added: Double) -> Double {
            var sum = 0.0
            var weight = 0.0
            for place in -80...80 {
                let u = Double(place) / 20
                let density = normalDensity(u)
                sum += density * logistic(Self.level + Self.intentSpread * u + added)
                weight += density
            }
            return sum / weight
        }
        return logOdds(share(effect(discount))) - logOdds(share(0))
    }

    /// The true probability that a row's shopper buys at another discount; where wishes are hidden, in
    /// the mean over them.
    public func conversion(_ row: Row, discount: Double) -> Double {
        let level = level(row.item, row.user, visit: Int((row.tsMs - Self.startMs) / Self.gapMs))
        guard confounding == .intent else { return logistic(level.total + effect(discount)) }
        var sum = 0.0
        var weight = 0.0
        for place in -40...40 {
            let density = normalDensity(Double(place) / 10)
            sum +=
                density
                * logistic(
                    level.total + Self.intentSpread * Double(place) / 10 + effect(discount))
            weight += density
        }
        return sum / weight
    }

    private static let startMs: Int64 = 1_600_000_000_000
    private static let gapMs: Int64 = 120_000

    /// A visit's logit at the list price, hidden wishes apart, and the season's part of it.
    private func level(_ item: Int, _ user: Int, visit: Int) -> (
        total: Double, season: Double, weekend: Bool
    ) {
        let day = Double(visit) * Double(Self.gapMs) / 86_400_000
        let weekend = Int(day) % 7 >= 5
        let season = confounding == .season ? 1.8 * sine(2 * .pi * (day / 24 + phase)) : 0
        return (
            Self.level + worth[item] + taste[user] + (weekend ? 0.5 : 0) + season, season, weekend
        )
    }

    /// The next visit, two minutes after the last one.
    public mutating func next() -> Row {
        visits += 1
        let tsMs = Self.startMs + Int64(visits) * Self.gapMs
        let item = Int(random.unit() * Double(Self.itemCount))
        let user = Int(random.unit() * Double(Self.userCount))
        let known = self.level(item, user, visit: visits)
        let weekend = known.weekend
        var level = known.total
        var inclination = 0.0
        switch confounding {
        case .none: break
        case .season: inclination = 1.6 * known.season
        case .bestsellers: inclination = 2 * (worth[item] + (weekend ? 0.5 : 0)) - 0.3
        case .intent:
            let wish = random.normal()
            level += Self.intentSpread * wish
            inclination = 1.5 * wish
        }
        let (discount, propensity) = drawn(inclination)
        let chance = logistic(level + effect(discount))
        return Row(
            tsMs: tsMs, item: item, user: user, price: 10 + Double(item % 7), discount: discount,
            weekend: weekend, propensity: confounding == .intent ? propensity : nil,
            purchased: random.unit() < chance)
    }

    /// The more inclined the shop is, the likelier a discount, and the deeper.
    private mutating func drawn(_ inclination: Double) -> (discount: Double, propensity: Double) {
        let any = 0.05 + 0.9 * logistic(inclination - 0.8)
        let rise = confounding == .none ? 0 : 0.5 * inclination
        var shares = Self.depths.dropFirst().indices.map { power(rise, $0) }
        let sum = shares.reduce(0, +)
        shares = [1 - any] + shares.map { any * $0 / sum }
        var left = random.unit()
        for (index, share) in shares.enumerated() {
            left -= share
            if left < 0 || index == shares.count - 1 { return (Self.depths[index], share) }
        }
        return (0, shares[0])
    }

    /// e^(rise · steps).
    private func power(_ rise: Double, _ steps: Int) -> Double {
        let odds = logistic(rise)
        var value = 1.0
        for _ in 0..<steps { value *= odds / (1 - odds) }
        return value
    }

    /// Bits that depend on the argument alone: the system's sine changes with its version.
    private func sine(_ x: Double) -> Double {
        let turns = x / (2 * .pi)
        let part = (turns - turns.rounded(.down)) * 4
        func quarter(_ t: Double) -> Double {
            let y = t * .pi / 2
            let y2 = y * y
            return y * (1 - y2 / 6 * (1 - y2 / 20 * (1 - y2 / 42 * (1 - y2 / 72))))
        }
        switch part {
        case ..<1: return quarter(part)
        case ..<2: return quarter(2 - part)
        case ..<3: return -quarter(part - 2)
        default: return -quarter(4 - part)
        }
    }
}
