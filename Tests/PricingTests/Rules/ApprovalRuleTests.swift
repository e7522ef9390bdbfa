import Pricing
import Records
import Testing

@Suite struct ApprovalRuleTests {
    /// The fixture's demand wants 0.3 of 10.
    private func fixture(_ change: (inout ApprovalSettings) -> Void) -> RuleFixture {
        RuleFixture { change(&$0.configuration.rules.approval) }
    }

    private func answer(_ depth: Double, from: Double, until: Double) -> Approval {
        var approval = Approval()
        approval.take(
            Approval.Answer(
                depth: depth, fromMs: RuleFixture.day(from), untilMs: RuleFixture.day(until)))
        return approval
    }

    @Test("a deeper discount is withheld; what is given is the best that needs no word")
    func withheld() throws {
        let free = try RuleFixture().decide()
        #expect(free.discount == 0.3 && free.withheld == nil)
        let decision = try fixture { $0.above = 0.15 }.decide()
        #expect(decision.discount == 0.1 && decision.rules == [.approval])
        #expect(decision.actions.map(\.discount) == [0, 0.1] && decision.propensity == 1)
        let withheld = try #require(decision.withheld)
        #expect(withheld.depth == 0.3)
        #expect(
            abs(withheld.gain - (free.incrementalMargin - decision.incrementalMargin)) < 1e-12)
        // A discount that needs no word is asked of nobody.
        #expect(try fixture { $0.above = 0.3 }.decide() == free)
    }

    @Test("money a unit is a bound of its own; the smaller of both holds")
    func amount() throws {
        #expect(try fixture { $0.amountAbove = 2 }.decide().price == 8)
        #expect(try fixture { $0.amountAbove = 1.99 }.decide().price == 9)
        let both = fixture {
            $0.amountAbove = 2
            $0.above = 0.1
        }
        #expect(try both.decide().price == 9)
    }

    @Test("what was approved is offered while it holds, and no deeper")
    func approved() throws {
        for (approval, discount, isWithheld) in [
            (answer(0.2, from: 99, until: 101), 0.2, true),
            (answer(0.9, from: 100, until: 101), 0.3, false),
            (answer(0.9, from: 99, until: 100), 0.1, true),
            (answer(0.9, from: 100.1, until: 101), 0.1, true),
            (answer(0, from: 99, until: 101), 0.1, true),
        ] {
            var fixture = fixture { $0.above = 0.1 }
            fixture.circumstances.approval = approval
            let decision = try fixture.decide()
            #expect(decision.discount == discount && (decision.withheld != nil) == isWithheld)
        }
    }

    @Test("an offer that stands was approved when it was made; other rules end it as ever")
    func standing() throws {
        var fixture = fixture { $0.above = 0.1 }
        fixture.standing.offer = .init(discount: 0.3, propensity: 0.25, explored: false)
        let held = try fixture.decide()
        #expect(held.discount == 0.3 && held.isHeld && held.withheld == nil && held.rules == [])
        fixture.item.stock = 0
        #expect(try fixture.decide().discount == 0)
        // The shop's own habit waits as well.
        fixture.item.stock = nil
        fixture.standing = StandingPrice(habit: 0.3)
        let habit = try fixture.decide()
        #expect(habit.discount == 0.1 && habit.withheld?.depth == 0.3)
        fixture.holdout = true
        #expect(try fixture.decide().withheld == nil)
    }

    @Test("a tried depth stays within what needs no word, and asks nobody")
    func exploring() throws {
        var fixture = fixture { $0.above = 0.1 }
        fixture.configuration.exploration = .epsilonGreedy
        fixture.configuration.epsilon = 1
        fixture.draws = PricingDraws(explore: 0, depth: 0.99)
        let decision = try fixture.decide()
        #expect(decision.explored && decision.discount == 0.1 && decision.withheld == nil)
        #expect(abs(decision.propensity - 0.75) < 1e-12)
    }

    @Test("wishes add up; a word takes them away; rows come back as they were")
    func row() throws {
        var row = Approval()
        row.add(WithheldOffer(depth: 0.2, gain: 1.5), atMs: 2_000)
        row.add(WithheldOffer(depth: 0.1, gain: 0.5), atMs: 1_000)
        let wish = try #require(row.wish)
        #expect(wish.depth == 0.2 && wish.decisions == 2 && wish.gain == 2)
        #expect(wish.firstMs == 1_000 && wish.lastMs == 2_000)
        #expect(try Approval(encoded: row.encoded()) == row)
        row.take(.init(depth: 0.2, fromMs: 3_000, untilMs: 4_000))
        #expect(row.wish == nil && row.depth(atMs: 3_999) == 0.2 && row.depth(atMs: 4_000) == 0)
        #expect(try Approval(encoded: row.encoded()) == row)
        #expect(throws: ByteCodingError.self) { _ = try Approval(encoded: [2]) }
    }

    @Test("so many items wait and no more; those that waited long enough make room")
    func waiting() throws {
        var list = WaitingList()
        for number in 0..<WaitingList.countMax {
            let hasRoom = list.add("i\(number)", untilMs: Int64(number < 3 ? 1_000 : 2_000))
            #expect(hasRoom)
        }
        var hasRoom = list.add("one more", untilMs: 2_000)
        #expect(!hasRoom)
        #expect(try WaitingList(encoded: list.encoded()) == list)
        let early = list.dropExpired(atMs: 999)
        #expect(early.isEmpty)
        let gone = list.dropExpired(atMs: 1_000)
        #expect(gone.map(\.itemID) == ["i0", "i1", "i2"])
        list.remove("i7")
        hasRoom = list.add("one more", untilMs: 2_000)
        #expect(hasRoom)
        #expect(list.entries.count == WaitingList.countMax - 3)
    }
}
