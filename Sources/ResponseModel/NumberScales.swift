import Records

/// What numbers of a context usually are: where they lie and how far they spread, by key, as the stream goes.
///
/// A number that is 0 or 1 is a flag. A key that has had another number is a measure: it counts by how many
/// standard deviations it lies off its mean, with bends there.
struct NumberScales: Sendable, Equatable {
    /// One key's numbers so far; of a long stream the last some thousand.
    struct Scale: Sendable, Equatable {
        var count = 0.0
        var mean = 0.0
        var variance = 0.0
    }

    /// Keys that may be measures; numbers of further ones are flags.
    static let countMax = 64
    /// A measure further off its mean, in standard deviations, says no more than this.
    private static let limit = 4.0
    /// Weight of a new number, at least.
    private static let rate = 0.0005
    /// Beyond this a number is as good as this one.
    private static let numberMax = 1e100

    private(set) var scales: [UInt64: Scale] = [:]

    static func isFlag(_ number: Double) -> Bool { number == 0 || number == 1 }

    /// How far a number lies off its key's mean. Units: standard deviations.
    ///
    /// - Parameter hash: of the key, `FeatureHash.flag`.
    /// - Returns: `nil` for a flag's key.
    func measure(_ hash: UInt64, _ number: Double) -> Double? {
        guard let scale = scales[hash] else { return nil }
        let off = Self.clamped(number) - scale.mean
        guard off != 0, scale.variance > 0 else { return 0 }
        return max(-Self.limit, min(Self.limit, off / scale.variance.squareRoot()))
    }

    /// Takes in the numbers of a row that was learned.
    mutating func note(_ context: [(key: String, value: ContextValue)]) {
        for case (let key, .number(let number)) in context {
            // A loop over flags alone, as of most streams, must not cost a hash each.
            if scales.isEmpty, Self.isFlag(number) { continue }
            note(FeatureHash.flag(key), number)
        }
    }

    private mutating func note(_ hash: UInt64, _ number: Double) {
        guard let known = scales[hash] else {
            guard !Self.isFlag(number), scales.count < Self.countMax else { return }
            scales[hash] = Scale(count: 1, mean: Self.clamped(number), variance: 0)
            return
        }
        var scale = known
        scale.count += 1
        let share = max(Self.rate, 1 / scale.count)
        let off = Self.clamped(number) - scale.mean
        scale.mean += share * off
        scale.variance = (1 - share) * (scale.variance + share * off * off)
        scales[hash] = scale
    }

    private static func clamped(_ number: Double) -> Double {
        max(-numberMax, min(numberMax, number))
    }

    func write(to writer: inout ByteWriter) {
        writer.array(scales.sorted { $0.key < $1.key }) { writer, entry in
            writer.integer(entry.key)
            for value in [entry.value.count, entry.value.mean, entry.value.variance] {
                writer.double(value)
            }
        }
    }

    init() {}

    init(from row: inout ByteReader) throws {
        let listed = try row.array { r throws(ByteCodingError) in
            (
                try r.integer(UInt64.self),
                Scale(count: try r.double(), mean: try r.double(), variance: try r.double())
            )
        }
        scales = Dictionary(listed) { first, _ in first }
        try HeadTables.expect(
            scales.count <= Self.countMax
                && scales.values.allSatisfy {
                    $0.count >= 1 && $0.count.isFinite && $0.mean.isFinite && $0.variance >= 0
                        && $0.variance.isFinite
                }, "impossible scales of numbers")
    }
}

/// How a head reads the context of an exposure.
struct ContextReader: Sendable {
    /// Flags that have crosses with each other.
    let flagsMax: Int
    /// What its numbers usually are.
    var numbers = NumberScales()

    /// Flags that may be asked for, at most: with 8 measures they make a row of 119 active entries, and a block
    /// has room for 128.
    static let flagsBound = 10
    /// Measures and texts of one exposure that are looked at.
    static let measuresMax = 8
    static let textsMax = 32

    /// One entry as it counts.
    enum Value {
        case flag(UInt64)
        /// In standard deviations off the mean.
        case measure(UInt64, Double)
        case text(UInt64)
    }

    /// Calls `use` with each entry that counts, and its place in the context.
    func read(
        _ context: [(key: String, value: ContextValue)], _ use: (Int, Value) -> Void
    ) {
        var (flags, measures, texts) = (0, 0, 0)
        for (place, entry) in context.enumerated() {
            switch entry.value {
            case .number(let number):
                let hash = FeatureHash.flag(entry.key)
                if let measure = numbers.measure(hash, number) {
                    measures += 1
                    if measures <= Self.measuresMax { use(place, .measure(hash, measure)) }
                } else if number != 0 {
                    flags += 1
                    if flags <= flagsMax { use(place, .flag(hash)) }
                }
            case .text(let text):
                guard let hash = FeatureHash.context(entry.key, text) else { continue }
                texts += 1
                if texts <= Self.textsMax { use(place, .text(hash)) }
            }
        }
    }
}
