/// Chooses the discount worth offering to one shopper on one item, under rules it never breaks.
///
/// The aim is `(price - cost) · E[quantity | discount]`, less what the offer itself costs, against no
/// discount. A discount is given only where that gain is positive, or when exploring. Pure: the same
/// input is the same decision.
public struct DiscountPolicy: Sendable {
    /// As it was given; it never changes.
    public let configuration: PricingConfiguration
    private let book: RuleBook

    /// - Throws: `PricingError.badConfiguration`.
    public init(_ configuration: PricingConfiguration) throws(PricingError) {
        try configuration.validate()
        self.configuration = configuration
        book = RuleBook(configuration)
    }

    /// Decides the price.
    ///
    /// Depths that round to one price are one action. `epsilonGreedy` draws a depth evenly from the whole
    /// grid, and one that the rules forbid becomes the deepest they allow.
    ///
    /// - Parameters:
    ///   - demand: one point for each depth of the grid, in its order.
    ///   - holdout: whether this user never gets a discount (`PricingConfiguration.isHoldout`).
    ///   - unknown: what exploring can find out, of `costBounded`.
    ///   - standing: what goes before the choice. Where the rules have tightened since an offer was made it
    ///     falls, and the choice holds; a hold-out is never given a discount.
    ///   - circumstances: what rules are told beside.
    /// - Throws: for input that is not finite or out of range; nothing is guessed in its place.
    public func decide(
        item: ItemOffer, demand: [DemandPoint], holdout: Bool, draws: PricingDraws,
        unknown: UnknownAnswer = UnknownAnswer(), standing: StandingPrice = StandingPrice(),
        circumstances: OfferCircumstances = OfferCircumstances()
    ) throws(PricingError) -> Decision {
        try item.validate()
        try circumstances.validate()
        try check(demand)
        try draws.validate()
        try unknown.validate()
        let cost = configuration.cost(item.cost, listPrice: item.price)
        let ruling = book.ruling(
            on: RuleFacts(
                item: item, cost: cost, units: BudgetSight.units(demand[0].expectedQuantity),
                circumstances: circumstances))
        // Who follows the shop's habit does not choose.
        let prospect = Prospect(
            list: item.price, cost: cost, offerCost: configuration.offerCost, demand: demand,
            charge: BudgetCharge(standing.habit == nil ? circumstances.budgets : []))
        let ladder = PriceLadder(list: item.price, ruling: ruling, configuration: configuration)
        var rules = ruling.barring
        let fixed = holdout || !rules.isEmpty
        var options = prospect.options(fixed ? [ladder.allowed[0]] : ladder.allowed)
        let (best, unsure) = try greedy(options, prospect)
        let (drawn, rate) = explore(&options, best, fixed, unknown, draws)
        let explored = draws.explore < rate
        let taken = explored ? option(ofDepth: drawn, among: options) : options[best]
        if unsure, !explored { rules.append(.confidence) }
        if !explored, try isPaced(options, best, prospect) { rules.append(.pacing) }
        if !fixed, let cost {
            let wanted = explored ? drawn : unruledBest(ladder.nominal, cost, prospect)
            rules += ladder.rulesBinding(wanted, depth: configuration.depths[wanted])
        }
        let choice = Choice(
            option: taken, propensity: taken.propensity, explored: explored,
            policy: configuration.exploration.rawValue)
        let kept = keep(
            standing, options,
            standingOptions(ruling, options, prospect, standing, holdout: holdout),
            ladder, choice, holdout: holdout)
        if kept.isHeld { rules.removeAll(where: ruling.ofNewOffers.contains) }
        let isChoice = !fixed && !explored && !kept.isHeld
        let withheld =
            isChoice ? try withheld(ruling, kept.option, prospect, standing) : nil
        if withheld != nil { rules.append(.approval) }
        let step = kept.option.step
        // An offer that stands has been paid for.
        let spent = kept.isHeld && step.depth > 0 ? configuration.offerCost.made : 0
        return Decision(
            discount: step.discount, depth: step.depth, listPrice: item.price, price: step.price,
            priorPrice: ruling.announcedPrior(step, circumstances.prior),
            expectedConversion: kept.option.conversion, baselineConversion: demand[0].probability,
            expectedMargin: cost == nil ? nil : kept.option.margin + spent,
            incrementalMargin: kept.option.incremental + (cost == nil ? 0 : spent),
            propensity: kept.propensity,
            policy: kept.policy, explored: kept.explored, holdout: holdout, isHeld: kept.isHeld,
            costAssumed: item.cost == nil && cost != nil,
            rules: PricingRule.allCases.filter(rules.contains), withheld: withheld,
            actions: options.map(\.action))
    }

