import OffPolicy
import Records
import Testing

@Suite struct HoldoutTests {
    /// A stream of 60 days in which shoppers come and buy at their own rates.
    private struct Stream {
        var random: SeededRandom
        let rates: [Double]
        let firstDays: [Int]
        let heldOut: [Bool]

        init(seed: UInt64, shoppers: Int) {
            var random = SeededRandom(seed: StableHash.of("holdout stream", seed: seed))
            let level = 0.01 + 0.03 * random.unit()
            let share = [0.05, 0.1, 0.2][Int(random.unit() * 3)]
            rates = (0..<shoppers).map { _ in level * exponential(0.8 * random.normal()) }
            firstDays = (0..<shoppers).map { _ in Int(random.unit() * 60) }
            heldOut = (0..<shoppers).map { _ in random.unit() < share }
            self.random = random
        }

        /// A day: what each shopper brought, where it is anything.
        mutating func day(_ day: Int, effect: Double) -> [(shopper: Int, amount: Double)] {
            var found: [(Int, Double)] = []
            for shopper in rates.indices where firstDays[shopper] <= day {
                guard random.unit() < rates[shopper] else { continue }
                let amount = -10 * naturalLogarithm(1 - random.unit())
                found.append((shopper, heldOut[shopper] ? amount : amount * (1 + effect)))
            }
            return found
        }
    }

    /// The first day on which an interval without zero was seen, and the last estimate.
    private func watch(
        seed: UInt64, shoppers: Int, effect: Double = 0
    ) -> (alarm: Int?, last: HoldoutEstimate) {
        var stream = Stream(seed: seed, shoppers: shoppers)
        var evaluation = HoldoutEvaluation()
        var alarm: Int?
        var last = evaluation.look()
        for day in 0..<60 {
            for shopper in stream.rates.indices where stream.firstDays[shopper] == day {
                evaluation.see("u\(shopper)", isHeldOut: stream.heldOut[shopper])
            }
            for (shopper, amount) in stream.day(day, effect: effect) {
                evaluation.add(amount, of: "u\(shopper)")
            }
            last = evaluation.look()
            if last.isDifferent { alarm = alarm ?? day }
        }
        return (alarm, last)
    }

    @Test("1,000 streams without an effect, looked at on 60 days: at most 5 % are alarms")
    func falseAlarms() {
        var alarms = 0
        var told = 0
        for seed in 0..<1000 as Range<UInt64> {
            let (alarm, last) = watch(seed: seed, shoppers: 1500)
            if alarm != nil { alarms += 1 }
            if last.interval != nil { told += 1 }
        }
        #expect(alarms <= 50, "\(alarms) alarms")
        // They are looked at in truth.
        #expect(told > 500, "\(told) streams with an interval")
    }

    @Test("an effect is seen, in its size, and sooner the larger it is")
    func effect() throws {
        let (small, _) = watch(seed: 5, shoppers: 30_000, effect: 0.5)
        let (large, last) = watch(seed: 5, shoppers: 30_000, effect: 2)
        let day = try #require(large)
        #expect(day <= small ?? 60)
        let interval = try #require(last.interval)
        #expect(interval.low > 0 && interval.contains(last.difference))
        #expect(abs(last.treatedMean / last.heldOutMean - 3) < 0.5)
        #expect(try #require(last.smallestVisible) < last.difference)
    }

    @Test("shoppers stay in their group, and nothing is taken of those who were not seen")
    func groups() {
        var evaluation = HoldoutEvaluation()
        let isNew = evaluation.see("a", isHeldOut: true)
        let again = evaluation.see("a", isHeldOut: false)
        evaluation.see("b", isHeldOut: false)
        #expect(isNew && !again)
        evaluation.add(4, of: "a")
        evaluation.add(-1, of: "a")
        evaluation.add(7, of: "stranger")
        evaluation.add(.infinity, of: "b")
        let estimate = evaluation.look()
        #expect(estimate.treated == 1 && estimate.heldOut == 1)
        #expect(estimate.heldOutMean == 3 && estimate.treatedMean == 0)
        #expect(estimate.difference == -3 && estimate.interval == nil)
    }
}
