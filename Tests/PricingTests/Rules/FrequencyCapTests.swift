import Pricing
import Records
import Testing

@Suite struct FrequencyCapTests {
    private func decide(
        _ scope: FrequencyCap.Scope, offers: Int, days: Double = 7, at day: Double = 100,
        _ change: (inout RuleFixture) -> Void
    ) throws -> Decision {
        try RuleFixture {
            $0.configuration.rules.caps[scope] = RuleSettings.Cap(
                offers: offers, periodMs: RuleFixture.day(days))
            $0.circumstances.atMs = RuleFixture.day(day)
            change(&$0)
        }.decide()
    }

    @Test("a shopper's discounted offers in any period are no more than the cap")
    func shopper() throws {
        let history = RuleFixture.offers([(94, 0.1), (95, 0), (96, 0.2), (99, 0.1)], item: "tea")
        func bound(_ offers: Int, _ day: Double) throws -> Bool {
            let decision = try decide(.shopper, offers: offers, at: day) {
                $0.circumstances.earlier.shopper = history
            }
            #expect(decision.rules == (decision.discount == 0 ? [.frequencyCap] : []))
            return decision.discount == 0
        }
        // Three discounted ones within seven days; what had none does not count.
        #expect(try bound(3, 100) && !bound(4, 100))
        // At 101 the one of 94 is seven days ago.
        #expect(try bound(3, 100.99) && !bound(3, 101))
        // Before them all: the window that begins there holds two of them by 98, three by 94 + 7.
        #expect(try bound(3, 92.5) && !bound(3, 91.9))
    }

    @Test("a decision that is made again does not count against itself")
    func again() throws {
        let history = RuleFixture.offers([(99, 0.1), (100, 0.3)])
        for (decision, isFree) in [(UInt64(101), true), (7, false)] {
            let decided = try decide(.shopper, offers: 2) {
                $0.circumstances.earlier.shopper = history
                $0.circumstances.decision = decision
            }
            #expect((decided.discount > 0) == isFree)
        }
    }

    @Test("the offers of one item to a shopper are counted apart from those of others")
    func shopperItem() throws {
        for (item, isFree) in [("kettle", false), ("tea", true)] {
            let decided = try decide(.shopperItem, offers: 1) {
                $0.circumstances.earlier.shopper = RuleFixture.offers([(99, 0.1)], item: item)
            }
            #expect((decided.discount > 0) == isFree)
        }
    }

    @Test("the offers of an item and of a category are counted whoever they go to")
    func tallies() throws {
        var tally = OfferTally()
        for day in [95.0, 96, 99] {
            tally.add(atMs: RuleFixture.day(day), periodMs: RuleFixture.day(7))
        }
        for (offers, isFree) in [(3, false), (4, true)] {
            let item = try decide(.item, offers: offers) {
                $0.circumstances.earlier.itemTally = tally
            }
            let category = try decide(.category, offers: offers) {
                $0.circumstances.earlier.categoryTally = tally
            }
            #expect((item.discount > 0) == isFree && (category.discount > 0) == isFree)
        }
        let none = try decide(.category, offers: 1) {
            $0.circumstances.category = nil
            $0.circumstances.earlier.categoryTally = tally
        }
        #expect(none.discount > 0)
    }

    @Test("an offer that stands is kept: it was counted when it was made")
    func standing() throws {
        let decision = try decide(.shopper, offers: 1) {
            $0.circumstances.earlier.shopper = RuleFixture.offers([(99.9, 0.2)])
            $0.standing.offer = .init(discount: 0.2, propensity: 0.25, explored: false)
        }
        #expect(decision.isHeld && decision.discount == 0.2 && decision.propensity == 0.25)
        #expect(decision.rules == [])
    }

    @Test("over random streams no window of a tally's period holds more than is counted")
    func neverLess() {
        var random = SeededRandom(seed: 8)
        for _ in 0..<2_000 {
            let periodMs = 1_000 + Int64(random.unit() * 1e6)
            var tally = OfferTally()
            var times: [Int64] = []
            var now: Int64 = 1_795_000_000_000
            for _ in 0..<30 {
                now += Int64(random.unit() * Double(periodMs) / 4)
                let at = now - Int64(random.unit() * Double(periodMs) / 3)
                tally.add(atMs: at, periodMs: periodMs)
                times.append(at)
            }
            let exact = times.map { first in
                times.count { $0 >= first && $0 < first + periodMs }
            }
            for (first, count) in zip(times, exact) {
                let counted = tally.most(aroundMs: first, periodMs: periodMs)
                #expect(counted.map { $0 >= UInt64(count) } ?? true)
            }
        }
    }

    @Test("what was forgotten counts as too many")
    func forgotten() throws {
        var history = OfferHistory()
        for index in 0..<300 {
            history.add(
                OfferHistory.Entry(
                    decision: UInt64(index), atMs: Int64(index), item: 0, discount: 0.1),
                keepMs: 1_000_000)
        }
        #expect(history.entries.count == 256 && history.forgottenMs == 43)
        let decided = try RuleFixture {
            $0.configuration.rules.caps[.shopper] = .init(offers: 64, periodMs: 1_000)
            $0.circumstances.earlier.shopper = history
            $0.circumstances.atMs = 900
            $0.circumstances.decision = 1_000
        }.decide()
        #expect(decided.rules == [.frequencyCap])
    }

    @Test("rows of the ledger come back as they were, and damaged ones are refused or harmless")
    func rows() throws {
        var tally = OfferTally()
        var depths = DepthHistory()
        for ms in stride(from: Int64(0), to: 900_000_000, by: 40_000_000) {
            tally.add(atMs: ms, periodMs: 100_000_000)
            depths.add(Double(ms) / 1e9, atMs: ms, keepMs: 500_000_000)
        }
        let offers = RuleFixture.offers([(1, 0.1), (2, 0), (200, 0.3)])
        #expect(offers.forgottenMs != nil && tally.forgotten != nil && depths.forgottenMs != nil)
        #expect(try OfferHistory(encoded: offers.encoded()) == offers)
        #expect(try OfferTally(encoded: tally.encoded()) == tally)
        #expect(try DepthHistory(encoded: depths.encoded()) == depths)
        #expect(throws: ByteCodingError.self) { try OfferHistory(encoded: [2]) }
    }
}
