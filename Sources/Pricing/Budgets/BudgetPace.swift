import Records

/// What spending of a budget costs in decisions, beside the money: dual mirror descent.
///
/// Each resource, money and purchases, has a multiplier. What a discount is expected to take of the resource counts
/// that many times against it. A decision that takes more than its part of the period's rest raises the
/// multiplier, and time that goes by lowers it. Where a budget would not be used up, the multiplier comes to 0
/// and changes nothing.
///
/// Source: Balseiro, Lu and Mirrokni, "The best of many worlds: dual mirror descent for online allocation
/// problems" (arXiv 2011.10124), algorithm 1. Three choices are ours. The rate aimed at is by event time,
/// since nobody knows how many decisions a period will have, and it is that of what is left, so that what
/// was expected wrongly is made up for. The reference function is the entropy of `multiplier + shift`, so
/// that a multiplier grows by shares where it is large and still gets to 0. What a decision takes is what is
/// expected of it, which is known at once.
public struct BudgetPace: Sendable, Hashable {
    /// Margin that a unit of money given away must bring beside itself.
    public private(set) var spendMultiplier = 0.0
    /// Margin that a discounted purchase must bring. Units: the currency's.
    public private(set) var useMultiplier = 0.0
    /// Event time of the last decision; `nil` before there was one. Units: milliseconds since 1970.
    public private(set) var lastMs: Int64?
    /// Of the first one.
    private var firstMs: Int64?

    /// Nothing was decided.
    init() {}

    /// Steps of the descent in a period: in a period's length without spending the logarithm of
    /// the multiplier falls by so much. In the first period, when nothing is known, they are more: by the root of
    /// the part of it that has gone by, and by `haste` at most.
    static let stepsOfPeriod = 24.0
    static let haste = 40.0
    /// The part of a period that its end is not planned for: what is reserved by then cannot be offered again.
    static let reserveShare = 0.02
    /// Added to a multiplier under the logarithm. Of money it is a share, of purchases money.
    static let spendShift = 0.05
    static let useShift = 0.05
    private static let stepMax = 1.0
    /// No multiplier is above these, so that one is not long on its way back.
    private static let spendMax = 100.0
    private static let useMax = 1e6

    /// Takes a decision's part.
    ///
    /// - Parameters:
    ///   - expected: what is expected to be spent by it, money in hundredths of the unit and purchases.
    ///   - left: what the period has left but for reservations; `nil` where there is no limit.
    ///   - isBound: whether the limit itself kept the decision from what was wanted: then it tells nothing of
    ///     the demand, and only time goes by.
    mutating func note(
        expected: (cents: Double, uses: Double), left: (cents: Int64?, uses: Int64?),
        in span: BudgetSpan, atMs ms: Int64, isBound: Bool
    ) {
        let sinceMs = max(span.fromMs, min(lastMs ?? ms, ms))
        lastMs = max(lastMs ?? ms, ms)
        let beganMs = min(firstMs ?? ms, ms)
        firstMs = beganMs
        guard !isBound else { return }
        let length = Double(span.lengthMs)
        let haste = (length / Double(max(1, ms - beganMs))).squareRoot()
        let planned = Double(span.untilMs - ms) - Self.reserveShare * length
        let pace = (
            elapsedMs: Double(ms - sinceMs), aheadMs: max(planned, length / 1000),
            stepMs: length / (Self.stepsOfPeriod * min(max(haste, 1), Self.haste))
        )
        func moved(
            _ multiplier: Double, _ shift: Double, most: Double, _ taken: Double, _ left: Int64
        ) -> Double {
            // For how long the rate aimed at would have to go on to spend as much.
            let takenMs = taken > 0 ? taken / Double(max(left, 1)) * pace.aheadMs : 0
            let step = (takenMs - pace.elapsedMs) / pace.stepMs
            let factor = exponential(min(max(step, -Self.stepMax), Self.stepMax))
            return min(max(0, (multiplier + shift) * factor - shift), most)
        }
        if let left = left.cents {
            spendMultiplier = moved(
                spendMultiplier, Self.spendShift, most: Self.spendMax, expected.cents, left)
        }
        if let left = left.uses {
            useMultiplier = moved(
                useMultiplier, Self.useShift, most: Self.useMax, expected.uses, left)
        }
    }

    func write(_ writer: inout ByteWriter) {
        writer.double(spendMultiplier)
        writer.double(useMultiplier)
        writer.optional(firstMs) { $0.integer($1) }
        writer.optional(lastMs) { $0.integer($1) }
    }

    init(_ reader: inout ByteReader) throws(ByteCodingError) {
        spendMultiplier = try reader.multiplier()
        useMultiplier = try reader.multiplier()
        firstMs = try reader.optional { r throws(ByteCodingError) in try r.time() }
        lastMs = try reader.optional { r throws(ByteCodingError) in try r.time() }
    }
}

extension ByteReader {
    fileprivate mutating func multiplier() throws(ByteCodingError) -> Double {
        let multiplier = try double()
        guard multiplier >= 0, multiplier <= 1e9 else {
            throw .badValue(at: position - 8, "the multiplier \(multiplier)")
        }
        return multiplier
    }
}
