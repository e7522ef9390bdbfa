/// Discounted prices end in one of some fractions of the currency's unit, like .99 or .95.
///
/// A price goes to the nearest such price, the higher of two as near, and never below a floor. Where that is
/// not below what it is reduced from, there is no discount instead. It is no rule that forbids prices, but says which
/// ones there are; all rules are asked of what it makes.
public struct PriceEndings: Sendable, Hashable {
    /// Hundredths, from 0 to 99, ascending.
    public let cents: [Int]

    /// - Parameter endings: in hundredths.
    public init(cents: some Sequence<Int>) { self.cents = Set(cents).sorted() }

    /// The price for a wish; `nil` where there is none, as the floor is far above the wish.
    ///
    /// - Parameter lowest: at this price or above it.
    public func price(near wish: Double, notBelow lowest: Double) -> Double? {
        let whole = wish.rounded(.down)
        var best: Double?
        for unit in [whole - 1, whole, whole + 1] where unit >= 0 {
            for ending in cents {
                let hundredths = unit * 100 + Double(ending)
                let price = hundredths / 100
                guard hundredths >= 1, price >= lowest else { continue }
                // In ascending order, so that the higher of two as near is taken.
                if let known = best, abs(known - wish) < abs(price - wish) { continue }
                best = price
            }
        }
        return best
    }
}
