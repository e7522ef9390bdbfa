import Pricing
import Records
import ResponseModel
import Testing

/// Who answers to a discount, learned from our own decisions.
@Suite struct AnswerTests {
    /// A shop whose shoppers differ in how they answer: by tier, and each by himself.
    struct Shop {
        var random: SeededRandom
        let own: [Double]
        let common: Double
        let byTier: Double

        init(common: Double, byTier: Double, spread: Double, seed: UInt64) {
            var random = SeededRandom(seed: seed)
            own = (0..<200).map { _ in spread * random.normal() }
            self.random = random
            self.common = common
            self.byTier = byTier
        }

        func slope(_ user: Int) -> Double {
            common + (user % 2 == 0 ? byTier : 0) + own[user]
        }

        func exposure(_ user: Int, number: Int, discount: Double) -> Exposure {
            Exposure(
                tsMs: 1_700_000_000_000 + Int64(number) * 60_000, user: "u\(user)", price: 20,
                discount: discount,
                context: [(key: "tier", value: .text(user % 2 == 0 ? "club" : "new"))])
        }
    }

    static let item = ItemFeatures(id: "lamp", category: "Home / Lights", brand: "Lumo")
    static let level = -1.5

    /// - Parameter decide: the discount of a visit, by the model so far.
    static func learned(
        _ shop: inout Shop, visits: Int,
        _ decide: (EffectModel, Exposure, inout SeededRandom) throws -> Double
    ) throws -> EffectModel {
        var model = EffectModel()
        for number in 0..<visits {
            let user = Int(shop.random.unit() * Double(shop.own.count))
            let bare = shop.exposure(user, number: number, discount: 0)
            let discount = try decide(model, bare, &shop.random)
            let logit = level + shop.slope(user) * depth(discount)
            try model.learn(
                bare.at(discount: discount), item: item,
                label: shop.random.unit() < logistic(logit), served: level, base: level,
                choice: .ours(nil))
        }
        return model
    }

    /// One visit in five a depth by lot, in the others the same depth for all: a policy's rows.
    static func mostlyOne(
        _ model: EffectModel, _ exposure: Exposure, _ random: inout SeededRandom
    ) -> Double {
        random.unit() < 0.2 ? [0, 0.2, 0.4][Int(random.unit() * 3)] : 0.1
    }

    private static func answer(
        _ model: EffectModel, _ shop: Shop, _ user: Int
    ) throws -> Answer {
        try model.answer(shop.exposure(user, number: 0, discount: 0), item: item)
    }

    static func depth(_ discount: Double) -> Double { -naturalLogarithm(1 - discount) }

    /// As decisions have it: not below zero.
    private static func slope(_ model: EffectModel, _ shop: Shop, _ user: Int) throws -> Double {
        let points = try model.demand(
            shop.exposure(user, number: 0, discount: 0), item: item,
            base: Prediction(logit: level, variance: 0.1), discounts: [0, 0.3])
        return (points[1].logit - points[0].logit) / depth(0.3)
    }

    @Test("slopes by group are found, and shoppers are told apart by what they did")
    func slopes() throws {
        var shop = Shop(common: 1.5, byTier: 2, spread: 1.2, seed: 3)
        let model = try Self.learned(&shop, visits: 60_000, Self.mostlyOne)
        var gap = 0.0
        var products = (0.0, 0.0, 0.0)
        let found = try shop.own.indices.map { try Self.slope(model, shop, $0) }
        for user in shop.own.indices {
            gap += found[user] * (user % 2 == 0 ? 1 : -1) / 100
            let tier = stride(from: user % 2, to: found.count, by: 2)
            let deviation = found[user] - tier.reduce(0) { $0 + found[$1] } / 100
            products.0 += deviation * shop.own[user]
            products.1 += deviation * deviation
            products.2 += shop.own[user] * shop.own[user]
        }
        #expect(abs(gap - 2) < 0.4, "the tiers differ by \(gap)")
        let correlation = products.0 / (products.1 * products.2).squareRoot()
        #expect(correlation > 0.6, "\(correlation)")
        let report = model.report
        #expect(report.decidedRows == report.rows)
        #expect(abs(report.shopperDeviation - 1.2) < 0.4, "\(report.shopperDeviation)")
        #expect(report.contexts.keys.sorted() == ["tier = club", "tier = new"])
        for user in [1_000, 1_001] {
            // Of a stranger. Where all prices are one, slope and round prices are told together.
            let slope = try Self.slope(model, shop, user)
            #expect(abs(slope - (user % 2 == 0 ? 3.5 : 1.5)) < 0.4, "\(slope)")
        }
    }

    @Test("where discounts do nothing, own decisions teach that they do nothing")
    func nothing() throws {
        var shop = Shop(common: 0, byTier: 0, spread: 0, seed: 4)
        let model = try Self.learned(&shop, visits: 20_000, Self.mostlyOne)
        let uncut = model.unconstrained(0.3)
        #expect(abs(uncut.mean) < 3 * uncut.deviation && uncut.deviation < 0.4, "\(uncut)")
        #expect(try Self.answer(model, shop, 1_000).unknownShare < 0.1)
        #expect(model.report.shopperDeviation < 0.8)
    }

