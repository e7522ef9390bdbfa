import Records
import ResponseModel
import Testing

/// Numbers of a context: what is 0 or 1 is a flag, anything else a measure.
@Suite struct MeasureTests {
    /// Rows whose label a score tells, given as `context`.
    static func loss(
        rows: Int = 20_000, _ context: (Double) -> [(key: String, value: ContextValue)]
    ) throws -> (late: Double, base: Double) {
        var random = SeededRandom(seed: 11)
        var head = ResponseHead(name: "click", dimension: 0)
        var (sum, base, count) = (0.0, 0.0, 0.0)
        for number in 0..<rows {
            let score = random.normal()
            // It rises to the mean and bends there.
            let truth = logistic(-1.5 + 0.9 * min(score, 0) + 0.1 * max(score, 0))
            let label = random.unit() < truth
            let exposure = Exposure(
                tsMs: 1_700_000_000_000 + Int64(number) * 1000, user: "u\(number % 500)", price: 10,
                context: context(score))
            let made = try head.learn(
                exposure, item: ItemFeatures(id: "i\(number % 20)"), label: label)
            guard number >= rows / 2 else { continue }
            func entropy(_ p: Double) -> Double { -naturalLogarithm(label ? p : 1 - p) }
            sum += entropy(made.probability) - entropy(truth)
            base += entropy(0.14) - entropy(truth)
            count += 1
        }
        return (sum / count, base / count)
    }

    @Test("a score is learned whatever its unit and place, as well as if its steps were named")
    func score() throws {
        let plain = try Self.loss { [("score", .number($0))] }
        #expect(plain.late < 0.15 * plain.base, "\(plain)")
        for (factor, shift) in [(1e6, 0.0), (1e-6, 1e-3), (-3, 40)] {
            let other = try Self.loss { [("score", .number(factor * $0 + shift))] }
            #expect(other.late < 0.15 * other.base, "\(factor): \(other)")
        }
        let named = try Self.loss {
            [("score", .text("\(max(-4, min(4, Int((2 * $0).rounded()))))"))]
        }
        #expect(plain.late < named.late, "\(plain) \(named)")
    }

    @Test("0 and 1 are a flag, and a head of flags is kept as before")
    func flags() throws {
        var head = ResponseHead(name: "click", dimension: 0)
        for number in 0..<200 {
            try head.learn(
                Exposure(
                    tsMs: Int64(number), user: "u", price: 1,
                    context: [("display", .number(Double(number % 2)))]),
                item: ItemFeatures(id: "i"), label: number % 3 == 0)
        }
        let names = try head.contributions(
            Exposure(tsMs: 300, user: "u", price: 1, context: [("display", .number(1))]),
            item: ItemFeatures(id: "i")
        ).map(\.name)
        #expect(names.contains("display") && names.contains("item × display"))
    }

    @Test("all entries of a context count: flags, measures and texts beside each other")
    func many() throws {
        var random = SeededRandom(seed: 3)
        var head = ResponseHead(name: "click", dimension: 0)
        func exposure(_ number: Int, last: String) -> Exposure {
            let texts = (0..<20).map { place in
                (key: "t\(place + 10)", value: ContextValue.text(place == 19 ? last : "x"))
            }
            return Exposure(
                tsMs: Int64(number) * 1000, user: "u", price: 1,
                context: [("a", .number(1)), ("m", .number(random.normal()))] + texts)
        }
        for number in 0..<4_000 {
            let isOn = random.unit() < 0.5
            try head.learn(
                exposure(number, last: isOn ? "on" : "off"), item: ItemFeatures(id: "i"),
                label: random.unit() < (isOn ? 0.6 : 0.1))
        }
        let on = try head.predict(exposure(5_000, last: "on"), item: ItemFeatures(id: "i"))
        let off = try head.predict(exposure(5_000, last: "off"), item: ItemFeatures(id: "i"))
        #expect(abs(on.probability - 0.6) < 0.1 && abs(off.probability - 0.1) < 0.05)
    }

    @Test("measures are kept bit for bit; extremes do not trap")
    func state() throws {
        var head = ResponseHead(name: "click", dimension: 0)
        let numbers = [
            0.3, 1e300, -1e300, .leastNonzeroMagnitude, 0, 1, -7, .greatestFiniteMagnitude,
        ]
        func exposure(_ number: Int) -> Exposure {
            Exposure(
                tsMs: Int64(number), user: "u", price: 1,
                context: [
                    ("a", .number(numbers[number % 8])), ("b", .number(Double(number % 5) - 2)),
                ])
        }
        for number in 0..<400 {
            let made = try head.learn(
                exposure(number), item: ItemFeatures(id: "i"), label: number % 7 == 0)
            #expect(made.logit.isFinite && made.variance > 0)
        }
        var changes = StateChanges()
        head.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var restored = try #require(try ResponseHead(restoring: "click", from: state))
        for number in 400..<500 {
            let label = number % 7 == 0
            let one = try head.learn(exposure(number), item: ItemFeatures(id: "i"), label: label)
            let other = try restored.learn(
                exposure(number), item: ItemFeatures(id: "i"), label: label)
            #expect(one == other)
        }
    }

    @Test("a shopper's answer to a discount may depend on a measure")
    func answers() throws {
        var random = SeededRandom(seed: 12)
        var model = EffectModel()
        func exposure(_ loyalty: Double, number: Int) -> Exposure {
            Exposure(
                tsMs: 1_700_000_000_000 + Int64(number) * 60_000, user: "u\(number % 400)",
                price: 20,
                context: [("loyalty", .number(loyalty))])
        }
        for number in 0..<40_000 {
            let loyalty = 50 + 10 * random.normal()
            let discount = [0, 0.2, 0.4][Int(random.unit() * 3)]
            let slope = 1.5 + (loyalty - 50) / 10
            try model.learn(
                exposure(loyalty, number: number).at(discount: discount), item: AnswerTests.item,
                label: random.unit() < logistic(-1.5 + slope * AnswerTests.depth(discount)),
                served: -1.5, base: -1.5, choice: .ours(nil))
        }
        let high = try model.answer(exposure(65, number: 9), item: AnswerTests.item).slope
        let low = try model.answer(exposure(45, number: 9), item: AnswerTests.item).slope
        #expect(abs(high - low - 2) < 0.5, "\(high) \(low)")
    }
}
