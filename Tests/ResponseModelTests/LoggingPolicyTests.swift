import Foundation
import Records
import ResponseModel
import Testing

/// Learning which discount the merchant gives.
@Suite struct LoggingPolicyTests {
    /// A merchant whose rule is known: some items on weekends, deeper where the shop is large, give
    /// or take a little.
    private struct Merchant {
        private var random = SeededRandom(seed: 4)
        private var count = 0

        mutating func next(noise: Double = 0.01) -> (Exposure, ItemFeatures, rule: Double) {
            count += 1
            let item = Int(random.unit() * 20)
            let shop = Int(random.unit() * 30)
            let weekend = random.unit() < 0.3
            var rule = 0.0
            if weekend, item % 4 == 0 { rule = shop % 5 == 0 ? 0.35 : 0.2 }
            if item == 7 { rule = 0.1 }
            let given = rule > 0 ? rule + noise * random.normal() : 0
            let exposure = Exposure(
                tsMs: 1_700_000_000_000 + Int64(count) * 60_000, user: "shop \(shop)", price: 5,
                discount: max(0, given),
                context: [(key: "weekend", value: .number(weekend ? 1 : 0))])
            return (exposure, ItemFeatures(id: "item \(item)", category: "c\(item % 4)"), rule)
        }
    }

    @Test(
        "the rule of a merchant is found: far closer than the mean discount, and about as close as chance allows"
    )
    func findsRule() throws {
        var merchant = Merchant()
        var loggingPolicy = LoggingPolicyModel()
        for _ in 0..<20_000 {
            let (exposure, item, _) = merchant.next()
            try loggingPolicy.learn(exposure, item: item)
        }
        let report = loggingPolicy.report
        #expect(report.count == 20_000)
        #expect(report.rootSquaredError < 0.5 * report.rootSquaredErrorOfMean, "\(report)")
        var worst = 0.0
        var squares = 0.0
        for _ in 0..<500 {
            let (exposure, item, rule) = merchant.next()
            let error = try loggingPolicy.discount(exposure, item: item) - rule
            worst = max(worst, abs(error))
            squares += error * error / 500
        }
        #expect(squares.squareRoot() < 0.04, "\(squares.squareRoot()), at most \(worst)")
        #expect(report.agreement > 0.6 && report.agreementOnAny > 0.8, "\(report)")
    }

    @Test("the agreement is that of a plain count over the predictions made before learning")
    func agreement() throws {
        var merchant = Merchant()
        var loggingPolicy = LoggingPolicyModel()
        var pairs: [(predicted: Double, given: Double)] = []
        for _ in 0..<800 {
            let (exposure, item, _) = merchant.next()
            let asked = try loggingPolicy.discount(exposure, item: item)
            let told = try loggingPolicy.learn(exposure, item: item)
            #expect(abs(asked - told) < 0.02)
            pairs.append((told, exposure.discount))
        }
        let report = loggingPolicy.report
        let n = Double(pairs.count)
        let absolute = pairs.reduce(0) { $0 + abs($1.predicted - $1.given) } / n
        let squared = pairs.reduce(0) { $0 + pow($1.predicted - $1.given, 2) } / n
        #expect(abs(report.absoluteError - absolute) < 1e-12)
        #expect(abs(report.rootSquaredError - squared.squareRoot()) < 1e-12)
        #expect(
            report.agreement == Double(pairs.count { abs($0.predicted - $0.given) <= 0.025 }) / n)
    }

    @Test("a collected apprentice goes on to the same bits, and forgets a shopper who is erased")
    func state() throws {
        var merchant = Merchant()
        var loggingPolicy = LoggingPolicyModel()
        for _ in 0..<600 {
            let (exposure, item, _) = merchant.next()
            try loggingPolicy.learn(exposure, item: item)
        }
        var changes = StateChanges()
        loggingPolicy.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var restored = try LoggingPolicyModel(from: state)
        #expect(restored.report == loggingPolicy.report)
        for _ in 0..<600 {
            let (exposure, item, _) = merchant.next()
            let one = try loggingPolicy.learn(exposure, item: item)
            let other = try restored.learn(exposure, item: item)
            #expect(one == other)
        }
        let (exposure, item, _) = merchant.next()
        let known = try loggingPolicy.discount(exposure, item: item)
        loggingPolicy.erase(user: exposure.user)
        #expect(try loggingPolicy.discount(exposure, item: item) != known)
    }
}
