import CPosterior

extension ResponseHead {
    /// Predicts an exposure; the state stays as it is.
    ///
    /// An item never seen is predicted from its text and from the items born about now; whatever else
    /// was never seen is at its prior, which adds to the variance.
    ///
    /// - Throws: when a number is not finite or outside its range.
    public func predict(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> Prediction {
        try demand(exposure, item: item, depths: [exposure.discount])[0]
    }

    /// Predicts the same exposure at each of several discounts.
    ///
    /// - Complexity: O(A^2) a discount; O(N^2) once for an item that has no slot.
    public func demand(
        _ exposure: Exposure, item: ItemFeatures, depths: [Double]
    ) throws(ResponseError) -> [Prediction] {
        for depth in depths {
            try Self.check(exposure.at(discount: depth), item, dimension: dimension)
        }
        let situation = try Situation(exposure, item, self)
        var row = FeatureRow()
        // A loop, here and below: a closure would hold the head, which is to copy it.
        var queries: [Query] = []
        queries.reserveCapacity(depths.count)
        for depth in depths {
            situation.build(&row, exposure.at(discount: depth), self)
            queries.append(Query(row, situation, self))
        }
        return evaluate(queries, prior: situation.prior).map(served)
    }

    /// A prediction as labels have shown that it is to be read.
    func served(_ prediction: Prediction) -> Prediction {
        reading.calibration?.served(prediction) ?? prediction
    }

    /// Whether a slot, if it is in use, is part of the present block.
    func isActive(slot: Int) -> Bool {
        slot < posterior.slots.slots.count
            && posterior.core.position[Int(posterior.slots.slots[slot].entry)] >= 0
    }

    /// What all discounts of one exposure share.
    struct Situation {
        let owners: FeatureOwners
        let logPrice: Double
        let usual: (item: Double, department: Double)
        /// The item's entry of the core, or -1 with a prior.
        let entry: Int32
        let prior: ItemPrior?
        /// How far the drift moves if a block ends before the event is learned.
        let drift: (factor: Double, variance: Double)
        /// Whether it does, as far as the item and the time decide that.
        let endsBlock: Bool

        // An initializer owns what it is given unless it borrows: the head would be copied.
        init(
            _ exposure: Exposure, _ item: ItemFeatures, _ head: borrowing ResponseHead
        ) throws(ResponseError) {
            owners = FeatureOwners(exposure, item)
            logPrice = ResponseHead.logPrice(exposure)
            let page = head.posterior.tail.owner(owners.item)
            let department = head.posterior.tail.owner(owners.department)
            let memories = head.posterior.tail.memories
            let price = logPrice
            usual = (
                item: page < 0 ? price : memories[Int(page)].logPrice ?? price,
                department: department < 0 ? price : memories[Int(department)].logPrice ?? price
            )
            let hours = ResponseHead.hours(exposure.tsMs)
            let slot = head.posterior.slots.slot(owners.item)
            if slot >= 0, head.posterior.slots.holds(slot, item.vector) {
                entry = head.posterior.slots.slots[slot].entry
                prior = nil
            } else {
                try ResponseHead.checkVector(item)
                // As if it took its slot now: without what the item that must leave would tell it.
                let leaving = head.posterior.slots.place(known: slot)
                let own = page < 0 ? nil : memories[Int(page)].own
                var unseen = ItemPrior(
                    item.vector, hours: hours, own: slot < 0 ? own : head.ownPart(slot),
                    leaving: leaving, slots: head.posterior.slots, core: head.posterior.core)
                unseen.complete(head.posterior.core.product(unseen.weights), head.posterior.core)
                entry = -1
                prior = unseen
            }
            drift = head.driftStep(to: hours)
            endsBlock =
                head.posterior.core.block.active.isEmpty
                || hours - (head.present.driftHours ?? hours) >= head.configuration.blockHours
                || prior != nil && head.isActive(slot: head.posterior.slots.place(known: slot))
        }

        /// The drift's step, if an event with these entries starts a block when it is learned.
        func driftStep(_ entries: [Int32], _ newCount: Int, _ head: ResponseHead) -> (
            factor: Double, variance: Double
        ) {
            let missing = entries.count(where: {
                $0 < 0 || head.posterior.core.position[Int($0)] < 0
            })
            let isFull =
                head.posterior.core.block.active.count + missing + newCount > GaussianCore.activeMax
            return endsBlock || isFull ? drift : (1, 0)
        }

        func build(_ row: inout FeatureRow, _ exposure: Exposure, _ head: ResponseHead) {
            row.build(
                exposure, owners: owners, logPrice: logPrice, usual: usual,
                reader: head.contextReader)
        }
    }

    /// A row resolved against the state: entries of the core, and sums over the rest.
    struct Query {
        var entries: [Int32] = []
        var values: [Double] = []
        var tailMeans: [Double] = []
        /// Variance of the tail, of effects never seen, of the drift to come.
        var variance = 0.0

        init(
            entries: [Int32] = [], values: [Double] = [], tailMeans: [Double] = [],
            variance: Double = 0
        ) {
            self.entries = entries
            self.values = values
            self.tailMeans = tailMeans
            self.variance = variance
        }

        init(_ row: FeatureRow, _ situation: Situation, _ head: borrowing ResponseHead) {
            entries = [Int32(GaussianCore.intercept), Int32(GaussianCore.drift), situation.entry]
            values = [1, 1, 1]
            var newCount = 0
            for effect in row.dense where add(effect, head) { newCount += 1 }
            for effect in row.tail {
                add(head, head.posterior.tail.cell(effect.key), effect.group, effect.value)
            }
            let drift = situation.driftStep(entries, newCount, head)
            values[1] = drift.factor
            variance += drift.variance
        }

        /// Adds an effect of the core; returns whether it was never seen.
        @discardableResult
        mutating func add(_ effect: FeatureRow.Dense, _ head: ResponseHead) -> Bool {
            let entry = head.posterior.dense.entry(effect.key)
            if entry >= 0 {
                entries.append(entry)
                values.append(effect.value)
            } else if head.posterior.dense.isFull {
                add(head, head.posterior.tail.cell(effect.key), .overflow, effect.value)
            } else {
                let prior = head.configuration.scale * effect.group.priorVariance
                variance += effect.value * effect.value * prior
                return true
            }
            return false
        }

        mutating func add(
            _ head: ResponseHead, _ cell: Int32, _ group: TailGroup, _ value: Double
        ) {
            let (mean, spread) = head.tailEffect(cell, group)
            tailMeans.append(value * mean)
            variance += value * value * spread
        }
    }

    /// Mean and variance of a tail effect; -1 is one that was never seen.
    func tailEffect(_ cell: Int32, _ group: TailGroup) -> (mean: Double, variance: Double) {
        let precision = priors.tau[Int(group.rawValue)]
        guard cell >= 0 else { return (0, 1 / precision) }
        let variance = 1 / (precision + posterior.tail.cells.precision[Int(cell)])
        return (posterior.tail.cells.eta[Int(cell)] * variance, variance)
    }

    /// The queries share most entries, so covariances are gathered once for all of them.
    func evaluate(_ queries: [Query], prior: ItemPrior?) -> [Prediction] {
        let support = Support(of: queries, prior, self)
        var work = [Double](repeating: 0, count: 2 * GaussianCore.activeMax)
        var predictions: [Prediction] = []
        predictions.reserveCapacity(queries.count)
        for query in queries {
            let variance = unsafe posterior_variance(
                Int32(posterior.core.block.active.count), posterior.core.block.information,
                Int32(support.entries.count),
                support.square, support.cross, support.weights(query), &work)
            predictions.append(
                Prediction(
                    logit: support.mean(query), variance: max(variance + query.variance, 1e-9)))
        }
        return predictions
    }

    /// Two queries, and the covariance of what the core says of them.
    func evaluate(
        _ first: Query, _ second: Query, prior: ItemPrior?
    ) -> (first: Prediction, second: Prediction, covariance: Double) {
        let support = Support(of: [first, second], prior, self)
        var work = [Double](repeating: 0, count: 4 * GaussianCore.activeMax)
        var found = [0.0, 0, 0]
        unsafe posterior_covariance(
            Int32(posterior.core.block.active.count), posterior.core.block.information,
            Int32(support.entries.count),
            support.square, support.cross, support.weights(first), support.weights(second),
            &work, &found)
        return (
            Prediction(
                logit: support.mean(first), variance: max(found[0] + first.variance, 1e-9)),
            Prediction(
                logit: support.mean(second), variance: max(found[1] + second.variance, 1e-9)),
            found[2]
        )
    }

    /// The entries of the core that some queries touch, their means and covariances.
    private struct Support {
        private(set) var entries: [Int32] = []
        /// Covariance at the block's start between them, and with the active entries.
        private(set) var square: [Double]
        private(set) var cross: [Double]
        private var means: [Double]
        /// Where each entry of the core is among them; an item without an entry comes first.
        private var place: [Int32]

        init(of queries: [Query], _ prior: ItemPrior?, _ head: borrowing ResponseHead) {
            place = [Int32](repeating: -1, count: head.posterior.core.count + 1)
            for query in queries {
                for entry in query.entries where place[Int(entry + 1)] < 0 {
                    place[Int(entry + 1)] = Int32(entries.count)
                    entries.append(entry)
                }
            }
            square = [Double](repeating: 0, count: entries.count * entries.count)
            cross = [Double](repeating: 0, count: entries.count * GaussianCore.activeMax)
            unsafe posterior_support(
                Int32(head.posterior.core.count), head.posterior.core.covariance,
                Int32(head.posterior.core.block.active.count),
                head.posterior.core.block.active, Int32(entries.count), entries, prior?.row ?? [0],
                &square,
                &cross)
            means = []
            means.reserveCapacity(entries.count)
            for entry in entries { means.append(head.presentMean(entry, prior)) }
        }

        /// A query's weight of each entry.
        func weights(_ query: Query) -> [Double] {
            var x = [Double](repeating: 0, count: entries.count)
            for (entry, value) in zip(query.entries, query.values) {
                x[Int(place[Int(entry + 1)])] += value
            }
            return x
        }

        func mean(_ query: Query) -> Double {
            var mean = 0.0
            for (entry, value) in zip(query.entries, query.values) {
                mean += value * means[Int(place[Int(entry + 1)])]
            }
            for part in query.tailMeans { mean += part }
            return mean
        }
    }

    /// The mean alone, of entries that are there.
    func mean(_ query: Query) -> Double {
        var sum = 0.0
        for (entry, value) in zip(query.entries, query.values) {
            sum += value * posterior.core.presentMean(Int(entry))
        }
        for part in query.tailMeans { sum += part }
        return sum
    }

    /// The present mean of an entry, or of an item without one.
    func presentMean(_ entry: Int32, _ prior: ItemPrior?) -> Double {
        guard entry < 0 else { return posterior.core.presentMean(Int(entry)) }
        guard let prior else { return 0 }
        return prior.startMean + posterior.core.pendingMean { prior.row[$0] }
    }
}