    /// When a discounted offer made at a time must end, where the rules say so.
    public func offerEndMs(_ circumstances: OfferCircumstances) -> Int64? {
        configuration.rules.blackouts.isEmpty
            ? nil
            : BlackoutDates(configuration.rules.blackouts).next(
                after: circumstances.atMs, category: circumstances.category)
    }

    /// What would have been chosen if a person had approved, where that is a lower price.
    private func withheld(
        _ ruling: Ruling, _ given: Option, _ prospect: Prospect, _ standing: StandingPrice
    ) throws(PricingError) -> WithheldOffer? {
        guard configuration.rules.approval.isUsed else { return nil }
        let ladder = PriceLadder(
            list: prospect.list, ruling: ruling.approved, configuration: configuration)
        let options = prospect.options(ladder.allowed)
        let best = try greedy(options, prospect).best
        let wish =
            standing.habit.map { option(ofHabit: $0, ladder, among: options) }
            ?? options[best]
        guard wish.step.price < given.step.price else { return nil }
        return WithheldOffer(depth: wish.step.depth, gain: max(0, wish.worth - given.worth))
    }

    /// What an offer that stands may be: new offers alone are counted and compared with others.
    private func standingOptions(
        _ ruling: Ruling, _ options: [Option], _ prospect: Prospect, _ standing: StandingPrice,
        holdout: Bool
    ) -> [Option] {
        guard standing.offer != nil, !holdout, !ruling.ofNewOffers.isEmpty else { return options }
        let ruling = ruling.ofStandingOffers
        guard ruling.barring.isEmpty else { return options }
        let ladder = PriceLadder(
            list: prospect.list, ruling: ruling, configuration: configuration)
        return prospect.options(ladder.allowed)
    }

    /// The option that a depth of the grid comes to: depths of one price are one option.
    private func option(ofDepth depth: Int, among options: [Option]) -> Option {
        options.last { $0.firstDepth <= depth } ?? options[0]
    }

    /// The option that the shop's own discount comes to.
    private func option(ofHabit habit: Double, _ ladder: PriceLadder, among options: [Option])
        -> Option
    {
        let depths = configuration.depths
        let wish = depths.min { abs($0 - habit) < abs($1 - habit) } ?? 0
        let place = ladder.allowedPlace(notBeyond: wish, depths: depths)
        return option(ofDepth: ladder.allowed[place].index, among: options)
    }

    /// The choice, or what goes before it.
    private func keep(
        _ standing: StandingPrice, _ options: [Option], _ standingOptions: [Option],
        _ ladder: PriceLadder, _ choice: Choice, holdout: Bool
    ) -> Choice {
        var choice = choice
        if let habit = standing.habit, !holdout {
            choice = Choice(
                option: option(ofHabit: habit, ladder, among: options), propensity: 1,
                explored: false, policy: "merchant")
        }
        guard let offer = standing.offer,
            let option = standingOptions.first(where: {
                abs($0.step.depth - offer.discount) < 1e-9
            })
        else { return choice }
        choice.option = option
        choice.propensity = offer.propensity
        choice.explored = offer.explored
        choice.isHeld = true
        return choice
    }

