import Records

/// Names of effects as 64-bit hashes: with a million effects, the chance that any two meet is
/// below one in ten million.
enum FeatureHash {
    static func owner(_ kind: Tail.Owner, _ id: String) -> UInt64 {
        name(id, seed: UInt64(kind.rawValue))
    }

    static func flag(_ key: String) -> UInt64 { name(key, seed: 0x10) }

    /// As `StableHash.of`, without the array of its arguments.
    private static func name(_ text: String, seed: UInt64) -> UInt64 {
        var hash = StableHash(seed: seed)
        hash.combine(text)
        return hash.value
    }

    /// What crosses of promotions other than flags are named by.
    static let anyDiscount: UInt64 = 0x9e6c_63d0_876a_9a35
    static let depth: UInt64 = 0xc2b2_ae3d_27d4_eb4f
    static let priceChange: UInt64 = 0x1656_67b1_9e37_79f9

    /// A dense effect; the tail's groups are named by `cross` with their own numbers.
    static func dense(_ group: DenseGroup, _ first: UInt64, _ second: UInt64 = 0) -> UInt64 {
        cross(0x100 + Int(group.rawValue), first, second)
    }

    /// An effect of group `group` between `first` and `second`.
    ///
    /// `StableHash.mix`, twice.
    @inline(__always)
    static func cross(_ group: Int, _ first: UInt64, _ second: UInt64 = 0) -> UInt64 {
        let named = StableHash.mix(first &+ 0x9e37_79b9_7f4a_7c15 &* UInt64(group + 1))
        return StableHash.mix(named ^ second)
    }
}
