import Records

/// How a category's demand moves with the calendar.
///
/// Waves of six weeks and of three months, and the week itself; in the same waves shoppers become
/// more or less sensitive to price. Each category is at its own point of them.
struct Season: Sendable {
    private let phase: (short: Double, long: Double, price: Double)

    init(_ random: inout SeededRandom) {
        phase = (random.unit(), random.unit(), random.unit())
    }

    /// Added to the purchase logit.
    func level(atMs: Int64) -> Double {
        let days = Double(atMs) / 86_400_000
        // The epoch began on a Thursday; weekends sell better.
        let weekday = (days + 3).truncatingRemainder(dividingBy: 7)
        return 0.25 * wave(days / 42 + phase.short) + 0.2 * wave(days / 91 + phase.long)
            + (weekday >= 5 ? 0.1 : 0)
    }

    /// Multiplies the price sensitivity.
    func sensitivity(atMs: Int64) -> Double {
        1 + 0.15 * wave(Double(atMs) / 86_400_000 / 56 + phase.price)
    }
}

/// A smooth wave of period 1 between -1 and 1, from a parabola a half-period.
private func wave(_ x: Double) -> Double {
    let t = x - x.rounded(.down)
    return t < 0.5 ? 8 * t * (1 - 2 * t) : -8 * (t - 0.5) * (2 - 2 * t)
}
