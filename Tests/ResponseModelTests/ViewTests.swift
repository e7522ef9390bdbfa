import Foundation
import LearnedWorlds
import Records
import ResponseModel
import Simulator
import Testing

/// Whether views are bought, over all of them.
@Suite struct ViewTests {
    static let depth = 0.3

    @Test(
        "the product of two chances, its logit and its variance are what they should be, at any size"
    )
    func product() {
        for a in [-30.0, -4, -1, 0, 2, 9] {
            for b in [-30.0, -3, 0, 1, 7] {
                func plain(_ a: Double, _ b: Double) -> Double {
                    let (p, q) = (1 / (1 + exp(-a)), 1 / (1 + exp(-b)))
                    return log(p * q) - log((1 - p) + p * (1 - q))
                }
                let found = ViewResponse.logit(click: a, purchase: b)
                #expect(abs(found - plain(a, b)) < 1e-6 * max(1, abs(found)), "\(a), \(b)")
                let response = ViewResponse(
                    click: Prediction(logit: a, variance: 0.2),
                    purchase: Prediction(logit: b, variance: 0.5))
                let h = 1e-4
                let slopes = (
                    (ViewResponse.logit(click: a + h, purchase: b)
                        - ViewResponse.logit(click: a - h, purchase: b)) / (2 * h),
                    (ViewResponse.logit(click: a, purchase: b + h)
                        - ViewResponse.logit(click: a, purchase: b - h)) / (2 * h)
                )
                #expect(abs(response.shares.click - slopes.0) < 1e-6)
                #expect(abs(response.shares.purchase - slopes.1) < 1e-6)
                let variance = slopes.0 * slopes.0 * 0.2 + slopes.1 * slopes.1 * 0.5
                #expect(abs(response.prediction.variance - variance) < 1e-5)
            }
        }
        for extreme in [-1e9, -800, 800, 1e9] {
            let low = ViewResponse.logit(click: extreme, purchase: -extreme)
            #expect(low.isFinite && low < -290)
            #expect(ViewResponse.logit(click: extreme, purchase: extreme).isFinite)
        }
    }

    @Test(
        "where discounts bring clickers who buy less, the slope on views is within 10 % of the truth and that on clicked views off by more than 50 %; the product is calibrated",
        arguments: 1...3 as ClosedRange<UInt64>)
    func marginalClickers(seed: UInt64) throws {
        let world = WindowWorld(hasEffect: true, seed: seed)
        let learned = try LearnedWindow(world, views: 80_000, keeping: 200)
        let truth = world.effect(Self.depth, learned.last)
        #expect(truth.clicked < 0.3 * truth.views, "\(truth)")
        let found = learned.effect.served(Self.depth)
        #expect(abs(found / truth.views - 1) < 0.1, "found \(found) of \(truth.views)")
        let clicked = learned.clickedEffect.unconstrained(Self.depth).mean
        #expect(abs(clicked / truth.views - 1) > 0.5, "clicked \(clicked) of \(truth.views)")
        #expect(
            abs(learned.predicted / learned.observed - 1) < 0.03,
            "\(learned.predicted) of \(learned.observed)")
        #expect(learned.effect.report.rows > 70_000)
    }

    @Test("where discounts do nothing to views, fewer than 5 % of them get one")
    func noEffect() throws {
        let learned = try LearnedWindow(
            WindowWorld(hasEffect: false, seed: 2), views: 40_000, keeping: 200)
        #expect(try learned.decisions().count { $0.discount > 0 } < 10)
    }

    @Test("in 500,000 draws from a trained posterior the demand of a view never falls with depth")
    func monotone() throws {
        for hasEffect in [false, true] {
            let learned = try LearnedWindow(
                WindowWorld(hasEffect: hasEffect, seed: 4), views: 10_000, keeping: 50)
            var random = SeededRandom(seed: 9)
            let bases = try learned.last.map { try learned.base($0) }
            var (falls, rises) = (0, 0)
            for number in 0..<250_000 {
                let base = bases[number % bases.count]
                let level = base.logit + base.variance.squareRoot() * random.normal()
                let effect = learned.effect.draw(
                    category: "Department \(number % 7)", &random)
                var before = 1 / (1 + exp(-level - effect(0)))
                for discount in WindowWorld.depths.dropFirst() {
                    let next = 1 / (1 + exp(-level - effect(discount)))
                    if next < before { falls += 1 }
                    if next > before { rises += 1 }
                    before = next
                }
            }
            #expect(falls == 0 && rises > 250_000, "\(falls) falls, \(rises) rises")
            for view in learned.last {
                let demand = try learned.demand(
                    view, stride(from: 0, to: 0.95, by: 0.05).map { $0 })
                for (one, next) in zip(demand, demand.dropFirst()) {
                    #expect(one.probability <= next.probability)
                    #expect(next.variance >= 0)
                }
            }
        }
    }

    @Test("effects of views and of visits are kept apart, and each goes on to the same bits")
    func state() throws {
        var visits = EffectModel(.visits)
        var views = EffectModel(.views)
        var random = SeededRandom(seed: 3)
        func learn(_ model: inout EffectModel, _ random: inout SeededRandom) throws {
            let discount = [0, 0.2, 0.4][Int(random.unit() * 3)]
            try model.learn(
                Exposure(
                    tsMs: Int64(random.unit() * 1e9), user: "u\(Int(random.unit() * 9))",
                    price: 9, discount: discount),
                item: ItemFeatures(id: "i\(Int(random.unit() * 9))", category: "c"),
                label: random.unit() < 0.2 + discount, served: -1.2, base: -1.4,
                choice: .others(propensity: nil))
        }
        for _ in 0..<300 {
            try learn(&visits, &random)
            try learn(&views, &random)
            try learn(&views, &random)
        }
        var changes = StateChanges()
        visits.collectChanges(into: &changes)
        views.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var (oldVisits, oldViews) = (visits, views)
        var (newVisits, newViews) = (
            try EffectModel(.visits, from: state), try EffectModel(.views, from: state)
        )
        #expect(newVisits.report == visits.report && newViews.report == views.report)
        #expect(newVisits.report != newViews.report)
        var again = random
        for _ in 0..<200 {
            try learn(&oldVisits, &random)
            try learn(&oldViews, &random)
            try learn(&newVisits, &again)
            try learn(&newViews, &again)
        }
        #expect(newVisits.report == oldVisits.report && newViews.report == oldViews.report)
    }
}
