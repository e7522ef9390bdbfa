import Pricing
import Records

/// An item as the shop knows it, with the truth about it that only the simulator knows.
public struct CatalogueItem: Sendable, Hashable {
    /// Its category's code and a number of four digits.
    public let id: String
    /// Words that say what it is worth; no title is there twice.
    public let title: String
    /// The name of its category.
    public let category: String
    /// The name of its brand; a brand has a worth of its own.
    public let brand: String
    /// List price of one unit, in whole cents.
    public let price: Double
    /// What one unit costs the shop.
    public let cost: Double
    /// Whether the catalogue says what it costs: for a few items the shop has lost track.
    public let costIsKnown: Bool
    /// Units at hand at the start, 50 to 999; sales do not lower it.
    public let stock: Int

    let categoryIndex: Int
    let truth: Truth

    /// What only the simulator knows.
    struct Truth: Sendable, Hashable {
        /// Added to the purchase logit: what its words, its price and chance make of it.
        let worth: Double
        /// Multiplies the price sensitivity.
        let sensitivity: Double
        let refundRate: Double
        /// Relative weight among the items of its category.
        let popularity: Double
    }
}

/// Makes the catalogue: each department's lines in turn, titles never twice.
enum Catalogue {
    /// - Parameter hasHeavyTail: whether one price in eight is more than five times the usual.
    static func items(count: Int, seed: UInt64, hasHeavyTail: Bool = false) -> [CatalogueItem] {
        var random = SeededRandom(seed: StableHash.of("catalogue", seed: seed))
        let brandWorth = brandWorths(&random)
        var tail = SeededRandom(seed: StableHash.of("heavy tail", seed: seed))
        var titles: Set<String> = []
        var items: [CatalogueItem] = []
        items.reserveCapacity(count)
        var numbers = [Int](repeating: 0, count: Vocabulary.categories.count)
        while items.count < count {
            let categoryIndex = items.count % Vocabulary.categories.count
            let category = Vocabulary.categories[categoryIndex]
            let number = numbers[categoryIndex]
            let line = category.lines[number % category.lines.count]
            let draft = Draft(line, &random, avoiding: titles)
            titles.insert(draft.title)
            numbers[categoryIndex] += 1
            items.append(
                item(
                    draft, id: "\(category.code)-\(padded(number + 1, to: 4))",
                    categoryIndex: categoryIndex, line: line, brandWorth: brandWorth,
                    dearer: hasHeavyTail ? heavyTail(&tail) : 1, &random))
        }
        return items
    }

    private static func item(
        _ draft: Draft, id: String, categoryIndex: Int, line: ProductLine,
        brandWorth: [String: Double], dearer: Double, _ random: inout SeededRandom
    ) -> CatalogueItem {
        let category = Vocabulary.categories[categoryIndex]
        let brand = pick(category.brands, &random)
        // Evenly spread over the logarithm, so that cheap ones are as many as dear ones.
        let (low, high) = (draft.product.price.lowerBound, draft.product.price.upperBound)
        let relative = exponential(random.unit() * naturalLogarithm(high / low))
        let price = shopPrice(low * relative * draft.tierPrice * dearer)
        let share =
            line.costShare.lowerBound
            + random.unit() * (line.costShare.upperBound - line.costShare.lowerBound)
        let dearness = naturalLogarithm(price / ((low * high).squareRoot() * dearer))
        let worth =
            draft.worth + brandWorth[brand, default: 0] - 0.35 * dearness + 0.2 * random.normal()
        return CatalogueItem(
            id: id, title: draft.title, category: category.name, brand: brand, price: price,
            cost: (price * share * 100).rounded() / 100, costIsKnown: random.unit() >= 0.015,
            stock: 50 + Int(random.unit() * 950), categoryIndex: categoryIndex,
            truth: CatalogueItem.Truth(
                worth: worth, sensitivity: draft.sensitivity,
                refundRate: category.refundRate * (0.5 + random.unit()),
                popularity: 1 / (1 + 40 * random.unit() * random.unit())))
    }

    /// Pareto's distribution of exponent 1.25, from 1 to 20.
    private static func heavyTail(_ random: inout SeededRandom) -> Double {
        min(exponential(-0.8 * naturalLogarithm(1 - random.unit())), 20)
    }

    private static func brandWorths(_ random: inout SeededRandom) -> [String: Double] {
        var worths: [String: Double] = [:]
        for brand in Vocabulary.categories.flatMap(\.brands) {
            worths[brand] = 0.2 * random.normal()
        }
        return worths
    }

    /// Shops end prices in .99, .95, .90 or .50, dear ones in whole numbers less a cent.
    private static func shopPrice(_ raw: Double) -> Double {
        let whole = max(2, raw.rounded())
        if whole >= 50 { return (whole * 100 - 1) / 100 }
        let ending = [1.0, 5, 10, 50][Int(whole) % 4]
        return (whole * 100 - ending) / 100
    }
}

/// A title with what its words mean.
private struct Draft {
    let product: Product
    let title: String
    let worth: Double
    let sensitivity: Double
    let tierPrice: Double

    /// Tries until the title is new; when a line is used up a model number makes it so.
    init(_ line: ProductLine, _ random: inout SeededRandom, avoiding taken: Set<String>) {
        for attempt in 0... {
            let product = pick(line.products, &random)
            let modifier = pick(line.modifiers, &random)
            let detail = pick(product.details, &random)
            // Nobody sells heritage plastic: cheap words go with plain tiers only.
            let cheap = Vocabulary.worth(modifier) < -0.2
            let tiers = cheap ? line.tiers.filter { $0.worth < 0.1 } : line.tiers
            let tier = random.unit() < 0.4 && !tiers.isEmpty ? pick(tiers, &random) : nil
            let name = [tier?.name, modifier, product.noun].compactMap(\.self)
                .joined(separator: " ")
            var title = joined(name, detail, comma: random.unit() < 0.3)
            if attempt >= 50 { title += " Mk \(attempt - 48)" }
            if taken.contains(title) { continue }
            self.product = product
            self.title = title
            worth = Vocabulary.worth(modifier) + (tier?.worth ?? 0)
            sensitivity = tier?.sensitivity ?? 1
            tierPrice = tier?.price ?? 1
            return
        }
        preconditionFailure("the attempts have no end")
    }
}

/// "Kettle 1.2 L" or "Kettle, 1.2 L"; always "Towel, Set of 4"; never a comma before "with", "in".
private func joined(_ name: String, _ detail: String, comma: Bool) -> String {
    let first = detail.first ?? " "
    return first.isUppercase || (comma && first.isNumber)
        ? "\(name), \(detail)" : "\(name) \(detail)"
}

func pick<T>(_ values: [T], _ random: inout SeededRandom) -> T {
    values[Int(random.unit() * Double(values.count))]
}

func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