    /// The price that a wish for `depth` comes to under the rules.
    ///
    /// It is that of the deepest depth of the grid that is not beyond the wish, so that a fixed discount
    /// can be judged by the same rules.
    public func delivered(
        depth: Double, item: ItemOffer, circumstances: OfferCircumstances = OfferCircumstances()
    ) throws(PricingError) -> DeliveredPrice {
        try item.validate()
        try circumstances.validate()
        let cost = configuration.cost(item.cost, listPrice: item.price)
        let ruling = book.ruling(
            on: RuleFacts(item: item, cost: cost, circumstances: circumstances))
        guard ruling.barring.isEmpty else {
            return DeliveredPrice(price: item.price, discount: 0, depthIndex: 0)
        }
        let ladder = PriceLadder(list: item.price, ruling: ruling, configuration: configuration)
        let rung = ladder.allowed[
            ladder.allowedPlace(notBeyond: depth, depths: configuration.depths)]
        return DeliveredPrice(
            price: rung.step.price, discount: rung.step.discount, depthIndex: rung.index)
    }

    /// What each depth of the grid is expected to earn, whatever the rules say of it; `nil` where the cost is not
    /// known.
    ///
    /// - Parameters:
    ///   - price: the list price.
    ///   - cost: of a unit; the assumed one where `nil`.
    public func expectedMargins(
        price: Double, cost: Double?, demand: [DemandPoint]
    ) -> [Double]? {
        guard let cost = configuration.cost(cost, listPrice: price) else { return nil }
        return demand.map { point in
            point.margin(
                price: price * (1 - point.depth), cost: cost,
                offer: point.depth > 0 ? configuration.offerCost : nil)
        }
    }

    private func check(_ demand: [DemandPoint]) throws(PricingError) {
        let matches =
            demand.count == configuration.depths.count
            && zip(demand, configuration.depths).allSatisfy { abs($0.depth - $1) < 1e-9 }
        guard matches else {
            throw .depthsDiffer(expected: configuration.depths, given: demand.map(\.depth))
        }
        for point in demand { try point.validate() }
    }

    /// Whether what pacing charges has made another option the best.
    private func isPaced(
        _ options: [Option], _ best: Int, _ prospect: Prospect
    ) throws(PricingError) -> Bool {
        guard !prospect.charge.isNone else { return false }
        var free = options
        for index in free.indices { free[index].charge = 0 }
        return try greedy(free, prospect).best != best
    }

    /// The best option, the smallest discount among equals; and whether a better one was passed
    /// over because it is not sure enough to pay.
    private func greedy(
        _ options: [Option], _ prospect: Prospect
    ) throws(PricingError) -> (best: Int, unsure: Bool) {
        guard let cost = prospect.cost else { return (0, false) }
        let paying = options.indices.filter { options[$0].worth > 0 }.sorted {
            (options[$1].worth, $0) < (options[$0].worth, $1)
        }
        guard let confidence = configuration.confidence else { return (paying.first ?? 0, false) }
        for index in paying {
            let probability = try gainProbability(
                options[0], options[index], prospect, cost)
            // The quantile is positive exactly when the gain is with more than this probability.
            if probability > confidence { return (index, index != paying[0]) }
        }
        return (0, !paying.isEmpty)
    }

    private func gainProbability(
        _ none: Option, _ option: Option, _ prospect: Prospect, _ cost: Double
    ) throws(PricingError) -> Double {
        let (point, demand) = (option.point, prospect.demand)
        guard let logit = point.uncertainty else { throw .missingUncertainty(depth: point.depth) }
        guard let baseline = demand[0].uncertainty else {
            throw .missingUncertainty(depth: demand[0].depth)
        }
        return GainProbability(
            gain: (option.step.price - cost) * point.expectedQuantity
                - prospect.offerCost.redeemed,
            baselineGain: (none.step.price - cost) * demand[0].expectedQuantity,
            fixedCost: prospect.offerCost.made, logit: logit, baseline: baseline
        ).value()
    }

    /// The depth that would be best if no rule of depth held.
    private func unruledBest(
        _ steps: [PriceLadder.Step], _ cost: Double, _ prospect: Prospect
    ) -> Int {
        let demand = prospect.demand
        var best = 0
        var most = prospect.margin(steps[0], cost, demand[0])
        for index in steps.indices.dropFirst() {
            let margin =
                prospect.margin(steps[index], cost, demand[index])
                - prospect.charge.of(
                    price: steps[index].price, list: steps[0].price, demand[index])
            if margin > most { (best, most) = (index, margin) }
        }
        return best
    }

