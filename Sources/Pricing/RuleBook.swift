/// The rules of one configuration, in the order in which a recommendation names them.
struct RuleBook: Sendable {
    let rules: [any PriceRule]
    let endings: PriceEndings?

    /// Rules that are not set are not there.
    init(_ configuration: PricingConfiguration) {
        let settings = configuration.rules
        var rules: [any PriceRule] = []
        if configuration.killSwitch { rules.append(KillSwitch()) }
        rules.append(Objection())
        rules.append(DeletedItem())
        rules.append(OutOfStock())
        rules.append(UnknownCost())
        rules.append(MaximumDepth(configuration.maximumDepth))
        rules.append(MarginFloor(share: configuration.marginFloor))
        if !settings.categoryDepths.isEmpty { rules.append(CategoryDepth(settings.categoryDepths)) }
        if !settings.brandDepths.isEmpty { rules.append(BrandDepth(settings.brandDepths)) }
        if !settings.itemDepths.isEmpty { rules.append(ItemDepth(settings.itemDepths)) }
        if settings.marginAmount > 0 { rules.append(MarginAmount(settings.marginAmount)) }
        rules.append(MinimumPrice(brandShares: settings.brandMinimums))
        let exclusion = Exclusion(
            items: settings.excludedItems, categories: settings.excludedCategories,
            brands: settings.excludedBrands)
        if !exclusion.isEmpty { rules.append(exclusion) }
        if !settings.blackouts.isEmpty { rules.append(BlackoutDates(settings.blackouts)) }
        if settings.lowStock > 0 { rules.append(LowStock(units: settings.lowStock)) }
        if settings.prior.days > 0 { rules.append(PriorPriceRule(settings.prior.policy)) }
        for scope in DepthScope.allCases {
            if let most = settings.dayChanges[scope] {
                rules.append(DayChange(scope: scope, most: most))
            }
            if let ms = settings.changeIntervalsMs[scope] {
                rules.append(ChangeInterval(scope: scope, leastMs: ms))
            }
        }
        for scope in FrequencyCap.Scope.allCases {
            guard let cap = settings.caps[scope] else { continue }
            rules.append(FrequencyCap(scope: scope, offers: cap.offers, periodMs: cap.periodMs))
        }
        if settings.approval.isUsed { rules.append(ApprovalRule(settings.approval)) }
        if !configuration.budgets.isEmpty { rules.append(BudgetRule()) }
        self.rules = rules
        endings = settings.endings.isEmpty ? nil : PriceEndings(cents: settings.endings)
    }

    func ruling(on facts: RuleFacts) -> Ruling {
        Ruling(
            limits: rules.map {
                Ruling.Part(
                    $0.name, $0.isOfNewOffers, $0.limit(on: facts),
                    ofStanding: $0.limitOfStanding(on: facts))
            },
            endings: endings, reference: PriorPriceRule.reference(facts))
    }
}

/// What all rules together say of one decision.
struct Ruling: Sendable {
    struct Part: Sendable {
        let name: PricingRule
        let isOfNewOffers: Bool
        let limit: PriceLimit
        let ofStanding: PriceLimit

        init(
            _ name: PricingRule, _ isOfNewOffers: Bool, _ limit: PriceLimit,
            ofStanding: PriceLimit
        ) {
            self.name = name
            self.isOfNewOffers = isOfNewOffers
            self.limit = limit
            self.ofStanding = ofStanding
        }
    }

    /// Those that limit anything.
    private(set) var limits: [Part]
    let endings: PriceEndings?
    /// What discounts are computed on.
    let reference: PriceReference

    init(limits: [Part], endings: PriceEndings?, reference: PriceReference) {
        self.limits = limits.filter { $0.limit != .free }
        self.endings = endings
        self.reference = reference
    }

    /// The rules that leave the list price alone.
    var barring: [PricingRule] { limits.filter(\.limit.barsDiscounts).map(\.name) }

    /// The rules that limit new offers alone.
    var ofNewOffers: Set<PricingRule> { Set(limits.filter(\.isOfNewOffers).map(\.name)) }

    /// What they would say if a person had approved.
    var approved: Ruling {
        var approved = self
        approved.limits.removeAll { $0.name == .approval }
        return approved
    }

    /// What they say of an offer that stands.
    var ofStandingOffers: Ruling {
        Ruling(
            limits: limits.map {
                Part($0.name, $0.isOfNewOffers, $0.ofStanding, ofStanding: $0.ofStanding)
            }, endings: endings, reference: reference)
    }

    /// The highest of the floors; 0 where there is none.
    var floor: Double { limits.lazy.compactMap(\.limit.floor).max() ?? 0 }
}

extension Exclusion {
    var isEmpty: Bool { items.isEmpty && categories.isEmpty && brands.isEmpty }
}
