import CPosterior
import Records

/// The prior variance that a group of entries shares, from the stream itself.
///
/// The posterior is what was learned times the prior, so another prior variance can be put in the place
/// of the first at any time, and acts on all that was learned before.
/// Source: MacKay, "Bayesian interpolation", 1992 (the evidence of a prior).
extension GaussianCore {
    /// The prior variance under which what was learned is likeliest.
    ///
    /// - Parameters:
    ///   - entries: all of one prior variance, of prior mean 0. No block may be open.
    ///   - present: their prior variance now.
    ///   - expected: what is thought of it beforehand: its logarithm is normal about this one's.
    ///   - deviation: with this standard deviation.
    /// - Returns: at most a factor of 1,000 from `present`.
    /// - Complexity: O(n^3) for each of about four variances that are tried.
    func likeliestVariance(
        of entries: Range<Int>, present: Double, expected: Double, deviation: Double
    ) -> Double {
        precondition(block.active.isEmpty, "a prior was judged inside a block")
        let count = entries.count
        var square = [Double](repeating: 0, count: count * count)
        for row in entries {
            for column in entries {
                square[(row - entries.lowerBound) * count + column - entries.lowerBound] =
                    startCovariance(row, column)
            }
        }
        let means = Array(mean[entries])
        var work = [Double](repeating: 0, count: count * (count + 1))
        let center = stableLog(present / expected)
        /// Log evidence of a variance `exp(rise)` times the present one, against that one's.
        func evidence(_ rise: Double) -> Double {
            let change = (stableExp(-rise) - 1) / present
            let gained = unsafe posterior_prior_evidence(
                Int32(count), square, means, change, &work)
            let told = (center + rise) / deviation
            let value = gained - 0.5 * Double(count) * rise - 0.5 * told * told
            return value.isFinite ? value : -.infinity
        }
        return present * stableExp(Self.highest(evidence, step: 0.4, bound: 6.9))
    }

    /// Where a function with one maximum is highest: uphill from 0 step by step, then between the steps.
    private static func highest(
        _ value: (Double) -> Double, step: Double, bound: Double
    ) -> Double {
        var (low, middle, high) = (value(-step), value(0), value(step))
        var place = 0.0
        while high > middle, place < bound {
            place += step
            (low, middle, high) = (middle, high, value(place + step))
        }
        while low > middle, place > -bound {
            place -= step
            (low, middle, high) = (value(place - step), low, middle)
        }
        let bend = low - 2 * middle + high
        guard bend < 0, bend.isFinite else { return place }
        return place + step * min(1, max(-1, 0.5 * (low - high) / bend))
    }

    /// Gives entries of prior mean 0 another prior variance. Complexity: O(n N^2).
    ///
    /// - Returns: false, with nothing changed, where rounding has left no posterior under it.
    mutating func setPriorVariance(
        of entries: Range<Int>, from present: Double, to variance: Double
    ) -> Bool {
        precondition(block.active.isEmpty, "a prior was changed inside a block")
        let before = self
        var work = [Double](repeating: 0, count: 2 * Self.activeMax)
        for first in stride(from: entries.lowerBound, to: entries.upperBound, by: Self.activeMax) {
            for entry in first..<min(first + Self.activeMax, entries.upperBound) {
                activate(Int32(entry))
            }
            let exists = unsafe posterior_reweigh(
                Int32(block.active.count), block.prior, &block.information, &block.mean,
                &block.shift,
                1 / variance - 1 / present, &work)
            guard exists != 0 else {
                self = before
                return false
            }
            endBlock()
        }
        return true
    }
}
