import Records
import ResponseModel

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
