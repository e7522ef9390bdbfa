import Pricing
import Records

/// How shoppers of a world answer to a lower price.
public enum PriceAnswer: String, Sendable, Hashable, CaseIterable {
    /// A logistic in the logarithm of the price, each in his own measure.
    case sensitive
    /// Not at all.
    case none
    /// In some categories a lower price is a bad sign: fewer buy.
    case harmful
    /// A probit of hidden classes: who waits for a quarter off, who sees round prices, who compares with
    /// the price he remembers, who goes by the price alone, who does not look at it.
    case thresholds
    /// A probit of four hidden classes, from who does not look at prices to who looks at little else; round
    /// prices that are passed count for all of them. Prices have a heavy tail.
    case classes
    /// As `sensitive`, until `WorldConfiguration.changesAtMs`: then next to nobody answers any more.
    case sudden
}

/// A probit answer of hidden classes who see the price and the round prices that it passes.
struct ClassAnswer: Sendable, Hashable {
    /// Change of the probit for each unit of log-price, and for each round price passed, by class.
    private static let weights = [(0.0, 0.05), (0.8, 0.15), (1.8, 0.2), (0.3, 0.5)]
    /// Which class a shopper of each segment is of.
    private static let classes = [2, 1, 3, 0, 0]

    let slope: Double
    let round: Double
    let listPrice: Double

    init(segment: Int, listPrice: Double) {
        (slope, round) = Self.weights[Self.classes[segment % Self.classes.count]]
        self.listPrice = listPrice
    }

    /// The probability of a purchase, of a shopper whose logit at the list price is `level`.
    func conversion(level: Double, discount: Double) -> Double {
        let passed = RoundPrices.passed(from: listPrice, to: listPrice * (1 - discount))
        return normalDistribution(
            0.55 * level - slope * naturalLogarithm(1 - discount)
                + round * Double(min(passed, 3)))
    }
}

/// Prices that look much lower from just below.
enum RoundPrices {
    private static let borders: [Double] = [
        5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000,
    ]

    /// How many of them lie between two prices, the lower one excluded.
    static func passed(from high: Double, to low: Double) -> Int {
        borders.count { low < $0 && high >= $0 }
    }
}

/// A probit answer that is no line in anything: what a price adds depends on the shopper's class.
struct ThresholdAnswer: Sendable, Hashable {
    enum Class: Int, Sendable, Hashable {
        case dealHunter, roundPrices, reference, linear, indifferent
    }

    let kind: Class
    let listPrice: Double
    /// The price the shopper remembers. Units: as the list price.
    let remembered: Double

    /// What a price adds to the probit at the list price.
    func added(discount: Double) -> Double {
        guard discount > 0 else { return 0 }
        let price = listPrice * (1 - discount)
        switch kind {
        case .dealHunter: return discount > 0.2499 ? 0.9 : 0.1
        case .roundPrices:
            let passed = RoundPrices.passed(from: listPrice, to: price)
            return 0.3 * Double(min(passed, 3))
        case .reference: return gain(price) - gain(listPrice)
        case .linear: return -1.6 * naturalLogarithm(1 - discount)
        case .indifferent: return 0
        }
    }

    /// What is above the remembered price counts more than what is below it.
    private func gain(_ price: Double) -> Double {
        let off = naturalLogarithm(remembered / price)
        return off > 0 ? 0.8 * off : 2.6 * off
    }

    /// The probability of a purchase, of a shopper whose logit at the list price is `level`.
    func conversion(level: Double, discount: Double) -> Double {
        normalDistribution(0.55 * level + added(discount: discount))
    }
}
