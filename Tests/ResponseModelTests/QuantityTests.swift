import Foundation
import Records
import ResponseModel
import Testing

/// Learning how many units a purchase is of.
@Suite struct QuantityTests {
    /// A shop whose mean units are known: by department, item and kind of shopper.
    private struct Shop {
        static let departments = [1.5, 4, 12, 3]
        private var random: SeededRandom
        private var count = 0
        private let items: [Double]

        init(seed: UInt64 = 3) {
            var random = SeededRandom(seed: seed)
            items = (0..<80).map { _ in exp(0.3 * random.normal()) }
            self.random = random
        }

        func mean(item: Int, user: Int) -> Double {
            Self.departments[item % 4] * items[item] * (user % 10 == 0 ? 2.5 : 1)
        }

        static func features(_ item: Int) -> ItemFeatures {
            ItemFeatures(id: "item \(item)", category: "department \(item % 4)")
        }

        mutating func exposure(user: Int, discount: Double = 0) -> Exposure {
            count += 1
            return Exposure(
                tsMs: 1_700_000_000_000 + Int64(count) * 60_000, user: "user \(user)", price: 5,
                discount: discount)
        }

        /// One unit and beyond it a geometric number, so that the mean is what it should be and the
        /// logarithm's mean is something else.
        mutating func next() -> (Exposure, ItemFeatures, units: Int, mean: Double) {
            let item = Int(random.unit() * 80)
            let user = Int(random.unit() * 100)
            let mean = max(1.02, mean(item: item, user: user))
            let stays = 1 - 1 / mean
            var units = 1
            while random.unit() < stays { units += 1 }
            return (
                exposure(user: user, discount: random.unit() < 0.3 ? 0.2 : 0),
                Self.features(item), units, mean
            )
        }
    }

    private func learned(_ purchases: Int, _ shop: inout Shop) throws -> QuantityModel {
        var model = QuantityModel()
        for _ in 0..<purchases {
            let (exposure, item, units, _) = shop.next()
            try model.learn(exposure, item: item, units: units)
        }
        return model
    }

    @Test("the mean units of items and shoppers are found, and are right in the mean")
    func findsTruth() throws {
        var shop = Shop()
        var model = try learned(30_000, &shop)
        var (errors, predicted, truth) = (0.0, 0.0, 0.0)
        for _ in 0..<3_000 {
            let (exposure, item, units, mean) = shop.next()
            let expected = try model.learn(exposure, item: item, units: units)
            errors += abs(log(expected / mean)) / 3_000
            predicted += expected
            truth += mean
        }
        #expect(errors < 0.12, "off by \(errors) in the logarithm")
        #expect(abs(predicted / truth - 1) < 0.05, "\(predicted / truth) of the truth")
        let report = try #require(model.report)
        #expect(report.count == 33_000)
        #expect(report.deviance < report.devianceOfItemMean, "\(report)")
        #expect(report.devianceOfItemMean < report.devianceOfMean, "\(report)")
        #expect(abs(report.predictedMean / report.mean - 1) < 0.05, "\(report)")
    }

