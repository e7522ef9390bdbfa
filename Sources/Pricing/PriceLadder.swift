/// The prices that a grid of depths comes to on one item: rounded to cents, and held to the rules.
///
/// A discounted price is rounded to the nearest cent, half a cent up; where that alone would break
/// a rule by a fraction of a cent it is the next cent up. It is one cent at least. A discount that
/// rounds away is no discount. The list price itself is never touched.
struct PriceLadder {
    struct Step {
        let price: Double
        let discount: Double
    }

    /// What each depth of the grid would deliver without the rules.
    let nominal: [Step]
    /// What the depths that the rules allow deliver: as many as are allowed, from no discount on.
    let allowed: [Step]

    private let maximumDepthPrice: Double
    private let marginFloorPrice: Double
    /// The lower of the list price and the catalogue's, and the lowest price that leaves it its margin.
    private let base: Double
    private let baseFloorPrice: Double
    private let tolerance: Double

    init(item: ItemOffer, cost: Double?, configuration: PricingConfiguration) {
        let list = item.price
        tolerance = list * 1e-9
        maximumDepthPrice = list * (1 - configuration.maximumDepth)
        marginFloorPrice = (cost ?? 0) + list * configuration.marginFloor
        base = min(list, item.cataloguePrice ?? list)
        baseFloorPrice = (cost ?? 0) + base * configuration.marginFloor - base * 1e-9
        let lowest = max(maximumDepthPrice, marginFloorPrice) - tolerance
        nominal = configuration.depths.map { Self.step(list: list, depth: $0, lowest: 0) }
        // Depth 0 is what the shop charges anyway, so no rule of depth speaks about it.
        let (base, floor) = (base, baseFloorPrice)
        let count =
            1
            + configuration.depths.dropFirst().prefix {
                list * (1 - $0) >= lowest && base * (1 - $0) >= floor
            }.count
        allowed = configuration.depths.prefix(count).map {
            Self.step(list: list, depth: $0, lowest: lowest)
        }
    }

    /// The rules of depth that forbid the step at `index` of the grid.
    func rulesForbidding(_ index: Int, list: Double, depth: Double) -> [PricingRule] {
        guard index >= allowed.count else { return [] }
        var rules: [PricingRule] = []
        let price = list * (1 - depth)
        if price < maximumDepthPrice - tolerance { rules.append(.maximumDepth) }
        if price < marginFloorPrice - tolerance || base * (1 - depth) < baseFloorPrice {
            rules.append(.marginFloor)
        }
        return rules
    }

    /// The deepest allowed depth of the grid that is not beyond a wish, as the grid has it or as it is
    /// delivered: so a delivered discount comes to itself.
    func allowedIndex(notBeyond wish: Double, depths: [Double]) -> Int {
        allowed.indices.last { min(depths[$0], allowed[$0].discount) <= wish + 1e-9 } ?? 0
    }

    private static func step(list: Double, depth: Double, lowest: Double) -> Step {
        if depth == 0 { return Step(price: list, discount: 0) }
        let exact = list * (1 - depth)
        // Half a cent may come out of the multiplication a hair below itself.
        var cents = max(1, (exact * 100 + 0.5 + 1e-6).rounded(.down))
        if cents / 100 < lowest { cents += 1 }
        let price = cents / 100
        // Less than a millionth off is no discount; it also keeps the figure below from being 0.
        if price > list * (1 - 1e-6) { return Step(price: list, discount: 0) }
        if abs(price - exact) <= list * 1e-9 { return Step(price: price, discount: depth) }
        // Six decimals, cut rather than rounded: never above what was delivered.
        let millionths = ((1 - price / list) * 1e6).rounded(.down)
        return Step(price: price, discount: millionths / 1e6)
    }
}
