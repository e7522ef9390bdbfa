import Records

/// What discounts add to a shopper's margin, against shoppers who never get one.
///
/// Who is held out is drawn by lot for good. So the difference of the two groups' means over shoppers is what
/// the discounts add, whatever shoppers are like. A shopper counts from the first decision
/// on, with all that he brings after it.
///
/// The interval may be looked at as often as one likes. It is that of a Brownian motion whose time is the
/// variance of the difference of sums. Shoppers' sums grow from look to look; as long as what a shopper
/// brings at one time is not opposed to what he brings at another, the real sums cross the boundary less
/// often than the motion does (Slepian's inequality).
/// Source: Robbins, "Statistical methods related to the law of the iterated logarithm" (1970), the normal mixture;
/// Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic
/// confidence sequences" (2024) for estimated variances.
public struct HoldoutEvaluation: Sendable {
    /// When conclusions begin, and how sure they are.
    public struct Settings: Sendable {
        /// Over all looks together.
        public var alpha = 0.05
        /// Shoppers who bought something that each group must have before there is an interval.
        public var activeMin = 50
        /// The power with which the smallest visible effect would be seen.
        public var power = 0.8

        /// As the project has them.
        public init() {}
    }

    /// One group's shoppers.
    struct Group: Sendable {
        var count = 0.0
        var active = 0
        var sum = 0.0
        var squares = 0.0

        var mean: Double { count > 0 ? sum / count : 0 }
        /// Of one shopper's total.
        var variance: Double {
            count > 1 ? max(0, squares - count * mean * mean) / (count - 1) : .infinity
        }
    }

    /// What is known of one shopper.
    private struct Shopper: Sendable {
        var isHeldOut: Bool
        var total = 0.0
        var hasBought = false
    }

    let settings: Settings
    private(set) var treated = Group()
    private(set) var heldOut = Group()
    private var shoppers: [String: Shopper] = [:]
    /// The variance that the boundary is tuned for; set at the first look that has enough shoppers.
    private(set) var tuned: Double?

    /// Nobody was seen yet.
    public init(settings: Settings = Settings()) { self.settings = settings }

    /// Notes a shopper, at his first decision; who was seen before stays in his group.
    ///
    /// - Returns: whether he is new.
    @discardableResult
    public mutating func see(_ shopper: String, isHeldOut: Bool) -> Bool {
        guard shoppers[shopper] == nil else { return false }
        shoppers[shopper] = Shopper(isHeldOut: isHeldOut)
        if isHeldOut { heldOut.count += 1 } else { treated.count += 1 }
        return true
    }

    /// Whether a shopper was seen.
    public func knows(_ shopper: String) -> Bool { shoppers[shopper] != nil }

    /// Adds to what a shopper has brought; nothing is taken of one who was not seen, or that is not finite.
    ///
    /// - Parameter isPurchase: whether the shopper bought something; if not, it is what an offer has cost.
    public mutating func add(_ amount: Double, of shopper: String, isPurchase: Bool = true) {
        guard amount.isFinite, amount != 0, var known = shoppers[shopper] else { return }
        let (before, isFirst) = (known.total, isPurchase && !known.hasBought)
        known.total += amount
        if isFirst { known.hasBought = true }
        shoppers[shopper] = known
        func change(_ group: inout Group) {
            if isFirst { group.active += 1 }
            group.sum += amount
            group.squares += known.total * known.total - before * before
        }
        if known.isHeldOut { change(&heldOut) } else { change(&treated) }
    }

    /// Looks at what is known so far: once a day, say. It is part of the interval when the first look was that
    /// had enough shoppers.
    public mutating func look(alpha: Double? = nil) -> HoldoutEstimate {
        let alpha = alpha ?? settings.alpha
        var estimate = HoldoutEstimate(
            treated: Int(treated.count), heldOut: Int(heldOut.count), treatedMean: treated.mean,
            heldOutMean: heldOut.mean, difference: treated.mean - heldOut.mean)
        guard min(treated.active, heldOut.active) >= settings.activeMin else { return estimate }
        let variance = treated.variance / treated.count + heldOut.variance / heldOut.count
        let size = treated.count * heldOut.count / (treated.count + heldOut.count)
        // Time of the motion: the variance of the difference times its number of shoppers.
        let time = variance * size * size
        guard time > 0, time.isFinite else { return estimate }
        // Narrowest at some four times what is known at the first look.
        let tail = -2 * naturalLogarithm(alpha)
        if tuned == nil { tuned = 4 * time / (tail + naturalLogarithm(tail + 1)) }
        let prior = tuned ?? time
        let mixed = time + prior
        let radius =
            (mixed * (naturalLogarithm(mixed / prior) + tail)).squareRoot() / size
        estimate.interval = ConfidenceInterval(
            low: estimate.difference - radius, high: estimate.difference + radius)
        estimate.smallestVisible =
            radius + normalQuantile(settings.power) * variance.squareRoot()
        return estimate
    }
}

/// What discounts add to a shopper, as far as is known.
public struct HoldoutEstimate: Codable, Sendable {
    /// Shoppers who get discounts.
    public var treated: Int
    /// Shoppers who never do.
    public var heldOut: Int
    /// What one of them brought, in the mean.
    public var treatedMean: Double
    /// Likewise of those held out.
    public var heldOutMean: Double
    /// The first less the second.
    public var difference: Double
    /// Holds at all looks together; `nil` while too few shoppers brought anything.
    public var interval: ConfidenceInterval?
    /// The smallest effect that would be seen by now in four of five cases; `nil` likewise.
    public var smallestVisible: Double?

    /// Whether zero is outside the interval.
    public var isDifferent: Bool { interval.map { !$0.contains(0) } ?? false }

    init(
        treated: Int, heldOut: Int, treatedMean: Double, heldOutMean: Double, difference: Double
    ) {
        self.treated = treated
        self.heldOut = heldOut
        self.treatedMean = treatedMean
        self.heldOutMean = heldOutMean
        self.difference = difference
    }

    enum CodingKeys: String, CodingKey {
        case treated, difference, interval
        case heldOut = "held_out"
        case treatedMean = "treated_mean"
        case heldOutMean = "held_out_mean"
        case smallestVisible = "smallest_visible"
    }
}
