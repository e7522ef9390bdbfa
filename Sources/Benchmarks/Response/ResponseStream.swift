import Records
import ResponseModel

/// Made-up exposures with the shape of real logs: how many items and users, how they come and go.
struct ResponseStream {
    enum Shape: String {
        case grocery, headlines
    }

    struct Example {
        let exposure: Exposure
        let item: ItemFeatures
        let label: Bool
    }

    private let shape: Shape
    private let dimension: Int
    private var random: SeededRandom
    private var items: [ItemFeatures] = []
    private var tsMs: Double = 1.2e12
    private var count = 0

    init(_ shape: Shape, seed: UInt64, dimension: Int) {
        self.shape = shape
        self.dimension = dimension
        random = SeededRandom(seed: seed)
        if shape == .grocery { for _ in 0..<58 { addItem() } }
    }

    private mutating func addItem() {
        var vector = (0..<dimension).map { _ in Float(random.normal()) }
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for index in vector.indices { vector[index] /= length }
        let index = items.count
        let isShelved = shape == .grocery
        items.append(
            ItemFeatures(
                id: "item-\(1_111_009_477 + index * 20)",
                category: isShelved ? "Department \(index % 4) / Shelf \(index % 12)" : nil,
                brand: isShelved ? "Brand \(index % 17)" : nil, vector: vector))
    }

    mutating func next() -> Example {
        count += 1
        return shape == .grocery ? nextGrocery() : nextHeadline()
    }

    private mutating func nextGrocery() -> Example {
        tsMs += random.unit() * 630_000
        let index = Int(random.unit() * 58)
        let discounted = random.unit() < 0.26
        let discount = discounted ? 0.02 + 0.4 * random.unit() : 0
        let display = random.unit() < 0.11
        let feature = random.unit() < 0.085
        let exposure = Exposure(
            tsMs: Int64(tsMs), user: "store-\(2000 + Int(random.unit() * 77) * 391)",
            price: 1.5 + Double(index % 9) / 2 + (random.unit() < 0.1 ? 0.2 : 0),
            discount: discount,
            context: [
                (key: "display", value: .number(display ? 1 : 0)),
                (key: "feature", value: .number(feature ? 1 : 0)),
                (key: "tpr_only", value: .number(discounted && !display && !feature ? 1 : 0)),
            ])
        let chance = 0.02 + 0.1 * discount + (display ? 0.05 : 0) + 0.002 * Double(index)
        return Example(exposure: exposure, item: items[index], label: random.unit() < chance)
    }

    /// Some thirty texts are shown at a time; a new one replaces the oldest every 25 events.
    private mutating func nextHeadline() -> Example {
        tsMs += random.unit() * 830_000
        if items.isEmpty || count % 25 == 0 { addItem() }
        let back = min(items.count, 30)
        let index = items.count - 1 - Int(random.unit() * Double(back))
        let exposure = Exposure(
            tsMs: Int64(tsMs), user: "v\(Int(random.unit() * 5000))", price: 1)
        let chance = 0.08 + 0.01 * Double(index % 12)
        return Example(exposure: exposure, item: items[index], label: random.unit() < chance)
    }
}
