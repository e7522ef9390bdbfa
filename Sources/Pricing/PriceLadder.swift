/// The prices that a grid of depths comes to on one item: rounded to cents, and held to the rules.
///
/// A discounted price is rounded to the nearest cent, half a cent up; where that alone would break
/// a rule by a fraction of a cent it is the next cent up. It is one cent at least. A discount that
/// rounds away is no discount. The list price itself is never touched. Where prices end in stated ways, the
/// nearest such price is taken in place of the nearest cent.
struct PriceLadder {
    struct Step {
        let price: Double
        /// Of what the price is reduced from, as it may be announced.
        let discount: Double
        /// Of the list price.
        let depth: Double
        /// What it is reduced from, where that is not the list price.
        var prior: Double?
        /// Whether demand is asked at the depth, since it is not the grid's.
        var isOffGrid = false
    }

    /// A step and the depth of the grid that it belongs to.
    struct Rung {
        let index: Int
        let step: Step
    }

    /// What each depth of the grid would deliver without the rules.
    let nominal: [Step]
    /// What the depths that the rules allow deliver, from no discount on.
    let allowed: [Rung]

    private let ruling: Ruling
    private let list: Double
    private let tolerance: Double

    init(list: Double, ruling: Ruling, configuration: PricingConfiguration) {
        self.list = list
        self.ruling = ruling
        tolerance = list * 1e-9
        nominal = configuration.depths.map {
            Self.step(list: list, depth: $0, reference: list, lowest: 0)
        }
        // Depth 0 is what the shop charges anyway, so no rule of depth speaks about it.
        var allowed = [Rung(index: 0, step: nominal[0])]
        for index in configuration.depths.indices.dropFirst() {
            let depth = configuration.depths[index]
            let (step, exact) = Self.step(
                list: list, depth: depth, ruling: ruling, lowest: ruling.floor - tolerance)
            let tolerance = tolerance
            let holds = ruling.limits.allSatisfy {
                $0.limit.allows(step, exact: exact, list: list, tolerance: tolerance)
            }
            if holds { allowed.append(Rung(index: index, step: step)) }
        }
        self.allowed = allowed
    }

    /// The rules that made another price of a depth, or forbid it.
    func rulesBinding(_ index: Int, depth: Double) -> [PricingRule] {
        guard index > 0 else { return [] }
        let (step, exact) = Self.step(
            list: list, depth: depth, ruling: ruling, lowest: ruling.floor - tolerance)
        var rules = ruling.limits.filter {
            !$0.limit.barsDiscounts
                && !$0.limit.allows(step, exact: exact, list: list, tolerance: tolerance)
        }.map(\.name)
        if ruling.endings != nil, rules.isEmpty {
            let plain = Self.step(
                list: list, depth: depth, reference: step.prior ?? list,
                lowest: ruling.floor - tolerance)
            if plain.price != step.price { rules.append(.priceEnding) }
        }
        if ruling.reference.price < list || step.prior != nil { rules.append(.priorPrice) }
        return rules
    }

    /// The deepest allowed depth of the grid that is not beyond a wish, as the grid has it or as it is
    /// delivered: so a delivered discount comes to itself. As a place among those allowed.
    func allowedPlace(notBeyond wish: Double, depths: [Double]) -> Int {
        allowed.indices.last {
            min(depths[allowed[$0].index], allowed[$0].step.depth) <= wish + 1e-9
        } ?? 0
    }

    /// What a depth delivers under a ruling, and the price before it was rounded.
    private static func step(
        list: Double, depth: Double, ruling: Ruling, lowest: Double
    ) -> (Step, exact: Double) {
        let reference = ruling.reference
        var (base, step) = (reference.price, PriceLadder.none(list))
        func make() -> Step {
            guard let endings = ruling.endings else {
                return Self.step(list: list, depth: depth, reference: base, lowest: lowest)
            }
            return Self.step(
                list: list, depth: depth, reference: base, lowest: lowest, endings: endings)
        }
        step = make()
        if let highest = reference.runningHighest, step.depth > 0 || step.price < list,
            step.price < highest - list * 1e-9
        {
            base = reference.ofLower
            step = make()
        }
        return (step, base * (1 - depth))
    }

    private static func none(_ list: Double) -> Step { Step(price: list, discount: 0, depth: 0) }

    private static func step(
        list: Double, depth: Double, reference: Double, lowest: Double
    ) -> Step {
        if depth == 0 { return none(list) }
        let exact = reference * (1 - depth)
        // Half a cent may come out of the multiplication a hair below itself.
        var cents = max(1, (exact * 100 + 0.5 + 1e-6).rounded(.down))
        if cents / 100 < lowest { cents += 1 }
        return step(cents / 100, list: list, depth: depth, reference: reference)
    }

    private static func step(
        list: Double, depth: Double, reference: Double, lowest: Double, endings: PriceEndings
    ) -> Step {
        let exact = reference * (1 - depth)
        guard depth > 0, let price = endings.price(near: exact, notBelow: lowest)
        else { return none(list) }
        var step = step(price, list: list, depth: depth, reference: reference)
        if step.depth != depth { step.isOffGrid = true }
        return step
    }

    private static func step(
        _ price: Double, list: Double, depth: Double, reference: Double
    ) -> Step {
        // Less than a millionth off is no discount; it also keeps the figure below from being 0.
        if price > reference * (1 - 1e-6) { return none(list) }
        let isExact = abs(price - reference * (1 - depth)) <= list * 1e-9
        let discount = isExact ? depth : cut(1 - price / reference)
        guard reference < list else {
            return Step(price: price, discount: discount, depth: discount)
        }
        return Step(
            price: price, discount: discount, depth: cut(1 - price / list), prior: reference,
            isOffGrid: true)
    }

    /// Six decimals, cut rather than rounded: never above what was delivered.
    private static func cut(_ discount: Double) -> Double {
        (discount * 1e6).rounded(.down) / 1e6
    }
}

extension PriceLimit {
    /// Whether it allows what a depth delivers.
    func allows(
        _ step: PriceLadder.Step, exact: Double, list: Double, tolerance: Double
    ) -> Bool {
        if let floor, exact < floor - tolerance { return false }
        if let nominalFloor, exact < nominalFloor - tolerance { return false }
        guard step.price < list else { return true }
        if let floor, step.price < floor - tolerance { return false }
        if let givenMax, Cents.given(list: list, price: step.price) > givenMax { return false }
        guard let discounts else { return true }
        return step.depth >= discounts.lowerBound - Self.discountTolerance
            && step.depth <= discounts.upperBound + Self.discountTolerance
    }
}
