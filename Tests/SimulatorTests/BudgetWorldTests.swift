import Pricing
import Simulator
import Testing

/// A budget in a closed loop, against the best that could have been done with it.
@Suite struct BudgetWorldTests {
    @Test(
        "what may be spent is spent, to the last two hundredths and never more, and it brings nearly what it could have brought",
        arguments: BudgetWorld.Shape.allCases)
    func campaign(shape: BudgetWorld.Shape) throws {
        let world = BudgetWorld(seed: 3, visits: 20_000, shape: shape)
        let limit = Int64(0.4 * world.optimum(limit: nil).cents)
        let best = world.optimum(limit: limit)
        let paced = try world.run(limit: limit, isPaced: true)
        let greedy = try world.run(limit: limit, isPaced: false)
        for outcome in [paced, greedy] {
            #expect(outcome.most <= limit && outcome.spent <= limit)
            #expect(
                Double(outcome.spent) >= 0.98 * Double(limit), "\(outcome) of \(limit), \(shape)")
        }
        #expect(paced.margin >= 0.95 * best.margin, "\(paced) of \(best), \(shape)")
        #expect(paced.margin > greedy.margin, "\(paced) of \(greedy), \(shape)")
    }

    @Test("where there is enough, pacing changes nothing")
    func enough() throws {
        let world = BudgetWorld(seed: 4, visits: 3_000, shape: .even)
        let free = world.optimum(limit: nil)
        let paced = try world.run(limit: Int64(40 * free.cents), isPaced: true)
        #expect(abs(paced.margin - free.margin) < 1e-6 * free.margin && paced.multiplier == 0)
    }

    @Test("the optimum in hindsight is the best of all choices where these can be tried out")
    func hindsight() throws {
        let world = BudgetWorld(seed: 5, visits: 2_000, shape: .even)
        let free = world.optimum(limit: nil)
        for share in [0.1, 0.5, 0.9] {
            let limit = Int64(share * free.cents)
            let best = world.optimum(limit: limit)
            #expect(abs(best.cents - Double(limit)) < 1 && best.margin < free.margin)
            // What is spent first brings most.
            #expect(best.margin > share * free.margin)
        }
        #expect(world.optimum(limit: Int64(2 * free.cents)) == free)
    }
}
