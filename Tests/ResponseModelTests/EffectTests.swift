import LearnedWorlds
import Pricing
import Records
import ResponseModel
import Simulator
import Testing

/// What discounts do, found in worlds where what goes along with them is planted.
@Suite struct EffectTests {
    static let visits = 80_000
    static let depth = 0.3

    static func learned(
        _ confounding: ConfoundedWorld.Confounding, step: Double = 0.1, slope: Double = 2,
        visits: Int = EffectTests.visits
    ) throws -> LearnedWorld {
        try LearnedWorld(
            ConfoundedWorld(confounding, step: step, slope: slope, seed: 1), visits: visits,
            keeping: 200)
    }

    @Test(
        "where discounts follow demand the plain slope is off by more than 50 %, the causal one by less than 10 %",
        arguments: [ConfoundedWorld.Confounding.season, .intent])
    func confounded(_ confounding: ConfoundedWorld.Confounding) throws {
        let learned = try Self.learned(confounding)
        let truth = learned.world.marginalEffect(Self.depth)
        let plain = try learned.plainEffect(Self.depth)
        let found = learned.effect.served(Self.depth)
        #expect(abs(plain / truth - 1) > 0.5, "plain \(plain) of \(truth)")
        #expect(abs(found / truth - 1) < 0.1, "found \(found) of \(truth)")
        #expect(learned.effect.report.signViolations == 0)
    }

    @Test(
        "where discounts do nothing, fewer than 5 % of pairs get one, whatever sells along with them",
        arguments: ConfoundedWorld.Confounding.allCases)
    func noEffect(_ confounding: ConfoundedWorld.Confounding) throws {
        let learned = try Self.learned(confounding, step: 0, slope: 0, visits: 30_000)
        let discounted = try learned.decisions().count { $0.discount > 0 }
        #expect(discounted < learned.last.count / 20)
        let uncut = learned.effect.unconstrained(Self.depth)
        #expect(abs(uncut.mean) < 0.25, "\(uncut)")
    }

    @Test("a slope of the wrong sign is reported as it is and served as none")
    func wrongSign() throws {
        let learned = try Self.learned(.none, step: 0, slope: -2, visits: 20_000)
        let report = learned.effect.report
        #expect(report.slope.unconstrained < -1)
        #expect(report.slope.served >= 0 && report.slope.served < 0.2)
        #expect(report.signViolations == ConfoundedWorld.categoryCount)
    }

    @Test("in 1,000,000 draws from a trained posterior demand never falls with depth")
    func monotone() throws {
        // No effect, so that the cut at zero is where most of the draws are.
        for slope in [0.0, 2.0] {
            let learned = try Self.learned(.season, step: 0, slope: slope, visits: 10_000)
            var random = SeededRandom(seed: 9)
            var falls = 0
            var rises = 0
            for number in 0..<500_000 {
                let category = "Department \(number % (ConfoundedWorld.categoryCount + 1))"
                let effect = learned.effect.draw(category: category, &random)
                var before = effect(0)
                for discount in ConfoundedWorld.depths.dropFirst() {
                    let next = effect(discount)
                    if next < before { falls += 1 }
                    if next > before { rises += 1 }
                    before = next
                }
            }
            #expect(falls == 0)
            #expect(rises > 500_000)
            let row = learned.last[0]
            let (exposure, item) = LearnedWorld.exposure(row)
            let bare = exposure.at(discount: 0)
            let demand = try learned.effect.demand(
                bare, item: item, base: try learned.head.predict(bare, item: item),
                discounts: stride(from: 0, to: 0.95, by: 0.05).map { $0 })
            for (one, next) in zip(demand, demand.dropFirst()) {
                #expect(one.probability <= next.probability)
            }
        }
    }

    @Test("a propensity of 1 teaches nothing of the effect, and before a discount there is nothing")
    func noSupport() throws {
        var learned = try Self.learned(.none, visits: 2_000)
        let before = learned.effect.report
        for _ in 0..<500 {
            let row = learned.next()
            let (exposure, item) = LearnedWorld.exposure(row)
            try learned.effect.learn(
                exposure, item: item, label: row.purchased, served: -2, base: -2,
                choice: .others(propensity: 1))
        }
        #expect(learned.effect.report == before)
        var asleep = EffectModel()
        let exposure = Exposure(tsMs: 0, user: "u", price: 1)
        try asleep.learn(
            exposure, item: ItemFeatures(id: "i"), label: true, served: -2, base: -2,
            choice: .others(propensity: nil))
        #expect(!asleep.isAwake && asleep.report.rows == 0)
    }

    @Test("a collected state goes on to the same bits as one that was never stored")
    func state() throws {
        var learned = try Self.learned(.intent, visits: 3_000)
        var changes = StateChanges()
        learned.effect.collectChanges(into: &changes)
        for _ in 0..<500 { try learned.learn() }
        learned.effect.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var restored = try EffectModel(from: state)
        #expect(restored.report == learned.effect.report)
        for _ in 0..<700 {
            let row = learned.next()
            let (exposure, item) = LearnedWorld.exposure(row)
            try restored.learn(
                exposure, item: item, label: row.purchased, served: -2.1, base: -2.4,
                choice: .others(propensity: row.propensity))
            try learned.effect.learn(
                exposure, item: item, label: row.purchased, served: -2.1, base: -2.4,
                choice: .others(propensity: row.propensity))
        }
        var (one, other) = (StateChanges(), StateChanges())
        restored.collectChanges(into: &one)
        learned.effect.collectChanges(into: &other)
        let left = Dictionary(one.rows.map { ("\($0.table.name) \($0.key)", $0.value) }) { $1 }
        for row in other.rows { #expect(left["\(row.table.name) \(row.key)"] == row.value) }
        var damaged = MemoryState()
        var wrong = StateChanges()
        wrong.put(StateTable("effect", .weights), Array("posterior".utf8), [1, 0, 0, 0, 7])
        damaged.apply(wrong)
        #expect(throws: ResponseError.self) { try EffectModel(from: damaged) }
    }
}
