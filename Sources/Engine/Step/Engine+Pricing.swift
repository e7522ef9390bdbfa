import Events
import Pricing
import Records
import ResponseModel

extension Engine {
    /// Whether offers are made to a shopper on items of a category; if not, decisions are made in shadow.
    public func isLive(_ userID: String, category: String?) -> Bool {
        configuration.pricing.audience.contains(
            userHash: StableHash.of("live", userID, seed: configuration.seed), category: category)
    }

    /// The same, of what an event is about: where everybody is among them, nothing is looked up.
    mutating func isLive(_ offer: Event.Offer) throws -> Bool {
        guard !configuration.pricing.audience.isEverybody else { return true }
        return isLive(offer.userID, category: try stream.catalog.find(offer.itemID)?.category)
    }

    /// Counts what would be offered to a shopper whom no offers are made to. Nothing is remembered of it:
    /// what the shop itself offers is learned, as in a log.
    mutating func decideInShadow(_ event: Event, _ offer: Event.Offer, isView: Bool) throws {
        let known = try stream.catalog.find(offer.itemID)
        let facts = try ruleLedger.look(
            asking(offer, known: known, eventID: event.eventID, atMs: event.tsMs)
        ).circumstances
        let decision = try decide(
            Exposure(offer, tsMs: event.tsMs),
            of: (known, try stream.catalog.features(of: offer.itemID)), facts, isView: isView,
            held: nil, draws: draws(of: event.eventID)
        ).decision
        counters.noteShadow(decision)
    }

    /// The offer that a click or a view asks for: the one that stands, or a new one.
    ///
    /// - Parameter place: the record that asks.
    /// - Returns: the recommendation, and the decision to be joined where decisions are issued. One
    ///   that stands is the same decision, under the same id, whenever it is asked for.
    mutating func recommend(
        _ event: Event, _ offer: Event.Offer, isView: Bool, shopper: inout ShopperState,
        asked place: RecordPlace
    ) throws -> (Recommendation, IssuedDecision?) {
        let exposure = Exposure(offer, tsMs: event.tsMs)
        let known = try stream.catalog.find(offer.itemID)
        let standing = shopper.offer(of: offer.itemID, atMs: event.tsMs)
        var asking = asking(offer, known: known, eventID: event.eventID, atMs: event.tsMs)
        asking.heldID = standing?.decisionID
        asking.place = place
        let sight = try ruleLedger.look(asking)
        let quote = try decide(
            exposure, of: (known, try stream.catalog.features(of: offer.itemID)),
            sight.circumstances, isView: isView, held: standing, draws: draws(of: event.eventID))
        if quote.decision.depth > configuration.pricing.maximumDepth + 1e-9 {
            counters.ruleViolations += 1
        }
        let decision = quote.held?.decisionID ?? asking.decisionID
        let expiresMs =
            quote.held?.expiresMs ?? expiryMs(of: quote.decision, sight.circumstances)
        if quote.held == nil {
            ruleLedger.note(
                sight, discount: quote.decision.depth, price: quote.decision.price)
            if let outcome = try ruleLedger.note(quote.decision.withheld, sight) {
                counters.withheldDecisions += 1
                if outcome == .noRoom { counters.unlistedWishes += 1 }
            }
        }
        ruleLedger.reserve(
            sight, quote.decision, quantity: quote.demand[0].expectedQuantity,
            expiresMs: expiresMs)
        let recommendation = quote.recommendation(
            id: Recommendation.id(lineage: origin.lineage, decision: decision),
            userID: offer.userID,
            itemID: offer.itemID, snapshot: origin.snapshot,
            issuedMs: event.tsMs, expiresMs: expiresMs)
        guard configuration.issuesDecisions else { return (recommendation, nil) }
        let propensity = recommendation.propensity
        if quote.held == nil {
            shopper.hold(
                HeldOffer(
                    itemID: offer.itemID, decisionID: decision, listPrice: offer.price,
                    discount: quote.decision.depth, propensity: propensity,
                    explored: recommendation.explored, expiresMs: expiresMs),
                atMs: event.tsMs)
        }
        var issued = offer
        issued.discount = quote.decision.depth
        issued.propensity = propensity
        return (
            recommendation,
            IssuedDecision(
                offer: issued, recommendationID: decision, tsMs: event.tsMs,
                triggerEventID: event.eventID, isView: isView)
        )
    }

    /// Whether a shopper never gets a discount, as the shopper's lot has it.
    func isHoldout(_ userID: String) -> Bool {
        configuration.pricing.isHoldout(
            userHash: StableHash.of("holdout", userID, seed: configuration.seed))
    }

    /// What the rules are asked of a decision, where no offer stands.
    func asking(
        _ offer: Event.Offer, known: Item?, eventID: String, atMs ms: Int64
    ) -> RuleLedger.Asking {
        var asking = RuleLedger.Asking(
            offer.userID, offer.itemID, known: known,
            decisionID: Recommendation.decisionID(
                eventID: eventID, userID: offer.userID, itemID: offer.itemID),
            atMs: ms)
        asking.knownMs = stream.join.watermarkMs
        return asking
    }

