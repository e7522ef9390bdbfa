import CPosterior

/// The core of the posterior: a Gaussian with full covariance over N entries that grow as effects
/// and items appear.
///
/// Covariance updates of up to a block of events are deferred, exactly. With `A` the entries that
/// the block has touched, the posterior is
///
///     covariance  S - S[:,A] K S[A,:]        mean  m + S[:,A] shift
///
/// where S and m are those of the block's start. An event costs work in A x A; the N x N triangle is
/// touched once a block, by a downdate of rank |A|. A new entry that is a linear function of others
/// plus independent noise fits into S and m at any time, since the formula carries over to linear
/// functions.
///
/// Shape: S is the lower triangle packed by rows; A x A matrices have the row stride
/// `GaussianCore.activeMax` and zeros outside.
package struct GaussianCore: Sendable {
    package static let activeMax = Int(POSTERIOR_ACTIVE_MAX)
    static let intercept = 0
    static let drift = 1
    static let firstText = 2
    /// The place of an item's entry among those of an event, behind intercept and drift.
    static let itemPlace = 2

    var count = 0
    // Storage is written by this type's own files only.
    package var covariance: [Double] = []
    var mean: [Double] = []

    /// Where each entry is among the active ones.
    var position: [Int32] = []
    var block = Block()
    private var scratch: [Double] = []
    private var outcome = [Double](repeating: 0, count: Int(POSTERIOR_OUTCOME_COUNT))

    var changed = Changed()
    /// How often the covariance had to be repaired, and blocks ended so far.
    var repairs: UInt64 = 0
    var blocks: UInt64 = 0

    /// What the present block has touched and learned.
    struct Block: Sendable {
        /// The active entries in the order they were touched.
        var active: [Int32] = []
        /// S over the active entries, a copy.
        var prior: [Double]
        var information: [Double]
        var shift: [Double]
        /// The present mean of the active entries.
        var mean: [Double]

        init() {
            let square = activeMax * activeMax
            prior = Array(repeating: 0, count: square)
            information = Array(repeating: 0, count: square)
            shift = Array(repeating: 0, count: activeMax)
            mean = Array(repeating: 0, count: activeMax)
        }
    }

    /// What changed since the last collect.
    struct Changed: Sendable {
        /// Rows of the covariance, by chunk.
        var chunks: [Bool] = []
        var mean = false
        var block = true
    }

    init() {}

    /// The core before any event: intercept, drift, text weights.
    init(dimension: Int, _ configuration: HeadConfiguration) {
        self.init()
        append(mean: configuration.interceptMean, variance: configuration.interceptVariance)
        append(mean: 0, variance: configuration.driftVariance)
        for _ in 0..<dimension {
            append(mean: 0, variance: configuration.scale * configuration.textVariance)
        }
    }

    @inline(__always)
    package static func rowStart(_ row: Int) -> Int { row * (row + 1) / 2 }

    // MARK: Entries

    /// Adds an entry independent of all others. Complexity: O(N).
    @discardableResult
    mutating func append(mean value: Double, variance: Double) -> Int {
        covariance.append(contentsOf: repeatElement(0, count: count))
        covariance.append(variance)
        return appended(value)
    }

    /// Adds an entry whose covariance with the others is `row`, as of the block's start.
    @discardableResult
    mutating func append(mean value: Double, variance: Double, row: [Double]) -> Int {
        covariance.append(contentsOf: row[..<count])
        covariance.append(variance)
        return appended(value)
    }

    private mutating func appended(_ value: Double) -> Int {
        mean.append(value)
        position.append(-1)
        count += 1
        markRows(from: count - 1)
        return count - 1
    }

    /// Makes `entry`, which must not be active, a new quantity. Complexity: O(N).
    mutating func replace(_ entry: Int, mean value: Double, variance: Double, row: [Double]) {
        precondition(position[entry] < 0, "an active entry was replaced inside its block")
        let start = Self.rowStart(entry)
        for other in 0..<entry { covariance[start + other] = row[other] }
        covariance[start + entry] = variance
        for other in entry + 1..<count {
            covariance[Self.rowStart(other) + entry] = row[other]
        }
        mean[entry] = value
        markRows(from: entry)
    }

    mutating func markRows(from entry: Int) {
        changed.mean = true
        let first = entry / Self.chunkRows
        let last = (count - 1) / Self.chunkRows
        while changed.chunks.count <= last { changed.chunks.append(true) }
        for chunk in first...last { changed.chunks[chunk] = true }
    }

    /// Covariance at the block's start of two entries.
    func startCovariance(_ first: Int, _ second: Int) -> Double {
        covariance[Self.rowStart(max(first, second)) + min(first, second)]
    }

    /// The present mean of an entry. Complexity: O(A).
    func presentMean(_ entry: Int) -> Double {
        if position[entry] >= 0 { return block.mean[Int(position[entry])] }
        var sum = 0.0
        for (place, other) in block.active.enumerated() {
            sum += startCovariance(entry, Int(other)) * block.shift[place]
        }
        return mean[entry] + sum
    }

    /// What the block has added so far to the mean of a quantity with these covariances.
    func pendingMean(_ covariance: (Int) -> Double) -> Double {
        var sum = 0.0
        for (place, entry) in block.active.enumerated() {
            sum += covariance(Int(entry)) * block.shift[place]
        }
        return sum
    }

    /// What the block has taken so far from the variance of a quantity with these covariances.
    func pendingVariance(_ covariance: (Int) -> Double) -> Double {
        let y = block.active.map { covariance(Int($0)) }
        var sum = 0.0
        for i in y.indices {
            var row = 0.0
            for j in y.indices { row += block.information[i * Self.activeMax + j] * y[j] }
            sum += y[i] * row
        }
        return sum
    }

    /// y = S g, and y2 = S g2, at the block's start. Complexity: O(N^2).
    func product(_ g: [Double]) -> [Double] {
        var y = [Double](repeating: 0, count: count)
        unsafe posterior_symv(Int32(count), covariance, g, &y, nil, nil)
        return y
    }

    func products(_ g: [Double], _ g2: [Double]) -> ([Double], [Double]) {
        var y = [Double](repeating: 0, count: count)
        var y2 = y
        unsafe posterior_symv(Int32(count), covariance, g, &y, g2, &y2)
        return (y, y2)
    }

    // MARK: Learning

    /// What one event taught.
    struct Learned {
        /// Mean and variance of the logit before.
        var mean: Double
        var variance: Double
        /// How far the event moved what other users share of its prediction, and of that what other
        /// items do.
        var sharedMove: Double
        var commonMove: Double
        /// The weight that was learned, smaller than the one asked for where a bound was met.
        var weight: Double
        var bound: MoveBound?
    }

    /// What one event says of its logit.
    struct Observation {
        /// What is known of the logit and not this core's to learn.
        var offset: Double
        var label: Double
        var weight: Double
        /// Of labels that are numbers; 0 is logistic.
        var noise: Double
    }

    /// Learns one event; see `posterior_learn`.
    ///
    /// - Returns: nil when nothing was learned because the prediction is not finite.
    mutating func learn(
        positions: [Int32], values: [Double], tail: TailRows, cells: inout TailCells,
        tau: [Double], _ seen: Observation, limits: posterior_limits
    ) -> Learned? {
        changed.block = true
        let needed = 4 * Self.activeMax + tail.cells.count
        if scratch.count < needed { scratch = Array(repeating: 0, count: needed) }
        var limits = limits
        var owners = posterior_owners(
            user: TailGroup.ofUser, item: TailGroup.ofItem, item_entry: Int32(Self.itemPlace))
        let bound = unsafe posterior_learn(
            Int32(block.active.count), block.prior, &block.information, &block.mean, &block.shift,
            Int32(positions.count), positions, values,
            Int32(tail.cells.count), tail.cells, tail.groups, tail.values,
            &cells.precision, &cells.eta, tau, &owners, seen.offset, seen.label, seen.weight,
            seen.noise, &limits,
            &scratch, &outcome)
        guard Int(bound) != POSTERIOR_NOT_FINITE else { return nil }
        let step = outcome[POSTERIOR_STEP]
        return Learned(
            mean: outcome[POSTERIOR_MEAN], variance: outcome[POSTERIOR_VARIANCE],
            sharedMove: step * outcome[POSTERIOR_SHARED],
            commonMove: step * outcome[POSTERIOR_COMMON],
            weight: outcome[POSTERIOR_WEIGHT], bound: MoveBound(kernel: Int(bound)))
    }
}
