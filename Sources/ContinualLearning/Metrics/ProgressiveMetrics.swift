import Records

/// Scores of predictions made before their labels, over everything, by window and by slice.
///
/// Memory is bounded: a fixed number of windows, which become twice as long when there are too
/// many, and a fixed number of slices, beyond which examples count as slice "other". AUC and
/// calibration come from histograms of the logit, exact to about 1e-4 and better.
public struct ProgressiveMetrics: Sendable {
    /// The bounds on what is kept.
    public struct Configuration: Sendable, Hashable {
        /// Examples, over all heads, in a window at the start.
        public var windowExamples: Int
        /// Windows kept at most; made even and at least 2.
        public var windowsMax: Int
        /// Slices kept at most, "other" apart.
        public var slicesMax: Int

        /// The defaults: windows of 10,000 examples, 64 of them, 64 slices.
        public init(windowExamples: Int = 10_000, windowsMax: Int = 64, slicesMax: Int = 64) {
            self.windowExamples = max(1, windowExamples)
            self.windowsMax = max(2, windowsMax / 2 * 2)
            self.slicesMax = max(0, slicesMax)
        }
    }

    struct Window: Sendable {
        var from: Int
        var to: Int
        var fromTsMs: Int64
        var toTsMs: Int64
        var scores: [ScoreAccumulator]
        var changed = true
    }

    struct Slice: Sendable {
        let name: String
        var scores: [ScoreAccumulator]
        var changed = true
    }

    static let totalBins = 16_384
    static let partBins = 4_096
    /// Where examples of slices beyond the bound go.
    public static let otherSlice = "other"

    /// Names, in the order that `observe` counts them.
    public let heads: [String]
    let configuration: Configuration
    /// Doubles whenever windows are merged.
    var windowExamples: Int
    /// Examples over all heads.
    public internal(set) var examples = 0
    /// Predictions left out because they were no finite number, or their weight not positive.
    public internal(set) var nonFinite = 0
    var total: [ScoreAccumulator]
    /// In order of time; the last one is still being filled.
    var windows: [Window] = []
    var slices: [Slice] = []
    var sliceIndex: [String: Int] = [:]
    /// Rows of windows that were merged into others.
    var obsolete: Set<[UInt8]> = []

    /// - Parameter heads: names of what is predicted, "click" and "purchase" say; at most 255.
    public init(heads: [String], configuration: Configuration = Configuration()) {
        precondition(heads.count <= 255, "more heads than a key holds")
        self.heads = heads
        self.configuration = configuration
        windowExamples = configuration.windowExamples
        total = Self.emptyScores(heads.count, Self.totalBins)
    }

    static func emptyScores(_ heads: Int, _ bins: Int) -> [ScoreAccumulator] {
        Array(repeating: ScoreAccumulator(binCount: bins), count: heads)
    }

    /// Counts one prediction whose label became known.
    ///
    /// A logit or weight that is no finite number, or a weight that is not positive, is counted in
    /// `nonFinite` and enters no score.
    /// - Parameters:
    ///   - head: an index into `heads`.
    ///   - slices: names such as "category=Bag Snacks"; each counts once.
    /// - Complexity: O(slices), about 0.2 µs each.
    public mutating func observe(
        head: Int, logit: Double, label: Bool, weight: Double = 1, tsMs: Int64,
        slices names: [String] = []
    ) {
        guard logit.isFinite, weight.isFinite, weight > 0 else {
            nonFinite += 1
            return
        }
        let probability = logistic(logit)
        let loss = logLoss(logit: logit, label: label)
        func add(_ scores: inout ScoreAccumulator) {
            scores.add(
                logit: logit, probability: probability, loss: loss, label: label, weight: weight)
        }
        add(&total[head])
        let window = openWindow(tsMs)
        add(&windows[window].scores[head])
        examples += 1
        windows[window].to = examples
        windows[window].toTsMs = tsMs
        windows[window].changed = true
        var others = false
        for name in names {
            guard let index = sliceIndex[name] ?? makeSlice(name) else {
                others = true
                continue
            }
            add(&slices[index].scores[head])
        }
        if others, let index = sliceIndex[Self.otherSlice] ?? makeSlice(Self.otherSlice) {
            add(&slices[index].scores[head])
        }
    }

    /// The window the next example falls into, merging the closed ones when there are too many.
    private mutating func openWindow(_ tsMs: Int64) -> Int {
        if let last = windows.last, last.to - last.from < windowExamples {
            return windows.count - 1
        }
        if windows.count == configuration.windowsMax { mergeWindows() }
        windows.append(
            Window(
                from: examples, to: examples, fromTsMs: tsMs, toTsMs: tsMs,
                scores: Self.emptyScores(heads.count, Self.partBins)))
        return windows.count - 1
    }

    /// Makes one of each two neighbours.
    private mutating func mergeWindows() {
        for (index, window) in windows.enumerated() { forget(window, at: index) }
        windows = stride(from: 0, to: windows.count, by: 2).map { index in
            var window = windows[index]
            for scores in window.scores.indices { window.scores[scores].markAll() }
            guard index + 1 < windows.count else { return window }
            let next = windows[index + 1]
            window.to = next.to
            window.toTsMs = next.toTsMs
            window.changed = true
            for head in heads.indices { window.scores[head].merge(next.scores[head]) }
            return window
        }
        windowExamples *= 2
    }

    private mutating func makeSlice(_ name: String) -> Int? {
        let others = sliceIndex[Self.otherSlice] == nil ? 0 : 1
        guard name == Self.otherSlice || slices.count - others < configuration.slicesMax else {
            return nil
        }
        slices.append(
            Slice(name: name, scores: Self.emptyScores(heads.count, Self.partBins)))
        sliceIndex[name] = slices.count - 1
        return slices.count - 1
    }

    /// The figures so far.
    /// - Complexity: O(bins in use): some milliseconds with all windows and slices full.
    public func report() -> ProgressiveReport {
        ProgressiveReport(
            progressive: byHead(total),
            windows: windows.map { window in
                WindowReport(
                    from: window.from, to: window.to, fromTsMs: window.fromTsMs,
                    toTsMs: window.toTsMs, progressive: byHead(window.scores))
            },
            slices: Dictionary(
                uniqueKeysWithValues: slices.map { ($0.name, byHead($0.scores)) }),
            nonFinite: nonFinite)
    }

    /// The scores over everything of one head.
    public func score(head: Int) -> ScoreReport { total[head].report }

    private func byHead(_ scores: [ScoreAccumulator]) -> [String: ScoreReport] {
        var reports: [String: ScoreReport] = [:]
        for (name, scores) in zip(heads, scores) where scores.count > 0 {
            reports[name] = scores.report
        }
        return reports
    }
}