    @Test("of the true common slopes, nine in ten lie within nine tenths of what is claimed")
    func coverage() throws {
        var covered = 0
        for seed in 0..<100 {
            var draw = SeededRandom(seed: UInt64(900 + seed))
            let truth = draw.normal()
            var shop = Shop(common: truth, byTier: 0, spread: 0.7, seed: UInt64(seed))
            let model = try Self.learned(&shop, visits: 2_000) { model, exposure, random in
                // The policy's own choices: a discount where one was found to work.
                if random.unit() < 0.15 { return [0, 0.2, 0.4][Int(random.unit() * 3)] }
                return try model.answer(exposure, item: Self.item).slope > 0.5 ? 0.3 : 0
            }
            let answer = try Self.answer(model, shop, 1_000)
            let deviation = answer.sharedSlopeVariance.squareRoot()
            if abs(answer.slope - truth) < 1.645 * deviation { covered += 1 }
        }
        #expect((83...98).contains(covered), "\(covered) of 100")
    }

    @Test("a fresh state expects nothing of a discount; demand never falls with depth")
    func demand() throws {
        let depths = stride(from: 0, to: 0.95, by: 0.05).map { $0 }
        func demand(_ model: EffectModel) throws -> [CausalPrediction] {
            try model.demand(
                Exposure(tsMs: 0, user: "new", price: 10), item: Self.item,
                base: Prediction(logit: -2, variance: 0.3), discounts: depths)
        }
        for point in try demand(EffectModel()) {
            #expect(
                point.probability == Prediction(logit: -2, variance: 1).probability
                    && point.logit == -2)
        }
        for common in [-3.0, 0, 3] {
            var shop = Shop(common: common, byTier: 1, spread: 1, seed: 5)
            let points = try demand(try Self.learned(&shop, visits: 5_000, Self.mostlyOne))
            for (one, next) in zip(points, points.dropFirst()) {
                #expect(one.probability <= next.probability && one.logit <= next.logit)
            }
            #expect((points[10].logit > points[0].logit + 0.5) == (common == 3))
        }
    }

    @Test("a user who is erased answers like one who was never seen")
    func erasure() throws {
        var shop = Shop(common: 1, byTier: 0, spread: 2, seed: 6)
        var model = try Self.learned(&shop, visits: 5_000, Self.mostlyOne)
        let stranger = try Self.slope(model, shop, 100_000)
        #expect(try Self.slope(model, shop, 4) != stranger)
        model.erase(user: "u4")
        #expect(try Self.slope(model, shop, 4) == stranger)
    }

    @Test("the first version's posterior is taken over, but for its rows' levels")
    func firstVersion() throws {
        // Step, slope, two levels, one category.
        let mean = [0.1, 2, 0.3, 0.4, -0.5]
        let variances = [0.01, 0.2, 0.1, 0.1, 0.3]
        var covariance = [Double](repeating: 0, count: 25)
        for place in 0..<5 { covariance[place * 6] = variances[place] }
        covariance[1] = -0.02
        covariance[5] = -0.02
        var writer = ByteWriter()
        writer.integer(UInt32(1))
        writer.integer(Int64(70))
        writer.integer(Int64(0))
        writer.double(0.2)
        writer.double(40)
        writer.doubles([Double](repeating: 0, count: 11))
        for _ in 0..<4 { writer.double(0) }
        writer.array(["Home / Lights"]) { $0.string($1) }
        writer.doubles(mean)
        writer.doubles(covariance)
        var changes = StateChanges()
        changes.put(StateTable("effect", .weights), Array("posterior".utf8), writer.bytes)
        for name in ["offer", "offer_depth"] {
            ResponseHead(name: name, dimension: 0).dump(into: &changes)
        }
        var state = MemoryState()
        state.apply(changes)
        var model = try EffectModel(dimension: 3, from: state)
        let report = model.report
        #expect(report.rows == 70 && report.decidedRows == 0)
        #expect(abs(report.step.unconstrained - 0.1) < 1e-12)
        // Of the mean category, which is the only one.
        #expect(abs(report.slope.deviation - 0.5.squareRoot()) < 1e-9)
        let category = try #require(report.categories["Home / Lights"])
        #expect(abs(category.unconstrained - 1.5) < 1e-12)
        #expect(abs(category.deviation - 0.5.squareRoot()) < 1e-9)
        let uncut = model.unconstrained(0.3)
        let depth = Self.depth(0.3)
        // A step of any choice was not told apart.
        let variance = 0.01 + 0.002 + depth * depth * 0.5 - 2 * depth * 0.02
        #expect(abs(uncut.deviation - variance.squareRoot()) < 1e-9)
        // It goes on, and is written as the present version.
        try model.learn(
            Exposure(tsMs: 0, user: "u", price: 1, discount: 0.2),
            item: ItemFeatures(id: "i", category: "Home / Lights", vector: [1, 0, 0]), label: true,
            served: -2, base: -2, choice: .ours(nil))
        var next = StateChanges()
        model.collectChanges(into: &next)
        state.apply(next)
        #expect(try EffectModel(dimension: 3, from: state).report == model.report)
        #expect(throws: ResponseError.self) { try EffectModel(dimension: 4, from: state) }
    }
}
