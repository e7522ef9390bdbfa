import Records
import ResponseModel

/// How purchases are learned that come after the example could have been learned.
public enum DelayedFeedback: String, Sendable, CaseIterable {
    /// An example is learned once, when its label is known: at the purchase, or at the end of the
    /// wait.
    case wait
    /// Learned as not bought when it opens, and once more as bought at the purchase; weighted so
    /// that both together teach the truth.
    ///
    /// Source: Ktena et al., Addressing delayed feedback for continuous training with neural
    /// networks in CTR prediction, 2019, equation 7.
    case fakeNegativeWeighted = "fake_negative_weighted"
    /// The same at the end of a wait shorter than the window, weighted by how many purchases come
    /// later than that.
    ///
    /// Source: Yang et al., Capturing delayed feedback in conversion rate prediction via
    /// elapsed-time sampling, 2021, section 3 (ES-DFM). The two probabilities that the paper
    /// trains networks for follow here from the prediction and the distribution of delays.
    case elapsedTime = "elapsed_time"
}

/// The weights that make up for learning some purchases as none first.
///
/// With p the probability of a purchase and q the share of purchases later than the wait, p·q is
/// the chance that an example is learned twice, and an example not bought by then stays so with
/// probability (1 - p) / (1 - p + p·q).
package struct ElapsedTimeWeights: Sendable {
    package let positive: Double
    package let negative: Double

    package init(purchaseProbability p: Double, lateShare q: Double) {
        let late = p * q
        positive = 1 + late
        negative = (1 + late) * (1 - p) / (1 - p + late)
    }
}

/// What the label of an example counts for that will be told no more of.
///
/// With p the probability of a purchase and q the share of purchases later than the example's age,
/// an example not bought so far is bought later with probability p·q / (1 - p + p·q). What is known
/// of it is that it was not bought early: (1 - q) of what a final label says.
package struct CensoredWeights: Sendable {
    /// As a label of none, in place of the whole outcome: bought before, at p·(1 - q), and this, at
    /// (1 - p + p·q) times the weight, are as p to 1 - p.
    package let negative: Double
    /// As bought, beside a label of none that counted on being corrected.
    package let positive: Double

    package init(probability p: Double, laterShare q: Double) {
        let later = p * q
        let left = max(1 - p + later, .leastNormalMagnitude)
        negative = min(1, (1 - p) * (1 - q) / left)
        positive = min(1, later / left)
    }
}

/// How long after the opening purchases come, from examples whose window has ended: those still
/// open would count quick purchases alone.
package struct PurchaseDelays: Sendable, Equatable {
    /// Evenly spaced in the logarithm of the delay, from a second to the window.
    static let binCount = 64
    /// Purchases that the assumption counts for which stands before there are any: every order of
    /// magnitude as likely as another.
    private static let assumed = 20.0
    /// Beyond so many, older purchases lose weight.
    private static let countMax = 20_000.0

    private let windowMs: Int64
    private var counts: [Double]

    package init(windowMs: Int64) {
        self.windowMs = windowMs
        counts = [Double](repeating: Self.assumed / Double(Self.binCount), count: Self.binCount)
    }

    package mutating func add(delayMs: Int64) {
        counts[min(Int(place(delayMs)), Self.binCount - 1)] += 1
        guard counts.reduce(0, +) > Self.countMax else { return }
        for bin in counts.indices { counts[bin] /= 2 }
    }

    /// The same among those that come within `limitMs`.
    package func shareAfter(_ elapsedMs: Int64, within limitMs: Int64) -> Double {
        let beyond = shareAfter(limitMs)
        guard beyond < 1 else { return 0 }
        return max(0, shareAfter(elapsedMs) - beyond) / (1 - beyond)
    }

    /// The share of purchases that come later than this after the opening.
    package func shareAfter(_ elapsedMs: Int64) -> Double {
        let place = place(elapsedMs)
        guard place < Double(Self.binCount) else { return 0 }
        let bin = Int(place)
        let later = counts[(bin + 1)...].reduce(0, +) + counts[bin] * (Double(bin + 1) - place)
        return later / counts.reduce(0, +)
    }

    /// Where a delay lies among the bins.
    private func place(_ delayMs: Int64) -> Double {
        let share =
            stableLog(1 + Double(max(0, delayMs)) / 1000) / stableLog(1 + Double(windowMs) / 1000)
        return min(share, 1) * Double(Self.binCount)
    }

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(windowMs)
        writer.array(counts) { $0.double($1) }
        return writer.bytes
    }

    /// What was encoded; a new one where that was for another window.
    package init(windowMs: Int64, encoded bytes: [UInt8]) throws(ByteCodingError) {
        self.init(windowMs: windowMs)
        var reader = ByteReader(bytes)
        let storedMs: Int64 = try reader.integer()
        let stored = try reader.array { r throws(ByteCodingError) in try r.double() }
        try reader.finish()
        guard stored.count == Self.binCount, stored.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
            throw .badValue(at: 8, "\(stored.count) counts of delays")
        }
        if storedMs == windowMs { counts = stored }
    }
}
