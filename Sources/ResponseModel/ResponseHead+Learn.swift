import Records

extension ResponseHead {
    /// Predicts an example, then learns its label.
    ///
    /// - Parameter weight: power of the likelihood; 0.5 learns half of what one event teaches.
    /// - Returns: the prediction made before learning. `accepted` tells whether a bound was met.
    /// - Throws: when a number is not finite or outside its range; then nothing was learned.
    /// - Complexity: O(A^2) an event and O(N^2) a block or a new item.
    @discardableResult
    public mutating func learn(
        _ exposure: Exposure, item: ItemFeatures, label: Bool, weight: Double = 1
    ) throws(ResponseError) -> Prediction {
        try learn(exposure, item: item, target: label ? 1 : 0, weight: weight)
    }

    /// The same for a label that is a number: a share in [0, 1], or, under `HeadConfiguration.squared`,
    /// anything finite.
    ///
    /// A share counts as a label that is so much true and so much false.
    /// Source: Papke and Wooldridge, "Econometric methods for fractional response variables", 1996.
    @discardableResult
    public mutating func learn(
        _ exposure: Exposure, item: ItemFeatures, target: Double, weight: Double = 1
    ) throws(ResponseError) -> Prediction {
        try learn(exposure, item: item, treatment: nil, offset: 0, target: target, weight: weight)
    }

    /// The same for a head of answers to discounts (`Treatment`), and beside a logit known already.
    ///
    /// - Parameters:
    ///   - treatment: `nil` for a head of responses.
    ///   - offset: what is known of the logit and not this head's to learn.
    @discardableResult
    mutating func learn(
        _ exposure: Exposure, item: ItemFeatures, treatment: Treatment?, offset: Double,
        target: Double, weight: Double
    ) throws(ResponseError) -> Prediction {
        try Self.check(exposure, item, dimension: dimension)
        guard configuration.squared == nil ? (0...1).contains(target) : target.isFinite else {
            throw .badValue(
                field: "label", value: target,
                must: configuration.squared == nil ? "in [0, 1]" : "finite")
        }
        guard offset.isFinite else {
            throw .badValue(field: "offset", value: offset, must: "finite")
        }
        guard weight > 0, weight <= Self.weightMax else {
            throw .badValue(
                field: "weight", value: weight, must: "above zero and at most \(Self.weightMax)")
        }
        work.profile.start()
        let owners = FeatureOwners(exposure, item)
        let known = posterior.slots.slot(owners.item)
        let isHeld = known >= 0 && posterior.slots.holds(known, item.vector)
        if !isHeld { try Self.checkVector(item) }

        scalarsAreDirty = true
        let hours = Self.hours(exposure.tsMs)
        openBlock(at: hours, after: .features)
        let touched = posterior.tail.touches
        let pages = OwnerPages(touching: owners, in: &posterior.tail)
        let logPrice = buildRow(exposure, item, owners, pages, treatment)
        work.profile.end(.features)
        let slot =
            isHeld ? known : placeItem(item, owners.item, known: known, pages.item, at: hours)
        posterior.slots.use(slot, event: eventCount)
        work.profile.end(.items)
        resolveCore(
            exposure, item, posterior.slots.slots[slot].entry, value: treatment?.depth ?? 1,
            since: touched)
        resolveTail(pages, since: touched)
        activateEntries(at: hours)
        work.profile.end(.lookups)
        if treatment?.isOwnOffer == true { last.treatedLogit = treatedPart() }
        let moves = moves(pages, at: hours)
        let learned = posterior.core.learn(
            positions: work.positions, values: work.values, tail: work.tail,
            cells: &posterior.tail.cells, tau: priors.tau,
            GaussianCore.Observation(
                offset: offset, label: target, weight: weight, noise: noiseVariance),
            limits: limits(moves))
        guard let learned else { throw .notFinite(head: name) }
        reading.noise?.add(target - learned.mean, of: learned.variance)
        charge(learned, pages, moves)
        movePrices(pages, logPrice, share: learned.weight / weight)
        if learned.weight > 0 { contextReader.numbers.note(exposure.context) }
        last.accepted = AcceptedWeight(weight: learned.weight, bound: learned.bound)
        work.profile.end(.update)
        finishEvent()
        let served = served(Prediction(logit: learned.mean, variance: learned.variance))
        reading.calibration?.learn(learned.mean, target: target, weight: learned.weight)
        return served
    }

    /// Pages of the owners of an event's tail effects.
    struct OwnerPages {
        let user: Int32
        let item: Int32
        let category: Int32
        let department: Int32
        let brand: Int32

        init(touching owners: FeatureOwners, in tail: inout Tail) {
            let since = tail.touches
            user = tail.touch(
                .user, owners.user, since: since, user: RowOwner(user: owners.userID))
            item = tail.touch(.item, owners.item, since: since)
            category = owners.category.map { tail.touch(.category, $0, since: since) } ?? -1
            department = tail.touch(.department, owners.department, since: since)
            brand = owners.brand.map { tail.touch(.brand, $0, since: since) } ?? -1
        }

