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