    /// When an offer made now expires: no later than RFC 3339 can write, and with a discount no later than
    /// the rules allow one.
    func expiryMs(of decision: Decision, _ circumstances: OfferCircumstances) -> Int64 {
        let expiresMs = min(
            circumstances.atMs + configuration.pricing.offerLifetimeMs, EventLimits.tsMsMax)
        guard decision.depth > 0, let endMs = policy.offerEndMs(circumstances) else {
            return expiresMs
        }
        return min(expiresMs, endMs)
    }

    /// What would be offered for this exposure: the decision and what speaks for it.
    ///
    /// - Parameters:
    ///   - seen: what the catalogue knows of the item, and what the heads see of it.
    ///   - circumstances: what the rules are told beside.
    ///   - isView: whether it is shown to who has not clicked yet, so that it decides over that as well.
    ///   - held: an offer that stands, whose discount is kept as far as the rules allow.
    ///   - isHoldout: whether the shopper is held out; `nil`: as the shopper's lot has it.
    func decide(
        _ exposure: Exposure, of seen: (item: Item?, features: ItemFeatures),
        _ circumstances: OfferCircumstances, isView: Bool = false, held: HeldOffer?,
        draws: PricingDraws, isHoldout: Bool? = nil
    ) throws -> Quote {
        let (known, features) = seen
        let item = ItemOffer(
            price: exposure.price, cataloguePrice: known?.price, cost: known?.cost,
            stock: known?.stock, deleted: known?.deleted ?? false)
        // The heads say how it is without a discount, the effect model what a discount changes.
        let bare = exposure.at(discount: 0)
        let model = isView ? models.viewEffect : models.effect
        let answer = try model.answer(bare, item: features)
        let demand = try model.demand(
            bare, item: features,
            base: isView
                ? try models.viewResponse(bare, features).prediction
                : try models.predict(.purchase, bare, features),
            discounts: configuration.pricing.depths, answer: answer)
        let units = try models.quantity.expected(bare, item: features)
        let points = demand.map { prediction in
            DemandPoint(
                depth: prediction.discount, probability: prediction.probability,
                expectedQuantity: units,
                uncertainty: LogitUncertainty(
                    mean: prediction.logit, variance: prediction.variance,
                    covarianceWithBaseline: prediction.covarianceWithBaseline))
        }
        let holdout = isHoldout ?? self.isHoldout(exposure.user)
        var standing = StandingPrice()
        if configuration.followsMerchant {
            standing.habit = try models.loggingPolicy.discount(exposure, item: features)
        }
        if let held, held.listPrice == exposure.price {
            standing.offer = StandingPrice.Offer(
                discount: held.discount, propensity: held.propensity, explored: held.explored)
        }
        let decision = try policy.decide(
            item: item, demand: points, holdout: holdout, draws: draws,
            unknown: UnknownAnswer(answer), standing: standing, circumstances: circumstances)
        return Quote(
            decision: decision, demand: points,
            logitDeviations: demand.map { $0.variance.squareRoot() },
            reasons: try reasons(exposure, features, isView: isView),
            held: decision.isHeld ? held : nil)
    }

    /// The largest parts of what is predicted; of a view, those of the click and of the visit as far as they
    /// change the product.
    private func reasons(
        _ exposure: Exposure, _ item: ItemFeatures, isView: Bool
    ) throws -> [Recommendation.Reason] {
        func parts(_ label: Label) throws -> [Recommendation.Reason] {
            try (models.heads[label] ?? models.freshHead(label)).contributions(exposure, item: item)
                .map {
                    Recommendation.Reason(name: $0.name, logit: $0.logit)
                }
        }
        guard isView else { return Array(try parts(.purchase).prefix(5)) }
        let shares = try models.viewResponse(exposure, item).shares
        let both =
            try parts(.click).map {
                Recommendation.Reason(name: "click: \($0.name)", logit: shares.click * $0.logit)
            }
            + parts(.purchase).map {
                Recommendation.Reason(
                    name: "purchase: \($0.name)", logit: shares.purchase * $0.logit)
            }
        return Array(
            both.sorted { (-abs($0.logit), $0.name) < (-abs($1.logit), $1.name) }.prefix(5))
    }

    /// Two numbers that the event's id alone determines.
    private func draws(of eventID: String) -> PricingDraws {
        var random = SeededRandom(seed: StableHash.of("pricing", eventID, seed: configuration.seed))
        return PricingDraws(explore: random.unit(), depth: random.unit())
    }
}

extension UnknownAnswer {
    package init(_ answer: Answer) {
        self.init(
            share: answer.unknownShare, stepVariance: answer.stepVariance,
            slopeVariance: answer.sharedSlopeVariance, covariance: answer.covariance)
    }
}
