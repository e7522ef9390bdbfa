import CPosterior

/// An item without a slot, as a quantity of the core: f = g.theta + noise.
struct ItemPrior: Sendable {
    /// Weights over the core's entries. Shape (N).
    let weights: [Double]
    /// Mean and variance of the noise.
    let mean: Double
    let variance: Double
    /// k with the slots, where it was needed.
    var kernelRow: [Double]?
    /// Covariance with the core's entries at the block's start, and at the end its own variance.
    /// Shape (N + 1).
    var row: [Double] = []
    /// Mean at the block's start.
    var startMean = 0.0

    /// - Parameters:
    ///   - own: the item's own part when it last had a slot.
    ///   - leaving: a slot that this item is to take, which tells it nothing.
    init(
        _ vector: [Float], hours: Double, own: Tail.Memory.Own?, leaving: Int, slots: ItemSlots,
        core: GaussianCore
    ) {
        var g = [Double](repeating: 0, count: core.count)
        for (d, value) in vector.enumerated() { g[GaussianCore.firstText + d] = Double(value) }
        if let own {
            mean = own.mean
            variance = own.variance
        } else {
            let told = slots.conditional(vector, at: hours, leaving: leaving)
            for (slot, weight) in told.weights {
                g[Int(slots.slots[slot].entry)] = weight
                unsafe slots.vectors.withUnsafeBufferPointer { vectors in
                    unsafe g.withUnsafeMutableBufferPointer { target in
                        guard slots.dimension > 0, let from = vectors.baseAddress,
                            let to = target.baseAddress
                        else { return }
                        unsafe posterior_subtract(
                            Int32(slots.dimension), weight, from + slot * slots.dimension,
                            to + GaussianCore.firstText)
                    }
                }
            }
            mean = 0
            variance = told.variance
            kernelRow = told.kernelRow
        }
        weights = g
    }

    /// Fills `row` and `startMean` from S g.
    mutating func complete(_ product: [Double], _ core: GaussianCore) {
        var own = variance
        var center = mean
        for entry in product.indices {
            own += weights[entry] * product[entry]
            center += weights[entry] * core.mean[entry]
        }
        row = product
        row.append(own)
        startMean = center
    }
}