    /// Gives each option its propensity, and draws the depth of the grid to be tried.
    ///
    /// - Returns: the depth, and how often one is tried in place of the best.
    private func explore(
        _ options: inout [Option], _ best: Int, _ fixed: Bool, _ unknown: UnknownAnswer,
        _ draws: PricingDraws
    ) -> (depth: Int, rate: Double) {
        options[best].propensity = 1
        guard !fixed else { return (0, 0) }
        switch configuration.exploration {
        case .none: return (0, 0)
        case .epsilonGreedy:
            share(configuration.epsilon, evenlyAmong: &options, best: best)
            let count = configuration.depths.count
            return (min(Int(draws.depth * Double(count)), count - 1), configuration.epsilon)
        case .costBounded:
            let budget = ExplorationBudget(unknown: unknown, configuration: configuration)
            let shares = budget.propensities(
                options.map { ($0.step.depth, $0.conversion, $0.margin - $0.charge) }, best: best)
            let rate = shares.reduce(0, +)
            for index in options.indices where index != best {
                options[index].propensity = shares[index]
            }
            options[best].propensity = 1 - rate
            var left = draws.depth * rate
            let drawn = shares.indices.first { index in
                left -= shares[index]
                return left < 0
            }
            return (options[drawn ?? best].firstDepth, rate)
        }
    }

    /// Spreads the draws over the options: every depth of the grid counts for the deepest option
    /// that is not beyond it.
    private func share(_ epsilon: Double, evenlyAmong options: inout [Option], best: Int) {
        let depthCount = configuration.depths.count
        for index in options.indices {
            let next = index + 1 < options.count ? options[index + 1].firstDepth : depthCount
            let draws = Double(next - options[index].firstDepth) / Double(depthCount)
            options[index].propensity = epsilon * draws + (index == best ? 1 - epsilon : 0)
        }
    }
}

/// One deliverable price while a decision is made.
private struct Option {
    let step: PriceLadder.Step
    /// The first depth of the grid that comes to this price.
    let firstDepth: Int
    /// What is expected at this price.
    let point: DemandPoint
    let margin: Double
    let incremental: Double
    /// What budgets charge for what it is expected to take of them.
    var charge: Double
    var propensity = 0.0

    /// What the choice is made by.
    var worth: Double { incremental - charge }

    var conversion: Double { point.probability }

    var action: PricingAction {
        PricingAction(
            discount: step.discount, price: step.price, propensity: propensity,
            expectedConversion: conversion, incrementalMargin: incremental)
    }
}

/// What is delivered, and how it came to be.
private struct Choice {
    var option: Option
    var propensity: Double
    var explored: Bool
    var policy: String
    var isHeld = false
}

/// What prices of one item are judged by.
private struct Prospect {
    let list: Double
    /// Known or assumed; `nil` where neither.
    let cost: Double?
    /// What an offer costs beside what it takes off the price.
    let offerCost: OfferCost
    /// By depth of the grid.
    let demand: [DemandPoint]
    let charge: BudgetCharge

    func margin(_ step: PriceLadder.Step, _ cost: Double, _ point: DemandPoint) -> Double {
        point.margin(price: step.price, cost: cost, offer: step.depth > 0 ? offerCost : nil)
    }

    /// The distinct prices among those allowed, each with what it is expected to earn.
    func options(_ rungs: [PriceLadder.Rung]) -> [Option] {
        let baseline = cost.map { margin(rungs[0].step, $0, demand[0]) } ?? 0
        var options: [Option] = []
        options.reserveCapacity(rungs.count)
        for rung in rungs where options.last?.step.price != rung.step.price {
            let step = rung.step
            // Back at the list price, a depth that no ending fits is no discount.
            if step.price == rungs[0].step.price, !options.isEmpty { continue }
            let point = step.isOffGrid ? demand.point(at: step.depth) : demand[rung.index]
            let margin = cost.map { self.margin(step, $0, point) } ?? 0
            options.append(
                Option(
                    step: step, firstDepth: rung.index, point: point, margin: margin,
                    incremental: margin - baseline,
                    charge: charge.of(price: step.price, list: rungs[0].step.price, point)))
        }
        return options
    }
}
