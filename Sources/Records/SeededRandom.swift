/// SplitMix64: a stream of numbers that a seed determines.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    /// All there is of the stream: a new one with this seed goes on from here.
    public private(set) var state: UInt64

    /// Any seed is good; the stream of one never changes between versions.
    public init(seed: UInt64) {
        state = seed
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return StableHash.mix(state)
    }

    /// Uniform in [0, 1), on a grid of 2^-53.
    public mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Standard normal, by Marsaglia's polar method.
    public mutating func normal() -> Double {
        while true {
            let u = 2 * unit() - 1
            let v = 2 * unit() - 1
            let s = u * u + v * v
            if s > 0, s < 1 { return u * (-2 * naturalLogarithm(s) / s).squareRoot() }
        }
    }
}
