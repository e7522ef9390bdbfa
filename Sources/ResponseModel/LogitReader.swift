extension ResponseHead {
    /// The mean of a prediction, without its variance, which costs most of it.
    ///
    /// - Throws: when a number is not finite or outside its range.
    public func logit(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> Double {
        var row = FeatureRow()
        return try logit(exposure, item: item, &row) { posterior.core.presentMean($0) }
    }

    /// - Parameter mean: of an entry of the core, now.
    fileprivate func logit(
        _ exposure: Exposure, item: ItemFeatures, _ row: inout FeatureRow, mean: (Int) -> Double
    ) throws(ResponseError) -> Double {
        try Self.check(exposure, item, dimension: dimension)
        let owners = FeatureOwners(exposure, item)
        let price = Self.logPrice(exposure)
        let page = posterior.tail.owner(owners.item)
        let department = posterior.tail.owner(owners.department)
        func usual(_ page: Int32) -> Double {
            page < 0 ? price : posterior.tail.memories[Int(page)].logPrice ?? price
        }
        row.build(
            exposure, owners: owners, logPrice: price,
            usual: (item: usual(page), department: usual(department)), reader: contextReader)
        var logit = mean(GaussianCore.intercept) + mean(GaussianCore.drift)
        logit += try itemMean(owners.item, item, page, Self.hours(exposure.tsMs), mean)
        for effect in row.dense {
            let entry = posterior.dense.entry(effect.key)
            if entry >= 0 {
                logit += effect.value * mean(Int(entry))
            } else if posterior.dense.isFull {
                logit += effect.value * tailEffect(posterior.tail.cell(effect.key), .overflow).mean
            }
        }
        for effect in row.tail {
            logit += effect.value * tailEffect(posterior.tail.cell(effect.key), effect.group).mean
        }
        return reading.calibration?.served(logit) ?? logit
    }

    private func itemMean(
        _ owner: UInt64, _ item: ItemFeatures, _ page: Int32, _ hours: Double,
        _ mean: (Int) -> Double
    ) throws(ResponseError) -> Double {
        let slot = posterior.slots.slot(owner)
        if slot >= 0, posterior.slots.holds(slot, item.vector) {
            return mean(Int(posterior.slots.slots[slot].entry))
        }
        try Self.checkVector(item)
        let own = page < 0 ? nil : posterior.tail.memories[Int(page)].own
        let prior = ItemPrior(
            item.vector, hours: hours, own: slot < 0 ? own : ownPart(slot),
            leaving: posterior.slots.place(known: slot), slots: posterior.slots,
            core: posterior.core)
        var sum = prior.mean
        for (entry, weight) in prior.weights.enumerated() where weight != 0 {
            sum += weight * mean(entry)
        }
        return sum
    }
}

/// Logits of many exposures under one state of a head.
///
/// The present level counts for all exposures, those of later than now included.
public struct LogitReader {
    private let head: ResponseHead
    /// Present means of the core's entries.
    private let means: [Double]
    private var row = FeatureRow()

    /// - Complexity: O(N · A).
    public init(_ head: ResponseHead) {
        self.head = head
        means = (0..<head.posterior.core.count).map { head.posterior.core.presentMean($0) }
    }

    /// - Throws: when a number is not finite or outside its range.
    public mutating func logit(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> Double {
        try head.logit(exposure, item: item, &row) { means[$0] }
    }
}
