import Records
import ResponseModel
import Testing

/// Prices just below round ones: what they add is found where it is, and nowhere else.
@Suite struct RoundPricesTests {
    /// The borders of each kind that a discount passes.
    private static func passed(_ price: Double, _ discount: Double) -> [Int] {
        let line = RoundPrices.row(price: 100, discount: 0.001)
        let rates = zip(line, [1.0, 1, 0, 0]).map { ($1 - $0) / AnswerTests.depth(0.001) }
        return zip(RoundPrices.row(price: price, discount: discount), rates).map { row, rate in
            Int((row + rate * AnswerTests.depth(discount)).rounded())
        }
    }

    @Test("borders are passed from above, and a price that is one is not below it")
    func borders() {
        #expect(Self.passed(21, 0.05) == [1, 0, 0, 0])
        #expect(Self.passed(26, 0.05) == [0, 0, 0, 1])
        #expect(Self.passed(29, 0.05) == [0, 0, 0, 0])
        #expect(Self.passed(100, 0.5) == [1, 1, 4, 1])
        #expect(Self.passed(100, 0.51) == [2, 1, 4, 1])
        #expect(Self.passed(20, 0.25) == [1, 0, 0, 0])
        #expect(Self.passed(20, 0.3) == [1, 0, 0, 1])
        #expect(Self.passed(0.99, 0.5) == [1, 0, 4, 1])
        #expect(Self.passed(1050, 0.1) == [1, 1, 0, 0])
        #expect(Self.passed(9.99, 0) == [0, 0, 0, 0])
    }

    @Test("any price has a row of finite numbers", arguments: [1e-300, 1e-30, 0.01, 1e29, 1e300])
    func extremes(price: Double) {
        for discount in [0, 0.05, 0.5, 0.999_999] {
            let row = RoundPrices.row(price: price, discount: discount)
            #expect(row.allSatisfy { abs($0) < 200 }, "\(price) \(discount): \(row)")
        }
    }

    /// Decisions by lot on items at many prices.
    ///
    /// - Parameter answer: what a list price and a discount add to the logit.
    private static func learned(
        visits: Int, isDecided: Bool = true, _ answer: (Double, Double) -> Double
    ) throws -> EffectModel {
        var random = SeededRandom(seed: 11)
        let prices = (0..<100).map { _ in
            (100 * stableExp(1 + 5 * random.unit())).rounded() / 100
        }
        var model = EffectModel()
        for number in 0..<visits {
            let item = Int(random.unit() * 100)
            let discount = Double(Int(random.unit() * 7)) / 20
            try model.learn(
                exposure(prices[item], number: number).at(discount: discount),
                item: ItemFeatures(id: "i\(item)", category: "Home"),
                label: random.unit() < logistic(-1.5 + answer(prices[item], discount)),
                served: -1.5, base: -1.5, choice: isDecided ? .ours(nil) : .others(propensity: nil))
        }
        return model
    }

    private static func exposure(_ price: Double, number: Int) -> Exposure {
        Exposure(
            tsMs: 1_700_000_000_000 + Int64(number) * 60_000, user: "u\(number % 200)",
            price: price)
    }

    /// What a discount adds to the logit on an item that nobody has seen.
    private static func added(
        _ model: EffectModel, price: Double, _ discount: Double
    ) throws -> Double {
        let points = try model.demand(
            exposure(price, number: 0), item: ItemFeatures(id: "new", category: "Home"),
            base: Prediction(logit: -1.5, variance: 0.01), discounts: [0, discount])
        return points[1].logit - points[0].logit
    }

    private static let borders: [Double] = [5, 10, 20, 50, 100, 200]

    @Test("a price just below a round one is answered to, and the same discount elsewhere is not")
    func found() throws {
        let model = try Self.learned(visits: 40_000) { price, discount in
            let low = price * (1 - discount)
            return Double(Self.borders.count { low < $0 * (1 - 1e-9) && price >= $0 }) * 0.7
        }
        for (above, beyond) in [(21.0, 26.0), (10.3, 13.0), (52, 62)] {
            let passing = try Self.added(model, price: above, 0.05)
            let other = try Self.added(model, price: beyond, 0.05)
            #expect(abs(passing - 0.7) < 0.25 && abs(other) < 0.25, "\(passing), \(other)")
        }
        let first = try #require(model.report.roundPrices.first)
        #expect(first.mean > 3 * first.deviation, "\(model.report.roundPrices)")
    }

    @Test("where prices are answered to by their size alone, round ones add next to nothing")
    func line() throws {
        let model = try Self.learned(visits: 40_000) { 2 * AnswerTests.depth($1) }
        for (price, discount) in [(21.0, 0.05), (100, 0.1), (60, 0.3)] {
            let added = try Self.added(model, price: price, discount)
            #expect(abs(added - 2 * AnswerTests.depth(discount)) < 0.2, "\(price): \(added)")
        }
    }

    @Test("what others chose tells nothing of round prices")
    func others() throws {
        let model = try Self.learned(visits: 2_000, isDecided: false) { 2 * AnswerTests.depth($1) }
        #expect(model.report.roundPrices == EffectModel().report.roundPrices)
    }
}
