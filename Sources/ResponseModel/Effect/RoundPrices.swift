import Records

/// What a price adds that looks much lower: from just below a round one.
///
/// A shopper reads a price from the left, so that 19.99 is further from 20.00 than from 19.50. Which round prices
/// count, and how much, is learned from our own decisions, for all shoppers in common: jumps for the
/// borders of each kind that a discount takes the list price below, each less the line in the depth that it comes
/// to in the mean over prices, so that the slope stays the slope.
/// Source: Thomas and Morwitz, "Penny wise and pound foolish: the left-digit effect in price cognition", 2005.
package struct RoundPrices: Sendable, Equatable {
    /// Kinds of borders: 1, 2 and 5 times a power of ten; the powers of ten once more; the other leading digits;
    /// 1.5, 2.5 and 7.5 times a power of ten.
    static let count = 4
    /// Borders of each kind for each unit of log price.
    private static let rates: [Double] = {
        let decade = stableLog(10)
        return [3 / decade, 1 / decade, 6 / decade, 3 / decade]
    }()
    /// Powers of ten from 10^-30 to 10^30; prices beyond pass no border.
    private static let powers: [Double] = {
        var powers = [1e-30]
        for _ in 0..<60 { powers.append(powers[powers.count - 1] * 10) }
        return powers
    }()

    /// For people.
    private static let names = [
        "1, 2, 5", "powers of ten", "other leading digits", "1.5, 2.5, 7.5",
    ]

    private(set) var jumps: JumpPosterior

    init() { jumps = JumpPosterior(count: Self.count) }

    init(_ jumps: JumpPosterior) { self.jumps = jumps }

    /// Where a price stands among the borders.
    private struct Place {
        let decade: Double
        /// In [1, 10).
        let mantissa: Double

        init(_ price: Double) {
            var decade = max(-30, min(30, (stableLog(price) / stableLog(10)).rounded(.down)))
            // A price that is a border but for rounding is not below it.
            var mantissa = price / powers[Int(decade) + 30] * (1 + 1e-9)
            if mantissa >= 10, decade < 30 { (mantissa, decade) = (mantissa / 10, decade + 1) }
            self.mantissa = min(9.999_999_999, max(1, mantissa))
            self.decade = decade
        }

        /// Borders of a kind that do not lie above the price, but for a constant.
        func borders(_ kind: Int) -> Double {
            let m = mantissa
            return switch kind {
            case 0: 3 * decade + (m >= 5 ? 2 : m >= 2 ? 1 : 0)
            case 1: decade
            case 2: 6 * decade + max(0, m.rounded(.down) - (m >= 5 ? 3 : 2))
            default: 3 * decade + (m >= 7.5 ? 3 : m >= 2.5 ? 2 : m >= 1.5 ? 1 : 0)
            }
        }
    }

    /// Borders of a kind that lie between two prices, less those on the line.
    private static func beyondLine(
        _ kind: Int, _ list: Place, _ offered: Place, depth: Double
    ) -> Double {
        list.borders(kind) - offered.borders(kind) - rates[kind] * depth
    }

    /// What each jump counts where a discount is taken off a list price.
    package static func row(price: Double, discount: Double) -> [Double] {
        let (list, offered) = (Place(price), Place(price * (1 - discount)))
        let depth = PropensityModel.depth(discount)
        return (0..<count).map { beyondLine($0, list, offered, depth: depth) }
    }

    /// What a discount has beyond the line. Units: logits.
    func bends(price: Double, discount: Double) -> Double {
        guard jumps.rows > 0, isDiscounted(discount) else { return 0 }
        let (list, offered) = (Place(price), Place(price * (1 - discount)))
        let depth = PropensityModel.depth(discount)
        var sum = 0.0
        // As `row` has it, without an array: decisions ask for eleven depths.
        for kind in 0..<Self.count {
            sum += jumps.mean[kind] * Self.beyondLine(kind, list, offered, depth: depth)
        }
        return sum
    }

    /// What is known of each kind.
    var report: [EffectReport.RoundPrice] {
        Self.names.enumerated().map { kind, name in
            EffectReport.RoundPrice(
                borders: name, mean: jumps.mean[kind],
                deviation: max(0, jumps.covariance[kind * (Self.count + 1)]).squareRoot())
        }
    }

    /// Learns one label; `logit` is what is expected of the row, the jumps among it.
    mutating func learn(
        price: Double, discount: Double, logit: Double, target: Double, weight: Double
    ) {
        guard isDiscounted(discount) else { return }
        jumps.learn(
            Self.row(price: price, discount: discount), logit: logit, target: target,
            weight: weight)
    }
}
