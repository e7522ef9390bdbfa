import Pricing
import Records

/// A shop whose demand at every price is known, with a campaign that has less to give away than the best discounts
/// would take.
///
/// Whoever runs it is told every visit's true demand, so that what is measured is the use of the budget alone. What
/// happens follows from the seed: a visit buys at a price when its own random number is below the chance.
public struct BudgetWorld: Sendable {
    /// How visits come over time.
    public enum Shape: String, Sendable, CaseIterable {
        /// Evenly.
        case even
        /// By day more than by night.
        case daily
        /// More and more: three times as many at the end.
        case rising
    }

    struct Visit: Sendable {
        var atMs: Int64
        var item: ItemOffer
        var demand: [DemandPoint]
        /// Buys where the chance of it is above.
        var draw: Double
        var delayMs: Int64
    }

    let visits: [Visit]
    /// The campaign.
    public let span = BudgetSpan(fromMs: 1_800_000_000_000, untilMs: 1_800_000_000_000 + 14 * dayMs)

    static let dayMs: Int64 = 86_400_000
    static let lifetimeMs: Int64 = 3_600_000
    static let depths = PricingConfiguration.defaultDepths

    /// - Parameter count: visits in the campaign.
    public init(seed: UInt64, visits count: Int, shape: Shape) {
        var random = SeededRandom(seed: seed)
        let lengthMs = Double(span.untilMs - span.fromMs)
        var times: [Int64] = []
        while times.count < count {
            let place = random.unit()
            let rate =
                switch shape {
                case .even: 1.0
                // From a tenth at midnight to all of it at noon.
                case .daily: 1 - 0.9 * abs(2 * (14 * place).truncatingRemainder(dividingBy: 1) - 1)
                case .rising: (1 + 2 * place) / 3
                }
            if random.unit() < rate { times.append(span.fromMs + Int64(place * lengthMs)) }
        }
        visits = times.sorted().map { Self.visit(atMs: $0, &random) }
    }

    private init(_ visits: [Visit]) { self.visits = visits }

    private static func visit(atMs ms: Int64, _ random: inout SeededRandom) -> Visit {
        let price = (exponential(random.normal() * 0.8 + 3.4) * 100).rounded() / 100 + 1
        let level = random.normal() * 0.7 - 1.6
        // Some answer strongly to a discount, many hardly.
        let slope = exponential(random.normal() * 0.6 + 1)
        return Visit(
            atMs: ms, item: ItemOffer(price: price, cost: price * (0.3 + 0.3 * random.unit())),
            demand: depths.map {
                DemandPoint(
                    depth: $0, probability: logistic(level - slope * naturalLogarithm(1 - $0)))
            }, draw: random.unit(), delayMs: Int64(random.unit() * Double(lifetimeMs)))
    }

    /// The visits of one of several daemons, each by chance.
    public func part(_ shard: Int, of shards: Int) -> BudgetWorld {
        BudgetWorld(
            visits.enumerated().filter { entry in
                Int(StableHash.of("\(entry.offset)", seed: 5) % UInt64(shards)) == shard
            }.map(\.element))
    }

    /// What a run came to.
    public struct Outcome: Sendable {
        /// Money that purchases took, in hundredths.
        public var spent: Int64 = 0
        /// The most that was spent and reserved at any time.
        public var most: Int64 = 0
        /// Expected incremental margin of all that was offered.
        public var margin = 0.0
        /// What was expected to be spent by it, in hundredths.
        public var expected = 0.0
        /// The multiplier at the end.
        public var multiplier = 0.0
    }

