import Records
import ResponseModel

/// A seeded stream of exposures with labels from a planted truth.
struct Stream {
    struct Example {
        let exposure: Exposure
        let item: ItemFeatures
        let label: Bool
    }

    let dimension: Int
    let items: [ItemFeatures]
    private var random: SeededRandom
    private let userCount: Int
    private let spread: Int
    private var tsMs: Int64 = 1_700_000_000_000
    private var count = 0

    /// - Parameter spread: how many items are offered at one time; the window moves on.
    init(seed: UInt64, dimension: Int = 8, items itemCount: Int = 40, users: Int = 30, spread: Int)
    {
        var random = SeededRandom(seed: seed)
        self.dimension = dimension
        self.spread = spread
        userCount = users
        items = (0..<itemCount).map { index in
            var vector = (0..<dimension).map { _ in Float(random.normal()) }
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            vector = vector.map { $0 / length }
            return ItemFeatures(
                id: "item \(index)",
                category: index % 7 == 0 ? nil : "area \(index % 3) / shelf \(index % 5)",
                brand: index % 4 == 0 ? nil : "brand \(index % 6)", vector: vector)
        }
        self.random = random
    }

    mutating func next() -> Example {
        tsMs += Int64(random.unit() * 7_200_000)
        let offset = Int(random.unit() * random.unit() * Double(spread))
        let index = (offset + count / 50) % items.count
        count += 1
        var context: [(key: String, value: ContextValue)] = []
        if random.unit() < 0.7 {
            context.append((key: "display", value: .number(random.unit() < 0.4 ? 1 : 0)))
        }
        if random.unit() < 0.3 { context.append((key: "feature", value: .number(1))) }
        if random.unit() < 0.5 {
            let screen = random.unit() < 0.5 ? "small" : "large"
            context.append((key: "screen", value: .text(screen)))
        }
        let discount = [0, 0, 0, 0.05, 0.125, 0.25, 0.65][Int(random.unit() * 7)]
        let exposure = Exposure(
            tsMs: tsMs, user: "user \(Int(random.unit() * Double(userCount)))",
            price: 1 + Double(index % 9) + (random.unit() < 0.2 ? 0.25 : 0), discount: discount,
            context: context)
        let chance = 0.1 + 0.4 * discount + 0.03 * Double(index % 6)
        return Example(exposure: exposure, item: items[index], label: random.unit() < chance)
    }

    mutating func examples(_ count: Int) -> [Example] { (0..<count).map { _ in next() } }
}

extension ResponseHead {
    @discardableResult
    mutating func learn(_ example: Stream.Example, weight: Double = 1) throws -> Prediction {
        try learn(example.exposure, item: example.item, label: example.label, weight: weight)
    }

    func predict(_ example: Stream.Example) throws -> Prediction {
        try predict(example.exposure, item: example.item)
    }
}
