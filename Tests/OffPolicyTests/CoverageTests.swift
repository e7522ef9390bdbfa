import OffPolicy
import Records
import Simulator
import Testing

/// Intervals against worlds whose truth is known.
@Suite struct CoverageTests {
    /// The uniform policy over a world's decisions: its report and the truth about these decisions.
    static func evaluate(
        seed: UInt64, rewards: ClosedRange<Double>? = nil
    ) throws -> (report: OffPolicyReport, uniform: Double, none: Double) {
        var world = DecisionWorld(seed: seed)
        var settings = OffPolicyEvaluation.Settings()
        settings.rewards = rewards
        var evaluation = OffPolicyEvaluation(
            policies: ["uniform", "fixed:0", "logged"], reference: 1, settings: settings)
        var model = RewardModel()
        let depths = DecisionWorld.depths
        let uniform = [Double](repeating: 1 / Double(depths.count), count: depths.count)
        let none = depths.map { $0 == 0 ? 1.0 : 0 }
        var truth = (uniform: 0.0, none: 0.0)
        for _ in 0..<world.decisionCount {
            let decision = world.next()
            let (item, shopper) = ("i\(decision.item)", "u\(decision.shopper)")
            let context = model.context(item: item, shopper: shopper)
            let margins = DecisionWorld.margins.map { $0 / 12 }
            let actions = depths.indices.map {
                LoggedDecision.Action(
                    label: $0 * 5, propensity: decision.propensities[$0],
                    prediction: margins[$0] * model.predict(context, depth: depths[$0]))
            }
            let bought = decision.purchased ? 1.0 : 0
            try evaluation.observe(
                LoggedDecision(
                    shopper: shopper, actions: actions, delivered: decision.delivered,
                    reward: bought * margins[decision.delivered]), [uniform, none, nil])
            model.learn(
                context, item: item, shopper: shopper, depth: depths[decision.delivered],
                units: bought)
            for place in depths.indices {
                let earned = decision.conversions[place] * margins[place]
                truth.uniform += uniform[place] * earned
                truth.none += none[place] * earned
            }
        }
        let count = Double(world.decisionCount)
        return (evaluation.report(), truth.uniform / count, truth.none / count)
    }

    @Test("intervals of 95 % hold the truth, of a policy and of a difference")
    func intervals() throws {
        var (told, held) = (0, 0)
        var (compared, right) = (0, 0)
        for seed in 0..<200 as Range<UInt64> {
            let (report, uniform, none) = try Self.evaluate(seed: seed)
            if let interval = report.policies[0].value?.interval {
                told += 1
                if interval.contains(uniform) { held += 1 }
            }
            let comparison = report.comparisons[0]
            #expect(comparison.policy == "uniform")
            if let interval = comparison.difference?.interval {
                compared += 1
                if interval.contains(uniform - none) { right += 1 }
            }
        }
        // 3.5 standard deviations of chance below 95 %; `bench ope` looks more closely.
        #expect(told > 120)
        #expect(Double(held) / Double(told) > 0.88, "\(held) of \(told)")
        #expect(compared > 60)
        #expect(Double(right) / Double(compared) > 0.87, "\(right) of \(compared)")
    }

    @Test("exact sequences hold the truth too, and are wider")
    func exact() throws {
        var (told, held) = (0, 0)
        for seed in 1000..<1060 as Range<UInt64> {
            let (report, uniform, _) = try Self.evaluate(seed: seed, rewards: 0...1)
            guard let value = report.policies[0].value else { continue }
            let exact = try #require(value.anytimeExact)
            let interval = try #require(value.interval)
            told += 1
            if exact.contains(uniform) { held += 1 }
            #expect(exact.high - exact.low > interval.high - interval.low)
        }
        #expect(told > 30 && held >= told - 2, "\(held) of \(told)")
    }

    @Test("looked at after every row, an exact sequence is wrong in few of many streams")
    func everyLook() {
        var wrong = 0
        for seed in 0..<400 as Range<UInt64> {
            var random = SeededRandom(seed: StableHash.of("looks", seed: seed))
            var sequence = BoundedSequence(range: 0...1)
            var missed = false
            var truth = 0.0
            for count in 1...400 {
                // The value moves, as tastes of shoppers do.
                let chance = count % 100 < 50 ? 0.1 : 0.4
                truth += chance
                let taken = random.unit() < 0.25
                let ratio = taken ? 4.0 : 0
                let reward = random.unit() < (taken ? chance : 0.7) ? 1.0 : 0
                sequence.observe(
                    PolicyTerm(ratio: ratio, direct: 0), reward: reward, prediction: 0)
                if count % 10 == 0, let interval = sequence.interval(alpha: 0.1),
                    !interval.contains(truth / Double(count))
                {
                    missed = true
                }
            }
            if missed { wrong += 1 }
        }
        // At most 10 % in truth; three standard deviations of chance above.
        #expect(wrong <= 58, "\(wrong) of 400")
    }

    @Test("a reward outside its range is not taken by an exact sequence")
    func outside() {
        var sequence = BoundedSequence(range: 0...1)
        let taken = sequence.observe(PolicyTerm(ratio: 1, direct: 0), reward: 1.5, prediction: 0)
        #expect(!taken)
        #expect(sequence.count == 0 && sequence.interval(alpha: 0.05) == nil)
    }

    @Test("several comparisons have wider intervals than one")
    func multiplicity() throws {
        func width(_ policies: Int) throws -> Double {
            var evaluation = OffPolicyEvaluation(
                policies: ["logged"] + (0..<policies).map { "p\($0)" }, reference: 0)
            for number in 0..<2000 {
                let actions = [0.5, 0.5].enumerated().map {
                    LoggedDecision.Action(label: $0, propensity: $1, prediction: 0)
                }
                let row = LoggedDecision(
                    shopper: "u\(number)", actions: actions, delivered: number % 2,
                    reward: number % 3 == 0 ? 1 : 0)
                try evaluation.observe(
                    row, [nil] + [[Double]?](repeating: [0.75, 0.25], count: policies))
            }
            let interval = try #require(evaluation.report().comparisons[0].difference?.interval)
            return interval.high - interval.low
        }
        let (one, five) = (try width(1), try width(5))
        // The normal quantiles of 97.5 and 99.5 %.
        #expect(abs(five / one - 2.5758 / 1.96) < 0.01)
    }
}
