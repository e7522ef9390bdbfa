import Records
import ResponseModel
import Testing

/// The form of the answers: thresholds are found where they are, and a line stays one.
@Suite struct AnswerShapeTests {
    static let depths = [0, 0.1, 0.2, 0.25, 0.3, 0.4]

    /// A shop of decisions by lot, whose shoppers answer by `answer`, each `factor` times as much.
    static func learned(
        visits: Int = 40_000, seed: UInt64 = 3, _ answer: (Double) -> Double
    ) throws -> EffectModel {
        var random = SeededRandom(seed: seed)
        var model = EffectModel()
        for number in 0..<visits {
            let user = Int(random.unit() * 200)
            let discount = depths[Int(random.unit() * Double(depths.count))]
            let factor = user % 2 == 0 ? 1.5 : 0.5
            try model.learn(
                exposure(user, number: number).at(discount: discount), item: AnswerTests.item,
                label: random.unit() < logistic(-1.5 + factor * answer(discount)),
                served: -1.5, base: -1.5, choice: .ours(nil))
        }
        return model
    }

    static func exposure(_ user: Int, number: Int = 0) -> Exposure {
        Exposure(
            tsMs: 1_700_000_000_000 + Int64(number) * 60_000, user: "u\(user)", price: 20,
            context: [(key: "tier", value: .text(user % 2 == 0 ? "club" : "new"))])
    }

    /// What each discount adds to the logit of a shopper.
    static func added(_ model: EffectModel, _ user: Int) throws -> [Double] {
        let points = try model.demand(
            exposure(user), item: AnswerTests.item, base: Prediction(logit: -1.5, variance: 0.01),
            discounts: depths)
        return points.map { $0.logit - points[0].logit }
    }

    @Test("an answer at a quarter off is found there, for each shopper in his own measure")
    func threshold() throws {
        let model = try Self.learned { $0 > 0.22 ? 1.2 : 0 }
        for (user, factor) in [(1_000, 1.5), (1_001, 0.5)] {
            let added = try Self.added(model, user)
            for place in 1...2 { #expect(abs(added[place]) < 0.3, "\(user): \(added)") }
            for place in 3...5 {
                #expect(abs(added[place] - factor * 1.2) < 0.4, "\(user): \(added)")
            }
        }
        // Below the line just before the threshold, above it just behind.
        let bends = model.report.bends
        let below = try #require(bends.min { $0.mean < $1.mean })
        let above = try #require(bends.max { $0.mean < $1.mean })
        #expect(below.discount == 0.2 && above.discount == 0.25, "\(bends)")
        #expect(-below.mean > 3 * below.deviation && above.mean > 3 * above.deviation)
    }

    @Test("where answers are a line, it stays one")
    func line() throws {
        let model = try Self.learned { 2 * AnswerTests.depth($0) }
        for bend in model.report.bends {
            #expect(abs(bend.mean) < 0.15, "\(bend)")
        }
        let added = try Self.added(model, 1_000)
        for (place, discount) in Self.depths.enumerated() {
            #expect(abs(added[place] - 3 * AnswerTests.depth(discount)) < 0.3, "\(added)")
        }
    }

    @Test("where nothing is answered, no bend is found beyond chance")
    func nothing() throws {
        let model = try Self.learned { _ in 0 }
        for bend in model.report.bends {
            #expect(abs(bend.mean) <= 3 * bend.deviation && bend.deviation < 0.1, "\(bend)")
        }
    }

    @Test("what others chose tells nothing of the form")
    func others() throws {
        var model = EffectModel()
        let fresh = model.report.bends
        for number in 0..<500 {
            try model.learn(
                Self.exposure(number).at(discount: number % 2 == 0 ? 0.4 : 0),
                item: AnswerTests.item, label: number % 2 == 0, served: -1, base: -1.5,
                choice: .others(propensity: nil))
        }
        #expect(model.report.bends == fresh)
    }

    @Test("the form is kept bit for bit, and stores of versions before are read")
    func state() throws {
        let model = try Self.learned(visits: 3_000) { $0 > 0.22 ? 1 : 0 }
        var changes = StateChanges()
        var copy = model
        copy.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        let restored = try EffectModel(from: state)
        #expect(restored.report == model.report)
        #expect(try Self.added(restored, 7) == Self.added(model, 7))

        // Version 2 ended at the sums of logged rows, version 3 at how often answers had changed, version 4
        // before the round prices.
        let table = StateTable("effect", .weights)
        let key = Array("posterior".utf8)
        let present = try #require(state.value(table, key))
        let sums = 4 + 3 * 8 + 4 * 8 + (4 + 11 * 8) + 5 * 8
        let shape = (4 + 9 * 8) + (4 + 81 * 8) + 2 * 8
        let trial = 8 + 1 + 8
        var change = StateChanges()
        var earlier = state
        let round = (4 + 4 * 8) + (4 + 16 * 8) + 2 * 8
        for (version, size) in [
            (UInt8(2), sums), (3, sums + shape + trial), (4, present.count - round),
        ] {
            var older = Array(present.prefix(size))
            older[0] = version
            change.put(table, key, older)
            earlier.apply(change)
            let read = try EffectModel(from: earlier)
            #expect(read.report.rows == model.report.rows)
            #expect(
                read.report.bends
                    == (version == 2 ? EffectModel().report : model.report).bends)
            #expect(read.report.roundPrices == EffectModel().report.roundPrices)
        }
        change = StateChanges()
        change.put(table, key, Array(present.dropLast(8)))
        var cut = state
        cut.apply(change)
        #expect(throws: (any Error).self) { try EffectModel(from: cut) }
    }
}

