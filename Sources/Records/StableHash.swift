/// A 64-bit hash whose value never changes between runs, machines or versions.
///
/// Swift's own `Hasher` is seeded afresh in each process and must not reach any state.
public struct StableHash: Sendable {
    private var state: UInt64

    public init(seed: UInt64 = 0) {
        state = seed ^ 0xcbf2_9ce4_8422_2325
    }

    public mutating func combine(_ value: UInt64) {
        state = mix(state ^ mix(value &+ 0x9e37_79b9_7f4a_7c15))
    }

    /// Takes the length in as well, so that ("ab", "c") and ("a", "bc") differ.
    public mutating func combine(_ text: String) {
        var word: UInt64 = 0
        var count: UInt64 = 0
        for byte in text.utf8 {
            word |= UInt64(byte) << (8 * (count & 7))
            count += 1
            if count & 7 == 0 {
                combine(word)
                word = 0
            }
        }
        combine(word)
        combine(count)
    }

    public var value: UInt64 { mix(state) }

    public static func of(_ parts: String..., seed: UInt64 = 0) -> UInt64 {
        var hash = StableHash(seed: seed)
        for part in parts { hash.combine(part) }
        return hash.value
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit.
@inline(__always)
private func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
}

/// SplitMix64: a stream of numbers that a seed determines.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    public private(set) var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return mix(state)
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
            if s > 0, s < 1 { return u * (-2 * logarithm(s) / s).squareRoot() }
        }
    }
}

/// Natural logarithm by the atanh series, the same bits on every machine.
///
/// Accurate to about 1e-15 relative; glibc's own changes bits with version and processor.
private func logarithm(_ x: Double) -> Double {
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.414_213_562_373_095_1 {
        m /= 2
        exponent += 1
    }
    let t = (m - 1) / (m + 1)
    let t2 = t * t
    var sum = 0.0
    var power = 21.0
    while power >= 1 {
        sum = sum * t2 + 1 / power
        power -= 2
    }
    return exponent * 0.693_147_180_559_945_3 + 2 * t * sum
}
