extension [DemandPoint] {
    /// What is expected at a depth between those of the grid: on the line from one to the next; beyond the
    /// deepest, what is expected there.
    ///
    /// Prices that end in stated ways, and prices reduced from a prior price, are not on the grid.
    func point(at depth: Double) -> DemandPoint {
        guard let next = firstIndex(where: { $0.depth >= depth }), next > 0 else {
            return self[depth > 0 ? count - 1 : 0]
        }
        let (a, b) = (self[next - 1], self[next])
        let share = (depth - a.depth) / (b.depth - a.depth)
        func between(_ x: Double, _ y: Double) -> Double { x + share * (y - x) }
        var uncertainty: LogitUncertainty?
        if let u = a.uncertainty, let v = b.uncertainty {
            uncertainty = LogitUncertainty(
                mean: between(u.mean, v.mean), variance: between(u.variance, v.variance),
                covarianceWithBaseline: between(
                    u.covarianceWithBaseline, v.covarianceWithBaseline))
        }
        return DemandPoint(
            depth: depth, probability: between(a.probability, b.probability),
            expectedQuantity: between(a.expectedQuantity, b.expectedQuantity),
            uncertainty: uncertainty)
    }
}

extension Ruling {
    /// What a recommendation names as the prior price: that of its own reduction, or what one would be
    /// measured against.
    func announcedPrior(_ step: PriceLadder.Step, _ prior: PriorPrice) -> Double? {
        guard case .price(let price, _) = prior else { return nil }
        return step.prior ?? price
    }
}

extension OfferCircumstances {
    func validate() throws(PricingError) {
        func require(_ amount: Double, _ field: String) throws(PricingError) {
            guard amount >= 0, amount <= ItemOffer.amountMax else {
                throw .badItem(field: field, value: amount, expected: "from 0 to 1e12")
            }
        }
        if let minimumPrice { try require(minimumPrice, "minimum price") }
        if case .price(let price, let running) = prior {
            for amount in [price, running?.highest ?? price, running?.lowest ?? price] {
                guard amount > 0 else {
                    throw .badItem(field: "prior price", value: amount, expected: "above 0")
                }
                try require(amount, "prior price")
            }
        }
        guard abs(atMs / 2) < 1 << 60 else {
            throw .badItem(field: "time", value: Double(atMs), expected: "a time")
        }
    }
}