        func page(_ owner: Tail.Owner) -> Int32 {
            switch owner {
            case .user: user
            case .item: item
            case .category: category
            case .department: department
            case .brand: brand
            case .context, .effect: -1
            }
        }
    }

    // MARK: Rows

    /// Makes the sparse row, against the usual prices so far; returns the price's log.
    private mutating func buildRow(
        _ exposure: Exposure, _ item: ItemFeatures, _ owners: FeatureOwners, _ pages: OwnerPages,
        _ treatment: Treatment?
    ) -> Double {
        let logPrice = Self.logPrice(exposure)
        if let treatment {
            work.row.build(
                exposure, item, treatment: treatment, owners: owners, reader: contextReader)
            return logPrice
        }
        func usual(_ page: Int32) -> Double {
            page < 0 ? logPrice : posterior.tail.memories[Int(page)].logPrice ?? logPrice
        }
        let usual = (item: usual(pages.item), department: usual(pages.department))
        work.row.build(
            exposure, owners: owners, logPrice: logPrice, usual: usual, reader: contextReader)
        return logPrice
    }

    /// Moves the usual prices, by as much as was learned of the event: what bounds keep from the effects
    /// must not come in by the prices.
    private mutating func movePrices(_ pages: OwnerPages, _ logPrice: Double, share: Double) {
        guard share > 0 else { return }
        movePrice(pages.item, logPrice, by: 0.02 * share)
        movePrice(pages.department, logPrice, by: 0.002 * share)
    }

    static func logPrice(_ exposure: Exposure) -> Double { stableLog(max(exposure.price, 0.01)) }

    /// Moves an owner's running mean of the log price.
    private mutating func movePrice(_ page: Int32, _ logPrice: Double, by rate: Double) {
        guard page >= 0 else { return }
        let usual = posterior.tail.memories[Int(page)].logPrice ?? logPrice
        posterior.tail.memories[Int(page)].logPrice = usual + rate * (logPrice - usual)
    }

    private mutating func resolveCore(
        _ exposure: Exposure, _ item: ItemFeatures, _ slot: Int32, value: Double, since: UInt64
    ) {
        work.entries.removeAll(keepingCapacity: true)
        work.values.removeAll(keepingCapacity: true)
        work.tail.removeAll()
        add(Int32(GaussianCore.intercept), 1)
        add(Int32(GaussianCore.drift), 1)
        add(slot, value)
        for index in work.row.dense.indices {
            let effect = work.row.dense[index]
            var entry = posterior.dense.entry(effect.key)
            if entry < 0, !posterior.dense.isFull {
                let variance = configuration.scale * effect.group.priorVariance
                entry = Int32(posterior.core.append(mean: 0, variance: variance))
                let name = work.row.name(effect, exposure, item)
                posterior.dense.add(
                    .init(key: effect.key, group: effect.group, entry: entry, name: name))
            }
            if entry >= 0 {
                add(entry, effect.value)
            } else {
                let owner = posterior.tail.touch(.effect, effect.key, since: since)
                let cell = posterior.tail.cell(
                    effect.key, owner: owner, group: .overflow, since: since)
                work.tail.append(cell: cell, group: .overflow, value: effect.value)
            }
        }
    }

    private mutating func add(_ entry: Int32, _ value: Double) {
        work.entries.append(entry)
        work.values.append(value)
    }

    private mutating func resolveTail(_ pages: OwnerPages, since: UInt64) {
        for index in work.row.tail.indices {
            let effect = work.row.tail[index]
            let owner =
                effect.owner == .context
                ? posterior.tail.touch(.context, effect.ownerHash, since: since)
                : pages.page(effect.owner)
            let cell = posterior.tail.cell(
                effect.key, owner: owner, group: effect.group, since: since)
            work.tail.append(cell: cell, group: effect.group, value: effect.value)
        }
    }

    private mutating func activateEntries(at hours: Double) {
        if posterior.core.block.active.count + posterior.core.inactiveCount(work.entries)
            > GaussianCore.activeMax
        {
            endBlock(after: .lookups)
            openBlock(at: hours, after: .lookups)
        }
        work.positions.removeAll(keepingCapacity: true)
        for entry in work.entries { work.positions.append(posterior.core.activate(entry)) }
    }

    // MARK: Blocks

    /// Ends a block that has lasted long, and moves the drift at the start of one.
    private mutating func openBlock(at hours: Double, after part: StepProfile.Part) {
        if !posterior.core.block.active.isEmpty,
            hours - (present.driftHours ?? hours) >= configuration.blockHours
        {
            endBlock(after: part)
        }
        guard posterior.core.block.active.isEmpty else { return }
        work.profile.end(part)
        let (factor, variance) = driftStep(to: hours)
        if factor < 1 { posterior.core.decayDrift(factor: factor, variance: variance) }
        present.driftHours = nextDriftHours(hours)
        work.profile.end(.blocks)
    }

