/// Surrogates that something still needs, a bit for each that was ever given out.
struct SurrogateSet: Sendable {
    private var words: [UInt64]
    private let bound: UInt64

    /// - Parameter bound: Surrogates from here on were given out later, and are all needed.
    init(below bound: UInt64) {
        self.bound = bound
        words = [UInt64](repeating: 0, count: Int(clamping: bound / 64 + 1))
    }

    mutating func insert(_ surrogate: UInt64) {
        guard surrogate < bound else { return }
        words[Int(surrogate / 64)] |= 1 << (surrogate % 64)
    }

    func contains(_ surrogate: UInt64) -> Bool {
        surrogate >= bound || words[Int(surrogate / 64)] & 1 << (surrogate % 64) != 0
    }
}
