import CPosterior

/// Blocks of deferred covariance updates, and the checks at their ends.
extension GaussianCore {
    /// How many of `entries` are not active yet.
    func inactiveCount(_ entries: [Int32]) -> Int {
        var missing = 0
        for entry in entries where position[Int(entry)] < 0 { missing += 1 }
        return missing
    }

    /// Makes an entry part of the block and returns its place. Complexity: O(A).
    @discardableResult
    mutating func activate(_ entry: Int32) -> Int32 {
        let index = Int(entry)
        if position[index] >= 0 { return position[index] }
        let place = block.active.count
        changed.block = true
        precondition(place < Self.activeMax, "a block has more active entries than it may have")
        block.mean[place] = presentMean(index)
        block.shift[place] = 0
        block.active.append(entry)
        position[index] = Int32(place)
        copyPrior(place)
        return Int32(place)
    }

    mutating func copyPrior(_ place: Int) {
        let index = Int(block.active[place])
        for other in 0...place {
            let value = startCovariance(index, Int(block.active[other]))
            block.prior[place * Self.activeMax + other] = value
            block.prior[other * Self.activeMax + place] = value
        }
    }

    /// Takes what the block has learned into S and m, and starts an empty one.
    package mutating func endBlock() {
        guard !block.active.isEmpty else { return }
        blocks += 1
        let stride = (count + 15) & ~15
        let size = block.active.count * stride
        var rows = [Double](repeating: 0, count: size)
        var work = [Double](repeating: 0, count: size)
        unsafe posterior_gather(
            Int32(count), covariance, Int32(block.active.count), block.active, &rows, Int32(stride))
        let bad = unsafe posterior_downdate(
            Int32(count), &covariance, &mean, Int32(block.active.count), rows, Int32(stride),
            block.information, block.shift, &work)
        clearBlock()
        changed.block = true
        markRows(from: 0)
        if bad > 0 || blocks % Self.fullCheckBlocks == 0 { repairIfNeeded() }
    }

    private mutating func clearBlock() {
        for entry in block.active { position[Int(entry)] = -1 }
        for place in block.active.indices {
            for other in block.active.indices {
                block.prior[place * Self.activeMax + other] = 0
                block.information[place * Self.activeMax + other] = 0
            }
            block.shift[place] = 0
            block.mean[place] = 0
        }
        block.active.removeAll(keepingCapacity: true)
    }

    /// Moves the drift forward: its deviation shrinks by `factor`, `variance` is added.
    ///
    /// Only between blocks.
    mutating func decayDrift(factor: Double, variance: Double) {
        fade(Self.drift, factor: factor, variance: variance)
    }

    /// Lets one entry's deviation shrink by `factor`, and adds `variance` to it.
    ///
    /// Only between blocks. Complexity: O(N).
    mutating func fade(_ entry: Int, factor: Double, variance: Double) {
        precondition(block.active.isEmpty, "an entry was moved inside a block")
        let start = Self.rowStart(entry)
        for other in 0..<entry { covariance[start + other] *= factor }
        let diagonal = start + entry
        covariance[diagonal] = covariance[diagonal] * factor * factor + variance
        for other in entry + 1..<count { covariance[Self.rowStart(other) + entry] *= factor }
        mean[entry] *= factor
        markRows(from: entry)
    }

    // MARK: Safety

    /// Every so many blocks the whole covariance is checked, not just its diagonal.
    static let fullCheckBlocks: UInt64 = 64

    /// Rounding could in time leave the covariance indefinite; then correlations are shrunk a
    /// little at a time until a Cholesky factor exists. A diagonal matrix always has one.
    private mutating func repairIfNeeded() {
        var work = [Double](repeating: 0, count: covariance.count)
        if unsafe posterior_is_definite(Int32(count), covariance, &work) != 0 { return }
        repairs += 1
        for entry in 0..<count {
            let diagonal = Self.rowStart(entry) + entry
            if !(covariance[diagonal] > 1e-12 && covariance[diagonal] < 1e300) {
                covariance[diagonal] = 1e-12
            }
        }
        for keep in [1 - 1e-9, 1 - 1e-6, 1 - 1e-3, 0.9, 0] {
            for row in 1..<count {
                let start = Self.rowStart(row)
                for column in 0..<row {
                    let value = covariance[start + column] * keep
                    covariance[start + column] = value.isFinite ? value : 0
                }
            }
            if unsafe posterior_is_definite(Int32(count), covariance, &work) != 0 { return }
        }
    }
}