    /// The drift's clock at a block's start. It does not go back for late events; but if it has run
    /// ahead of the stream by more than the drift's memory, an event's time was wrong.
    private func nextDriftHours(_ hours: Double) -> Double {
        guard let driftHours = present.driftHours, driftHours - hours < configuration.driftHours
        else { return hours }
        return max(driftHours, hours)
    }

    /// How the drift's deviation shrinks until `hours`, and what variance comes in.
    func driftStep(to hours: Double) -> (factor: Double, variance: Double) {
        guard let driftHours = present.driftHours, hours > driftHours else { return (1, 0) }
        let factor = stableExp((driftHours - hours) / configuration.driftHours)
        return (factor, (1 - factor * factor) * configuration.driftVariance)
    }

    private mutating func endBlock(after part: StepProfile.Part) {
        work.profile.end(part)
        posterior.core.endBlock()
        present.events = 0
        work.profile.end(.blocks)
    }

    private mutating func finishEvent() {
        eventCount += 1
        present.events += 1
        if present.events >= configuration.blockEventCount { endBlock(after: .update) }
        if learnsTextScale, eventCount >= priors.text.nextEvent {
            endBlock(after: .update)
            estimateTextVariance()
            work.profile.end(.priors)
        }
        guard eventCount >= priors.nextEvent else { return }
        estimatePriors()
        work.profile.end(.priors)
    }

    // MARK: Items

    /// Gives the item an entry of the core, with what is known of it before its first event.
    private mutating func placeItem(
        _ item: ItemFeatures, _ hash: UInt64, known: Int, _ page: Int32, at hours: Double
    ) -> Int {
        let slot = posterior.slots.place(known: known)
        let leaving = slot < posterior.slots.slots.count ? slot : -1
        if isActive(slot: slot) {
            endBlock(after: .items)
            openBlock(at: hours, after: .items)
        }
        // An item whose text has changed leaves its slot and takes it again.
        if known >= 0 { leave(slot, posterior.core.product(leavingWeights(slot))) }
        let own = page >= 0 ? posterior.tail.memories[Int(page)].own : nil
        if own == nil || known >= 0, item.vector.contains(where: { $0 != 0 }) {
            priors.text.count += 1
        }
        var prior = ItemPrior(
            item.vector, hours: hours, own: own, leaving: leaving, slots: posterior.slots,
            core: posterior.core)
        if leaving >= 0, known < 0 {
            let (born, left) = posterior.core.products(prior.weights, leavingWeights(slot))
            leave(slot, left)
            prior.complete(born, posterior.core)
        } else {
            prior.complete(posterior.core.product(prior.weights), posterior.core)
        }
        var entry = leaving >= 0 ? Int(posterior.slots.slots[slot].entry) : -1
        let variance = prior.row[posterior.core.count]
        if entry < 0 {
            entry = posterior.core.append(mean: prior.startMean, variance: variance, row: prior.row)
        } else {
            posterior.core.replace(entry, mean: prior.startMean, variance: variance, row: prior.row)
        }
        posterior.slots.assign(
            slot,
            .init(item: hash, entry: Int32(entry), bornHours: hours, used: eventCount),
            vector: item.vector, kernelRow: prior.kernelRow)
        return slot
    }

    /// Weights of minus the own part of a slot's item: its text's part less its total effect.
    private func leavingWeights(_ slot: Int) -> [Double] {
        var weights = [Double](repeating: 0, count: posterior.core.count)
        for (d, value) in posterior.slots.vector(slot).enumerated() {
            weights[GaussianCore.firstText + d] = Double(value)
        }
        weights[Int(posterior.slots.slots[slot].entry)] = -1
        return weights
    }

    /// The own part of a slot's item, from the product of S with `leavingWeights`.
    private func ownPart(_ slot: Int, _ product: [Double]) -> Tail.Memory.Own {
        let weights = leavingWeights(slot)
        var mean = posterior.core.pendingMean { product[$0] }
        var variance = -posterior.core.pendingVariance { product[$0] }
        for entry in weights.indices {
            mean += weights[entry] * posterior.core.mean[entry]
            variance += weights[entry] * product[entry]
        }
        return .init(mean: -mean, variance: max(variance, 1e-9))
    }

    /// The own part of a slot's item now.
    func ownPart(_ slot: Int) -> Tail.Memory.Own {
        ownPart(slot, posterior.core.product(leavingWeights(slot)))
    }

    /// Keeps the own part of a slot's item for the day it comes back.
    private mutating func leave(_ slot: Int, _ product: [Double]) {
        let page = posterior.tail.owner(posterior.slots.slots[slot].item)
        guard page >= 0 else { return }
        posterior.tail.memories[Int(page)].own = ownPart(slot, product)
        posterior.tail.mark(page)
    }
}
