import Events
import Pricing
import Records
import Simulator
import Testing

@Suite struct ScoreboardTests {
    @Test(
        "what is expected agrees with what happens, within error bars",
        arguments: [
            VisitPlan.Discounts.recommended, .random,
        ])
    func expectationMatchesChance(discounts: VisitPlan.Discounts) throws {
        var shoppers = try shoppers(seed: 5, visits: 200_000, discounts: discounts)
        let world = shoppers.world
        let costs = Dictionary(uniqueKeysWithValues: world.items.map { ($0.id, $0.cost) })
        let events = run(&shoppers, visits: 200_000)
        let board = shoppers.scoreboard
        let total = board.total
        let expected = total.conversions[0]
        let purchases = Double(board.realised.purchases)
        // The variance of a sum of Bernoulli draws is at most its mean.
        #expect(abs(purchases - expected) < 4 * expected.squareRoot())
        #expect(abs(purchases - expected) > 0)
        var squares = 0.0
        for (_, purchase) in events.purchases {
            let unit = (purchase.paid ?? 0) - (costs[purchase.offer.itemID] ?? 0)
            let gain = unit * Double(purchase.quantity)
            squares += gain * gain
        }
        let difference = abs(board.realised.margin - total.margins[0])
        #expect(difference < 4 * squares.squareRoot(), "\(difference) of \(total.margins[0])")
    }

    @Test("the oracle beats every other strategy, in every window")
    func oracleWins() throws {
        var shoppers = try shoppers(visits: 20_000, discounts: .random)
        _ = run(&shoppers, visits: 20_000)
        let board = shoppers.scoreboard
        #expect(board.windows.count == 10 && board.total.visits == 20_000)
        #expect(
            board.strategies.map(\.description) == [
                "offered", "no discount", "fixed 10 %", "fixed 20 %", "fixed 30 %", "oracle",
            ])
        for window in board.windows + [board.total] {
            for strategy in board.strategies.dropLast() {
                #expect(board.regret(strategy, window) > 0, "\(strategy)")
            }
            #expect(board.regret(.oracle, window) == 0)
        }
    }

    @Test("offering what the oracle would leaves no regret; a personal price is worth having")
    func perfectOffers() throws {
        var shoppers = try shoppers(visits: 10_000)
        let world = shoppers.world
        let users = Dictionary(
            uniqueKeysWithValues: world.shoppers.indices.map { (world.shoppers[$0].id, $0) })
        let items = Dictionary(
            uniqueKeysWithValues: world.items.indices.map { (world.items[$0].id, $0) })
        var moment: Int64 = 0
        while shoppers.visitCount < 10_000 {
            let events = shoppers.nextVisits(1)
            moment = events.last?.tsMs ?? moment
            let offers = shoppers.awaited.compactMap { pair -> ReceivedOffer? in
                guard let user = users[pair.userID], let item = items[pair.itemID] else {
                    return nil
                }
                let best = world.oracle(
                    item: item, demand: world.demand(shopper: user, item: item, atMs: moment))
                return ReceivedOffer(
                    recommendationID: "r", userID: pair.userID, itemID: pair.itemID,
                    discount: best.discount, price: best.price)
            }
            _ = shoppers.offer(offers)
        }
        let board = shoppers.scoreboard
        #expect(board.total.offers == 10_000)
        #expect(abs(board.regret(.offered, board.total)) < 1e-4)
        // Personal prices earn at least 10 % more than the best of the uniform ones.
        let uniform = board.strategies.dropFirst().dropLast().map {
            board.margin($0, board.total)
        }
        #expect(board.margin(.oracle, board.total) > 1.1 * (uniform.max() ?? 0))
    }
}

@Suite struct LearningSignalTests {
    @Test("a fit for each segment finds its sensitivity: positive, and in the true order")
    func segmentSlopes() throws {
        var shoppers = try shoppers(seed: 3, visits: 120_000, discounts: .random)
        let world = shoppers.world
        let events = run(&shoppers, visits: 120_000)
        let segments = Dictionary(
            uniqueKeysWithValues: world.shoppers.map { ($0.id, $0.segment) })
        let bought = Set(events.purchases.map(\.purchase.offer.sessionID))
        var rows = [[(x: Double, y: Double)]](repeating: [], count: Segment.all.count)
        for (_, click) in events.clicks {
            let x = -naturalLogarithm(1 - click.discount)
            rows[segments[click.userID] ?? 0].append((x, bought.contains(click.sessionID) ? 1 : 0))
        }
        let fits = rows.map(logisticFit)
        for (fit, segment) in zip(fits, Segment.all) {
            #expect(fit.slope > 3 * fit.error, "\(segment.name): \(fit)")
            // Unseen differences between shoppers and items flatten a common curve.
            #expect(fit.slope > 0.5 * segment.sensitivity - 3 * fit.error)
            #expect(fit.slope < 1.2 * segment.sensitivity + 3 * fit.error)
        }
        for (fit, next) in zip(fits, fits.dropFirst()) { #expect(fit.slope > next.slope) }
    }

    @Test("titles tell: items with words that shoppers like sell more often")
    func textSignal() throws {
        var shoppers = try shoppers(seed: 3, visits: 60_000, discounts: .random)
        let items = shoppers.world.items
        let events = run(&shoppers, visits: 60_000)
        let bought = Set(events.purchases.map(\.purchase.offer.sessionID))
        func conversion(_ words: [String]) -> (rate: Double, error: Double) {
            let ids = Set(
                items.filter { item in words.contains { item.title.contains($0) } }.map(\.id))
            let clicks = events.clicks.map(\.offer).filter { ids.contains($0.itemID) }
            let rate =
                Double(clicks.count { bought.contains($0.sessionID) }) / Double(clicks.count)
            return (rate, (rate * (1 - rate) / Double(clicks.count)).squareRoot())
        }
        let liked = conversion(["Merino Wool", "Hand-Forged", "Award-Winning", "Damascus"])
        let disliked = conversion(["Plastic ", "Polyester", "Vinyl", "Basic"])
        #expect(liked.rate > disliked.rate + 4 * (liked.error + disliked.error))
    }

    /// Two-parameter logistic regression by Newton's method.
    private func logisticFit(_ rows: [(x: Double, y: Double)]) -> (slope: Double, error: Double) {
        var (a, b) = (0.0, 0.0)
        var error = 0.0
        for _ in 0..<25 {
            var (ga, gb, haa, hab, hbb) = (0.0, 0.0, 0.0, 0.0, 0.0)
            for row in rows {
                let p = logistic(a + b * row.x)
                let w = p * (1 - p)
                ga += row.y - p
                gb += (row.y - p) * row.x
                haa += w
                hab += w * row.x
                hbb += w * row.x * row.x
            }
            let determinant = haa * hbb - hab * hab
            a += (hbb * ga - hab * gb) / determinant
            b += (haa * gb - hab * ga) / determinant
            error = (haa / determinant).squareRoot()
        }
        return (b, error)
    }
}