    @Test(
        "a new item is as its department, a new department as all, a new shopper as the others; and no depth is asked of"
    )
    func shrinks() throws {
        var shop = Shop()
        let model = try learned(30_000, &shop)
        let plain = shop.exposure(user: 1_000)
        var overall = 0.0
        for (department, mean) in Shop.departments.enumerated() {
            let expected = try model.expected(
                plain, item: ItemFeatures(id: "new", category: "department \(department)"))
            #expect(abs(log(expected / mean)) < 0.3, "\(expected) of \(mean)")
            overall += log(expected) / 4
        }
        let unknown = try model.expected(
            plain, item: ItemFeatures(id: "new", category: "another department"))
        #expect(abs(log(unknown) - overall) < 0.35, "\(unknown) where all are \(exp(overall))")
        for discount in [0.1, 0.5, 0.9] {
            #expect(
                try model.expected(plain.at(discount: discount), item: Shop.features(6))
                    == model.expected(plain, item: Shop.features(6)))
        }
    }

    @Test(
        "where units depend on nothing, little is lost to the mean of all, and less than by items' means"
    )
    func noStructure() throws {
        var random = SeededRandom(seed: 6)
        var model = QuantityModel()
        for number in 0..<3_000 {
            let exposure = Exposure(
                tsMs: 1_700_000_000_000 + Int64(number) * 600_000,
                user: "user \(Int(random.unit() * 600))", price: 20)
            try model.learn(
                exposure, item: Shop.features(Int(random.unit() * 40)),
                units: [1, 1, 2, 6][Int(random.unit() * 4)])
        }
        let report = try #require(model.report)
        #expect(report.deviance < 1.05 * report.devianceOfMean, "\(report)")
        #expect(report.deviance < report.devianceOfItemMean, "\(report)")
    }

    @Test("one unit is expected where nothing is known, and exactly one after purchases of one")
    func one() throws {
        var shop = Shop()
        var model = QuantityModel()
        var fresh = StateChanges()
        model.collectChanges(into: &fresh)
        #expect(fresh.rows.isEmpty && model.report == nil)
        for round in 0..<500 {
            let exposure = shop.exposure(user: round % 7)
            #expect(try model.expected(exposure, item: Shop.features(round % 9)) == 1)
            try model.learn(exposure, item: Shop.features(round % 9), units: 1)
        }
        #expect(try #require(model.report).deviance == 0)
    }

    @Test("one giant order moves nothing by more than a quarter, and learning goes on after it")
    func giant() throws {
        var shop = Shop()
        var model = try learned(5_000, &shop)
        let asked = (shop.exposure(user: 1), shop.exposure(user: 2))
        func expectations(_ model: QuantityModel) throws -> [Double] {
            try (0..<80).map {
                try model.expected($0 == 5 ? asked.0 : asked.1, item: Shop.features($0))
            }
        }
        let before = try expectations(model)
        try model.learn(shop.exposure(user: 1), item: Shop.features(5), units: 1_000_000_000)
        let after = try expectations(model)
        for (one, next) in zip(before, after) {
            #expect(next / one < QuantityModel.moveMax + 1e-3 && next / one > 0.97)
        }
        // Other items and shoppers hardly hear of it.
        let others = zip(before, after).enumerated().filter { $0.offset != 5 }
        #expect(others.allSatisfy { $0.element.1 / $0.element.0 < 1.08 })
        // Nor does an item that is new.
        var fresh = QuantityModel()
        try fresh.learn(shop.exposure(user: 1), item: Shop.features(1), units: 1_000_000_000)
        let most = try fresh.expected(shop.exposure(user: 1), item: Shop.features(1))
        #expect(most > 1.2 && most <= QuantityModel.moveMax + 1e-9)
        for _ in 0..<60 {
            try model.learn(shop.exposure(user: 1), item: Shop.features(5), units: 2)
        }
        let later = try model.expected(shop.exposure(user: 1), item: Shop.features(5))
        #expect(later < before[5], "\(later) after 60 purchases of 2, \(before[5]) before")
    }

    @Test("a refund makes up for what was learned: of some units, and of all")
    func refunds() throws {
        var shop = Shop()
        let base = try learned(3_000, &shop)
        let item = Shop.features(2)
        let exposures = (0..<12).map { _ in shop.exposure(user: 8) }
        let asked = shop.exposure(user: 8)
        func expected(_ units: Int, refundedTo left: Int? = nil, refunds: Bool = true) throws
            -> Double
        {
            var model = base
            for exposure in exposures {
                let expected = try model.learn(exposure, item: item, units: units)
                if refunds {
                    try model.correct(
                        exposure, item: item, from: units, to: left, expected: expected)
                }
            }
            return try model.expected(asked, item: item)
        }
        let usual = try base.expected(asked, item: item)
        let small = try expected(3, refunds: false)
        let large = try expected(40, refunds: false)
        #expect(large > 1.5 * usual && small < usual, "\(small), \(usual), \(large)")
        let none = try expected(40)
        #expect(abs(log(none / usual)) < 0.15 * log(large / usual), "\(none) where \(usual) was")
        // Twelve purchases of 3.
        let some = try expected(40, refundedTo: 3)
        #expect(some < usual && abs(log(some / small)) < 0.35, "\(some), of 3 alone \(small)")
    }

    @Test("a collected model goes on to the same bits, and forgets a shopper who is erased")
    func state() throws {
        var shop = Shop()
        var model = try learned(1_500, &shop)
        var state = MemoryState()
        var changes = StateChanges()
        model.collectChanges(into: &changes)
        state.apply(changes)
        for _ in 0..<300 {
            let (exposure, item, units, _) = shop.next()
            try model.learn(exposure, item: item, units: units)
        }
        changes = StateChanges()
        model.collectChanges(into: &changes)
        state.apply(changes)
        var restored = try QuantityModel(from: state)
        #expect(restored.report == model.report)
        for _ in 0..<600 {
            let (exposure, item, units, _) = shop.next()
            let one = try model.learn(exposure, item: item, units: units)
            let other = try restored.learn(exposure, item: item, units: units)
            #expect(one == other)
        }
        #expect(restored.report == model.report)
        var (left, right) = (StateChanges(), StateChanges())
        model.collectChanges(into: &left)
        restored.collectChanges(into: &right)
        let rows = Dictionary(left.rows.map { ("\($0.table.name) \($0.key)", $0.value) }) { $1 }
        #expect(right.rows.count == rows.count)
        for row in right.rows { #expect(rows["\(row.table.name) \(row.key)"] == row.value) }

        let large = shop.exposure(user: 0)
        let known = try model.expected(large, item: Shop.features(2))
        model.erase(user: large.user)
        #expect(try model.expected(large, item: Shop.features(2)) < known)

        var damaged = MemoryState()
        var wrong = StateChanges()
        wrong.put(StateTable("quantity scores", .keyed), Array("sums".utf8), [9, 0, 0, 0, 1])
        damaged.apply(wrong)
        #expect(throws: ResponseError.self) { try QuantityModel(from: damaged) }
    }
}
