import Records

/// Streaming scores of one head over one set of examples.
struct ScoreAccumulator: Sendable {
    /// The number of equal-count groups of the calibration error.
    static let calibrationGroups = 15

    private(set) var count = 0
    private var positives = 0
    private var weight = 0.0
    private var positiveWeight = 0.0
    private var loss = 0.0
    private var predicted = 0.0
    private(set) var histogram: LogitHistogram
    private var changed = false

    init(binCount: Int) {
        histogram = LogitHistogram(binCount: binCount)
    }

    /// - Parameter loss: the log-loss of `logit`, which several sets share.
    mutating func add(
        logit: Double, probability: Double, loss: Double, label: Bool, weight: Double
    ) {
        count += 1
        self.weight += weight
        self.loss += weight * loss
        predicted += weight * probability
        if label {
            positives += 1
            positiveWeight += weight
        }
        histogram.add(logit: logit, probability: probability, label: label, weight: weight)
        changed = true
    }

    mutating func merge(_ other: ScoreAccumulator) {
        count += other.count
        positives += other.positives
        weight += other.weight
        positiveWeight += other.positiveWeight
        loss += other.loss
        predicted += other.predicted
        histogram.merge(other.histogram)
        changed = true
    }

    var report: ScoreReport {
        guard weight > 0 else { return ScoreReport(count: count, positives: positives) }
        let entropy = binaryEntropy(positiveWeight / weight)
        let mean = loss / weight
        return ScoreReport(
            count: count, positives: positives, logLoss: mean,
            normalizedEntropy: entropy > 0 ? mean / entropy : nil, auc: histogram.auc,
            ece: histogram.calibrationError(edges: groupEdges),
            predictedObservedRatio: positiveWeight > 0 ? predicted / positiveWeight : nil)
    }

    /// Where the groups of the calibration error end: for unweighted examples after whole ones,
    /// the first groups taking one more where the count does not divide.
    private var groupEdges: [Double] {
        let groups = Self.calibrationGroups
        guard weight == Double(count) else {
            return (1...groups).map { weight * Double($0) / Double(groups) }
        }
        let (size, more) = count.quotientAndRemainder(dividingBy: groups)
        return (1...groups).map { Double($0 * size + min($0, more)) }
    }
}

// MARK: Rows

extension ScoreAccumulator {
    /// The row beside the histogram's pages.
    static let scalarPage = 0xffff

    /// Emits the scalars and the histogram pages that changed.
    mutating func collect(_ put: (_ page: Int, _ value: [UInt8]) -> Void) {
        guard changed else { return }
        changed = false
        var writer = ByteWriter(capacity: 48)
        writer.integer(Int64(count))
        writer.integer(Int64(positives))
        for value in [weight, positiveWeight, loss, predicted] { writer.double(value) }
        put(Self.scalarPage, writer.bytes)
        histogram.collectPages(put)
    }

    /// Every page that a full `collect` would emit.
    var pages: [Int] { count == 0 ? [] : histogram.pages + [Self.scalarPage] }

    mutating func markAll() {
        changed = count > 0
        histogram.markAll()
    }

    mutating func restore(page: Int, from reader: inout ByteReader) throws(ByteCodingError) {
        guard page == Self.scalarPage else {
            return try histogram.restore(page: page, from: &reader)
        }
        count = Int(try reader.integer(Int64.self))
        positives = Int(try reader.integer(Int64.self))
        weight = try reader.double()
        positiveWeight = try reader.double()
        loss = try reader.double()
        predicted = try reader.double()
    }
}