/// Answers that change: what was learned of them is doubted, and only then.
@Suite struct AnswerChangeTests {
    /// Learns a decision whose label is there at once.
    private static func learn(
        _ exposure: Exposure, _ label: Bool, _ model: inout EffectModel
    ) throws -> [EffectFinding] {
        try model.learn(
            exposure, item: AnswerTests.item, label: label, served: -2.5, base: -2.5,
            choice: .ours(.init(nowMs: exposure.tsMs, weight: 1)))
        return model.advance(toMs: exposure.tsMs, nowMs: exposure.tsMs)
    }

    /// Decisions by lot; the answer is `before` for half of the visits, then `after`.
    private static func changes(
        visits: Int, before: Double, after: Double, seed: UInt64 = 8
    ) throws -> (at: [Int], model: EffectModel) {
        var random = SeededRandom(seed: seed)
        var model = EffectModel()
        var found: [Int] = []
        for number in 0..<visits {
            let user = Int(random.unit() * 200)
            let discount = AnswerShapeTests.depths[Int(random.unit() * 6)]
            let slope = number < visits / 2 ? before : after
            let exposure = AnswerShapeTests.exposure(user, number: number).at(discount: discount)
            let isBought = random.unit() < logistic(-2.5 + slope * AnswerTests.depth(discount))
            if try learn(exposure, isBought, &model).contains(.answersChanged) {
                found.append(number)
            }
        }
        return (found, model)
    }

    @Test("an answer that ends is found soon, and half of what was learned is forgotten")
    func ends() throws {
        let (found, model) = try Self.changes(visits: 20_000, before: 3, after: 0)
        let first = try #require(found.first)
        // A day of labels, 1,440 visits, comes before a look.
        #expect((11_000..<13_500).contains(first), "\(found)")
        #expect(model.report.changes == found.count && found.count <= 3)
        #expect(!model.report.isTrusted)
        #expect(model.report.slope.unconstrained < 0.5, "\(model.report.slope)")
    }

    @Test("answers that stay are not doubted, and none are not trusted", arguments: [3.0, 1, 0])
    func stays(slope: Double) throws {
        for seed in 1...3 {
            let (found, model) = try Self.changes(
                visits: 20_000, before: slope, after: slope, seed: UInt64(seed))
            #expect(found.isEmpty && model.report.changes == 0)
            #expect(model.report.isTrusted == (slope > 0))
        }
    }

    @Test("labels of a burst that come with its purchases first are no change")
    func bursts() throws {
        var random = SeededRandom(seed: 4)
        var model = EffectModel()
        for burst in 0..<150 {
            let visits = (0..<128).map { place in
                let discount = AnswerShapeTests.depths[Int(random.unit() * 6)]
                let isBought = random.unit() < logistic(-2.5 + 3 * AnswerTests.depth(discount))
                return (
                    exposure: AnswerShapeTests.exposure(place, number: burst * 240)
                        .at(discount: discount), isBought: isBought
                )
            }
            for visit in visits.filter(\.isBought) + visits.filter({ !$0.isBought }) {
                let findings = try Self.learn(visit.exposure, visit.isBought, &model)
                #expect(findings.isEmpty)
            }
        }
        #expect(model.report.isTrusted && model.report.changes == 0)
    }

    @Test("where purchases are missing everywhere, nothing is forgotten of answers")
    func lost() throws {
        var random = SeededRandom(seed: 6)
        var model = EffectModel()
        var found: Set<EffectFinding> = []
        for number in 0..<24_000 {
            // Two decisions of three are for no discount.
            let discount =
                random.unit() < 0.6 ? 0 : AnswerShapeTests.depths[Int(random.unit() * 6)]
            let exposure = AnswerShapeTests.exposure(number % 200, number: number)
                .at(discount: discount)
            // From the twelfth day on, two purchases of three are lost.
            let isTold = number < 17_280 || random.unit() < 1.0 / 3
            let isBought = random.unit() < logistic(-1.5 + 2 * AnswerTests.depth(discount))
            found.formUnion(try Self.learn(exposure, isBought && isTold, &model))
        }
        #expect(found.contains(.undiscountedBoughtLess), "\(found)")
        #expect(!found.contains(.answersChanged) && model.report.changes == 0, "\(found)")
        #expect(model.report.slope.unconstrained > 1, "\(model.report.slope)")
    }

    @Test("doubts are kept bit for bit")
    func state() throws {
        var (_, model) = try Self.changes(visits: 6_000, before: 3, after: 3)
        #expect(model.report.isTrusted)
        var changes = StateChanges()
        model.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var restored = try EffectModel(from: state)
        var random = SeededRandom(seed: 5)
        for number in 4_000..<8_000 {
            let exposure = AnswerShapeTests.exposure(number % 200, number: number).at(discount: 0.3)
            let label = random.unit() < 0.08
            let one = try Self.learn(exposure, label, &model)
            let other = try Self.learn(exposure, label, &restored)
            #expect(one == other)
        }
        #expect(model.report.changes > 0 && restored.report == model.report)
    }
}
