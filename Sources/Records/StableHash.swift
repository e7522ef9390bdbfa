/// A 64-bit hash whose value never changes between runs, machines or versions.
///
/// Swift's own `Hasher` is seeded afresh in each process and must not reach any state.
public struct StableHash: Sendable {
    private var state: UInt64

    /// A hash of nothing yet. Another seed gives other values throughout.
    public init(seed: UInt64 = 0) {
        state = seed ^ 0xcbf2_9ce4_8422_2325
    }

    /// Takes a value in; the order of calls matters.
    public mutating func combine(_ value: UInt64) {
        state = Self.mix(state ^ Self.mix(value &+ 0x9e37_79b9_7f4a_7c15))
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

    /// The hash of what was taken in so far; more may follow.
    public var value: UInt64 { Self.mix(state) }

    /// The hash of the texts in order, each with its length.
    public static func of(_ parts: String..., seed: UInt64 = 0) -> UInt64 {
        var hash = StableHash(seed: seed)
        for part in parts { hash.combine(part) }
        return hash.value
    }

    /// A bijection that spreads every bit.
    ///
    /// Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    @inlinable
    @inline(__always)
    public static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
