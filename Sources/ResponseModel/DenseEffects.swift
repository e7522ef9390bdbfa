/// Which entry of the core each dense effect has. Entries are given in the order effects appear.
struct DenseEffects: Sendable {
    struct Effect: Sendable, Equatable {
        let key: UInt64
        let group: DenseGroup
        let entry: Int32
        /// Like `display × depth`, for people.
        let name: String
    }

    let countMax: Int
    private(set) var effects: [Effect] = []
    private var index = StableIndex()
    /// How many of `effects` the last collect has seen; an effect never changes.
    var collected = 0

    init(_ configuration: HeadConfiguration) {
        countMax = max(0, configuration.denseCountMax)
    }

    var count: Int { effects.count }
    var isFull: Bool { effects.count >= countMax }

    /// The core's entry of an effect, or -1.
    @inline(__always)
    func entry(_ key: UInt64) -> Int32 {
        let place = index.value(key)
        return place < 0 ? -1 : effects[Int(place)].entry
    }

    mutating func add(_ effect: Effect) {
        index.insert(effect.key, Int32(effects.count))
        effects.append(effect)
    }
}
