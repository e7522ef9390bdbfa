import Events
import Pricing
import Simulator
import Synchronization
import Testing

/// A recommender in memory: it answers each click after a number of calls, with one discount.
private final class Recommender: EventSink, OfferSource {
    private(set) var events: [Event] = []
    private var answers: [(dueCall: Int, offer: ReceivedOffer)] = []
    private var calls = 0
    private let delayCalls: Int
    private let discount: Double

    init(delayCalls: Int, discount: Double) {
        self.delayCalls = delayCalls
        self.discount = discount
    }

    func send(_ sent: [Event]) {
        events += sent
        for event in sent {
            guard case .click(let click) = event.body else { continue }
            let price = (click.price * (1 - discount) * 100).rounded() / 100
            guard
                let offer = ReceivedOffer(
                    recommendationID: "r-\(event.eventID)", userID: click.userID,
                    itemID: click.itemID, discount: discount, price: price)
            else { continue }
            answers.append((calls + delayCalls, offer))
        }
    }

    func receive(waitMs: Int) -> [ReceivedOffer] {
        calls += 1
        let due = answers.filter { $0.dueCall <= calls }.map(\.offer)
        answers.removeAll { $0.dueCall <= calls }
        return due
    }
}

/// A clock that moves when it is looked at.
private func testPace(stepMs: Int64, slept: @escaping @Sendable (Int64) -> Void = { _ in }) -> Pace
{
    let clock = Mutex<Int64>(0)
    return Pace(
        nowMs: {
            clock.withLock {
                $0 += stepMs; return $0
            }
        },
        sleepMs: { ms in
            clock.withLock { $0 += ms }
            slept(ms)
        })
}

@Suite struct ClosedLoopTests {
    private func loop(
        visits: Int, waitMs: Int = 1000, rate: Double? = nil, pace: Pace = testPace(stepMs: 1)
    ) throws -> ClosedLoop {
        ClosedLoop(
            shoppers: try shoppers(visits: visits), waitMs: waitMs, rate: rate, pace: pace)
    }

    @Test("every click is answered in time, and the offer decides what is paid")
    func answered() throws {
        var loop = try loop(visits: 3000)
        let recommender = Recommender(delayCalls: 3, discount: 0.2)
        var seen: [Int] = []
        try loop.run(visits: 3000, sink: recommender, offers: recommender) { seen.append($0) }
        let board = loop.shoppers.scoreboard
        #expect(board.total.visits == 3000 && board.total.offers == 3000)
        #expect(seen.last == 3000 && seen == seen.sorted())
        #expect(loop.eventCount == recommender.events.count)
        #expect(recommender.events.prefix(600).allSatisfy { $0.type == .item })
        for (_, purchase) in recommender.events.purchases {
            #expect(purchase.offer.recommendationID?.hasPrefix("r-") == true)
            #expect(purchase.offer.discount == 0.2)
        }
        // Cost unknown or margin too thin: the fixed discount of the scoreboard keeps the rules.
        #expect(
            board.conversion(.offered, board.total) > board.conversion(.fixed(0.1), board.total))
    }

    @Test("answers that come after the wait are too late, and the list price is paid")
    func tooLate() throws {
        var loop = try loop(visits: 1000, waitMs: 20)
        let recommender = Recommender(delayCalls: 1_000_000, discount: 0.2)
        try loop.run(visits: 1000, sink: recommender, offers: recommender)
        #expect(loop.shoppers.scoreboard.total.offers == 0)
        #expect(loop.shoppers.scoreboard.total.visits == 1000)
    }

    @Test("a rate holds the shoppers back")
    func rate() throws {
        let slept = Mutex<Int64>(0)
        let pace = testPace(stepMs: 0) { ms in slept.withLock { $0 += ms } }
        var loop = try loop(visits: 500, rate: 50, pace: pace)
        let recommender = Recommender(delayCalls: 1, discount: 0)
        try loop.run(visits: 500, sink: recommender, offers: nil)
        // 500 visits at 50 a second take ten seconds.
        #expect(slept.withLock(\.self) == 10_000)
    }

    @Test("a stop ends between batches, and what was done is counted")
    func stopped() throws {
        var loop = try loop(visits: 5000)
        let recommender = Recommender(delayCalls: 1, discount: 0)
        var asked = 0
        try loop.run(
            visits: 5000, sink: recommender, offers: recommender,
            stop: {
                asked += 1
                return asked > 10
            })
        let visits = loop.shoppers.scoreboard.total.visits
        #expect(visits > 0 && visits < 5000 && visits == loop.shoppers.visitCount)
    }

    @Test("the report adds up, and names its strategies")
    func report() throws {
        var loop = try loop(visits: 2000)
        let recommender = Recommender(delayCalls: 1, discount: 0.1)
        try loop.run(visits: 2000, sink: recommender, offers: recommender)
        let report = ScoreReport(loop)
        #expect(report.windows.map(\.visits).reduce(0, +) == 2000)
        #expect(report.early.visits == 400 && report.late.visits == 400)
        #expect(report.total.strategies.map(\.strategy).last == "oracle")
        #expect(report.total.strategies.last?.regretPerVisit == 0)
        #expect(report.events == recommender.events.count)
        #expect(report.realised.purchases == loop.shoppers.scoreboard.realised.purchases)
        let told = recommender.events.purchases.count + recommender.events.refunds.count
        #expect(
            report.realised.purchases + report.realised.refunds == told + report.realised.pending)
    }
}
