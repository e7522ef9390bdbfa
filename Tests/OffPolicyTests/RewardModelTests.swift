import OffPolicy
import Records
import Testing

@Suite struct RewardModelTests {
    @Test("nothing is expected before anything is learned, and what sells is learned")
    func learns() {
        var model = RewardModel()
        let fresh = model.context(item: "a", shopper: "u")
        #expect(model.predict(fresh, depth: 0.2) == 0)
        var random = SeededRandom(seed: 3)
        for number in 0..<20_000 {
            let item = number % 2 == 0 ? "good" : "poor"
            let depth = Double(Int(random.unit() * 6)) / 10
            let chance = (item == "good" ? 0.3 : 0.05) * (1 + depth)
            let context = model.context(item: item, shopper: "u\(number % 500)")
            model.learn(
                context, item: item, shopper: "u\(number % 500)", depth: depth,
                units: random.unit() < chance ? 1 : 0)
        }
        let good = model.context(item: "good", shopper: "new")
        let poor = model.context(item: "poor", shopper: "new")
        #expect(abs(model.predict(good, depth: 0) - 0.3) < 0.04)
        #expect(abs(model.predict(good, depth: 0.4) - 0.42) < 0.04)
        #expect(abs(model.predict(poor, depth: 0) - 0.05) < 0.03)
    }

    @Test("a prediction does not know its own row, and is never below nothing")
    func before() {
        var model = RewardModel()
        let context = model.context(item: "a", shopper: "u")
        let before = model.predict(context, depth: 0.1)
        model.learn(context, item: "a", shopper: "u", depth: 0.1, units: 3)
        #expect(before == 0)
        #expect(model.predict(model.context(item: "a", shopper: "u"), depth: 0.1) > 0)
        for depth in [0, 0.5, 0.99] {
            let units = model.predict(model.context(item: "b", shopper: "v"), depth: depth)
            #expect((0...3).contains(units))
        }
    }
}