    /// Runs the campaign.
    public func run(limit: Int64, isPaced: Bool) throws -> Outcome {
        let budget = Budget(
            name: "campaign", period: .campaign(fromMs: span.fromMs, untilMs: span.untilMs),
            spendMax: limit, isPaced: isPaced)
        var configuration = PricingConfiguration(
            depths: Self.depths, exploration: .none, holdoutFraction: 0)
        configuration.budgets = [budget]
        let policy = try DiscountPolicy(configuration)
        var account = BudgetAccount()
        var outcome = Outcome()
        var sales: [(atMs: Int64, cents: Int64, offer: BudgetOffers.Entry)] = []
        func sell(upTo ms: Int64) {
            let due = sales.filter { $0.atMs <= ms }.sorted { $0.atMs < $1.atMs }
            guard !due.isEmpty else { return }
            sales.removeAll { $0.atMs <= ms }
            for sale in due {
                account.book(
                    BudgetAmount(cents: sale.cents, uses: 1), of: budget, offer: sale.offer,
                    atMs: sale.atMs, knownMs: sale.atMs)
            }
        }
        for (number, visit) in visits.enumerated() {
            sell(upTo: visit.atMs)
            var sight = BudgetSight(
                [(budget, account)], offers: BudgetOffers(), standing: nil, atMs: visit.atMs,
                knownMs: visit.atMs)
            var facts = OfferCircumstances()
            facts.atMs = visit.atMs
            facts.budgets = sight.standings
            let decision = try policy.decide(
                item: visit.item, demand: visit.demand, holdout: false,
                draws: PricingDraws(explore: 0.5, depth: 0.5), circumstances: facts)
            sight.note(
                decision.budgeted(quantity: 1), as: UInt64(number), item: 0,
                untilMs: visit.atMs + Self.lifetimeMs, lifetimeMs: Self.lifetimeMs)
            account = sight.accounts[0].account
            outcome.note(decision)
            outcome.note(account)
            if let offer = sight.offers.entries.first, visit.draw < decision.expectedConversion {
                sales.append((visit.atMs + visit.delayMs, offer.given, offer))
            }
        }
        sell(upTo: .max)
        outcome.note(account)
        outcome.multiplier = account.pace.spendMultiplier
        return outcome
    }
}

extension BudgetWorld.Outcome {
    fileprivate mutating func note(_ decision: Decision) {
        margin += decision.incrementalMargin
        expected +=
            decision.expectedConversion
            * Double(Cents.given(list: decision.listPrice, price: decision.price))
    }

    fileprivate mutating func note(_ account: BudgetAccount) {
        guard let period = account.periods.first else { return }
        spent = period.spent.cents
        most = max(most, period.spent.cents + period.reserved.cents)
    }
}

// MARK: In hindsight

extension BudgetWorld {
    /// A step from one depth of a visit to a deeper one: what it costs and what it brings, in expectation.
    private struct Step {
        let cents: Double
        let margin: Double
    }

    /// The most expected incremental margin that spending `limit` in expectation could have brought; `nil`: without
    /// a limit. With it, what that spends.
    ///
    /// The linear relaxation of the multiple-choice knapsack, whose value no choice of depths can exceed: of each visit the
    /// upper hull of its depths, all steps of all hulls by what they bring for what they cost.
    /// Source: Sinha and Zoltners, "The multiple-choice knapsack problem" (Operations Research 1979).
    public func optimum(limit: Int64?) -> (margin: Double, cents: Double) {
        var steps: [Step] = []
        for visit in visits { steps += Self.hull(visit) }
        steps.sort { $0.margin * $1.cents > $1.margin * $0.cents }
        var (margin, cents) = (0.0, 0.0)
        for step in steps {
            let left = limit.map { Double($0) - cents } ?? .infinity
            guard left > 0 else { break }
            let share = min(1, left / step.cents)
            margin += share * step.margin
            cents += share * step.cents
        }
        return (margin, cents)
    }

    private static func hull(_ visit: Visit) -> [Step] {
        let list = visit.item.price
        let cost = visit.item.cost ?? 0
        var points = [Step(cents: 0, margin: 0)]
        for point in visit.demand.dropFirst() {
            let price = (list * (1 - point.depth) * 100 + 0.5 + 1e-6).rounded(.down) / 100
            let gain =
                (price - cost) * point.probability - (list - cost) * visit.demand[0].probability
            let next = Step(
                cents: Double(Cents.given(list: list, price: price)) * point.probability,
                margin: gain)
            guard next.margin > points[points.count - 1].margin else { continue }
            while points.count > 1,
                (next.margin - points[points.count - 1].margin)
                    * (points[points.count - 1].cents - points[points.count - 2].cents)
                    >= (points[points.count - 1].margin - points[points.count - 2].margin)
                    * (next.cents - points[points.count - 1].cents)
            {
                points.removeLast()
            }
            points.append(next)
        }
        return zip(points, points.dropFirst()).map { a, b in
            Step(cents: b.cents - a.cents, margin: b.margin - a.margin)
        }
    }
}
