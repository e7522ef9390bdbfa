extension Configuration {
    static let pricingSettings: [Setting] = [
        .list(
            "pricing.depths", \.pricing.depths,
            expects: "a rising list of fractions in [0, 1) that starts with 0",
            parse: { value in
                guard case .scalar(let text) = value, let depth = Double(text), 0..<1 ~= depth
                else { return nil }
                return depth
            },
            write: plain,
            valid: {
                $0.first == 0 && zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } && $0.count <= 64
            },
            "Discounts that may be offered, as fractions of the list price."),
        .number(
            "pricing.maximum_depth", \.pricing.maximumDepth, 0...0.99, "No discount is deeper."),
        .number(
            "pricing.margin_floor", \.pricing.marginFloor, 0...1,
            "Margin that must remain after the discount, as a fraction of the list price."),
        .choice(
            "pricing.aim", \.pricing.aim,
            "margin: what earns most; merchant: what the shop itself would offer, as it was learned (needs learning.merchant)."
        ),
        .choice(
            "pricing.exploration", \.pricing.exploration,
            "How depths are tried that the model does not prefer: cost-bounded: by what they tell, within what it may cost; epsilon-greedy: evenly; none."
        ),
        .number(
            "pricing.explore_cost", \.pricing.exploreCost, 0...1,
            "Of cost-bounded: the share of margin that trying depths may cost; up to 101 times as much until the answer to discounts is known."
        ),
        .number(
            "pricing.explore_max", \.pricing.exploreMax, 0...0.9,
            "Of cost-bounded: the share of decisions that try another depth, at most."),
        .number(
            "pricing.epsilon", \.pricing.epsilon, 0...1,
            "Of epsilon-greedy: the share of decisions drawn uniformly from the grid; what the rules forbid becomes the deepest depth that they allow."
        ),
        .optionalNumber(
            "pricing.confidence", \.pricing.confidence, 0.5...0.999,
            "How sure it must be that a discount earns more than none, unless exploring; null: what is expected decides. Being sure first costs what is not learned meanwhile."
        ),
        .number(
            "pricing.holdout", \.pricing.holdout, 0...0.9,
            "Share of shoppers who never get a personal discount, for comparison."),
        .number(
            "pricing.live", \.pricing.live, 0...1,
            "Share of shoppers whom offers are made to; for the others decisions are made in shadow: counted in the report, never published, and what the shop itself offers them is learned. Raising it keeps all who were among them."
        ),
        .shares(
            "pricing.live_categories", \.pricing.liveCategories, 0...1,
            "The same for categories, each with what lies below it, as in {Wine: 0.01}; the longest name counts."
        ),
        .number(
            "pricing.offer_cost", \.pricing.offerCost, 0...1e9,
            "Money that each discounted offer costs, whether it is taken or not, as a mailing does; in the currency of the prices."
        ),
        .number(
            "pricing.redemption_cost", \.pricing.redemptionCost, 0...1e9,
            "Money that each purchase at a discounted price costs beside the discount, as the clearing of a coupon does."
        ),
        .duration(
            "pricing.offer_lifetime", \.pricing.offerLifetimeMs, 1_000...(90 * 86_400_000),
            "How long an offered discount stands."),
        .optionalNumber(
            "pricing.cost_fraction", \.pricing.costFraction, 0...1,
            "Cost to assume, as a fraction of the list price, where the catalogue has none; null: no discount there."
        ),
        .flag(
            "pricing.at_views", \.pricing.atViews,
            "Whether impressions ask for offers as clicks do: decided over all who see the item, whether they click or not."
        ),
        .flag("pricing.kill_switch", \.pricing.killSwitch, "true: list prices only, at once."),
    ]

    static let batchSettings: [Setting] = [
        .integer("batch.events", \.batch.events, 1...100_000, "Events in a batch, at most."),
        .duration(
            "batch.linger", \.batch.lingerMs, 0...60_000,
            "How long a batch waits to fill; 0: cut by count alone."),
    ]
}
