import Records

/// What heads say of the level of each category, as it moved from one judgement to the next.
///
/// Heads that learn false labels soon predict them. Held against what they predict, such labels look
/// more right the longer they come; held against the level that the heads had before, they do not.
/// How far that has moved is told by the anchors of before, which are the same exposures each time.
public struct LevelHistory: Sendable, Equatable {
    /// A category as one head sees it.
    public struct Category: Sendable, Hashable, Comparable {
        /// The head's name.
        public let head: String
        /// The category's name.
        public let name: String

        /// Takes both as they are.
        public init(head: String, name: String) {
            self.head = head
            self.name = name
        }

        /// By head, then by name.
        public static func < (a: Category, b: Category) -> Bool {
            (a.head, a.name) < (b.head, b.name)
        }

        /// Two texts.
        public func write(to writer: inout ByteWriter) {
            writer.string(head)
            writer.string(name)
        }

        /// What `write` wrote.
        public init(from reader: inout ByteReader) throws(ByteCodingError) {
            head = try reader.string()
            name = try reader.string()
        }
    }

    /// One judgement.
    public struct Step: Sendable, Equatable {
        /// The number that the next example was to have in replay memory.
        public var next: UInt64
        /// The newest example's time.
        public var tsMs: Int64
        /// Logits by which levels had moved since the judgement before.
        var moved: [Category: Double]
        /// Mean logit of each category's anchors, less what was served for them.
        var levels: [Category: Double]
        /// Positives that had been learned of each category, about: what the level rested on.
        public internal(set) var positives: [Category: Double]
    }

    /// Steps kept, the newest: a power of two.
    public static let countMax = 64
    /// Anchors without which nothing is said of a category.
    static let anchorsMin = 30
    /// Categories kept of a step, those with the most anchors: more than can have enough of them.
    package static let categoriesMax = 1_024

    /// The oldest first.
    public private(set) var steps: [Step] = []

    /// No judgement yet.
    public init() {}

    /// Takes the next step.
    ///
    /// - Parameter meter: of the anchors; it was begun with the last step's time.
    public mutating func add(_ meter: LevelMeter, next: UInt64, tsMs: Int64) {
        var moved: [Category: Double] = [:]
        let kept = meter.largest(Self.categoriesMax)
        for (category, sums) in kept {
            guard let level = steps.last?.levels[category], sums.oldCount >= Self.anchorsMin,
                sums.old.weight > 0
            else { continue }
            moved[category] = sums.old.mean - level
        }
        steps.append(
            Step(
                next: next, tsMs: tsMs, moved: moved,
                levels: kept.filter { $0.value.all.weight > 0 }.mapValues(\.all.mean),
                positives: kept.mapValues { Double(meter.every) * $0.positives }))
        steps.removeFirst(max(0, steps.count - Self.countMax))
    }

    /// The heads have gone back to where replay memory ended with an example of this number.
    public mutating func goBack(to next: UInt64) { steps.removeAll { $0.next > next } }

    /// How far levels had moved since one of the steps, by when an example came.
    public struct Movement {
        /// Where the steps after it end, and how far levels had moved in the middle of each, and after
        /// the last one.
        private var endsMs: [Int64] = []
        private var moved: [[Category: Double]] = []

        init(_ steps: ArraySlice<Step>) {
            var sums: [Category: Double] = [:]
            for step in steps {
                endsMs.append(step.tsMs)
                moved.append(sums.merging(step.moved.mapValues { $0 / 2 }, uniquingKeysWith: +))
                sums.merge(step.moved, uniquingKeysWith: +)
            }
            moved.append(sums)
        }

        /// - Parameter tsMs: of an example, not before the step.
        public func logits(_ category: Category, atMs tsMs: Int64) -> Double {
            var (low, high) = (0, endsMs.count)
            while low < high {
                let middle = (low + high) / 2
                if endsMs[middle] < tsMs { low = middle + 1 } else { high = middle }
            }
            return moved[low][category] ?? 0
        }
    }

    /// How levels moved in the steps after one of them.
    ///
    /// - Parameter step: its index in `steps`.
    public func movement(since step: Int) -> Movement { Movement(steps[(step + 1)...]) }

    /// The steps that windows begin at, so many back: the powers of two and one and a half times those, none
    /// older than a span.
    public func windows(nowMs: Int64, spanMs: Int64) -> [Int] {
        var starts: [Int] = []
        var back = 1
        while back <= steps.count, steps[steps.count - back].tsMs >= nowMs - spanMs {
            starts.append(steps.count - back)
            let isPower = back & (back - 1) == 0
            back += max(1, isPower ? back / 2 : back / 3)
        }
        return starts
    }

    /// Windows there may be: two for each doubling up to the steps kept.
    public static let windowsMax = 2 * countMax.trailingZeroBitCount

    /// All steps, for a row of the store.
    public func write(to writer: inout ByteWriter) {
        writer.array(steps) { writer, step in
            writer.integer(step.next)
            writer.integer(step.tsMs)
            Self.write(step.moved, to: &writer)
            Self.write(step.levels, to: &writer)
            Self.write(step.positives, to: &writer)
        }
    }

    /// What `write` wrote.
    public init(from reader: inout ByteReader) throws(ByteCodingError) {
        steps = try reader.array { reader throws(ByteCodingError) in
            Step(
                next: try reader.integer(), tsMs: try reader.integer(),
                moved: try Self.categories(from: &reader),
                levels: try Self.categories(from: &reader),
                positives: try Self.categories(from: &reader))
        }
    }

    private static func write(_ values: [Category: Double], to writer: inout ByteWriter) {
        writer.array(values.sorted { $0.key < $1.key }) { writer, entry in
            entry.key.write(to: &writer)
            writer.double(entry.value)
        }
    }

    private static func categories(
        from reader: inout ByteReader
    ) throws(ByteCodingError) -> [Category: Double] {
        let entries = try reader.array { reader throws(ByteCodingError) in
            (try Category(from: &reader), try reader.double())
        }
        return Dictionary(entries) { first, _ in first }
    }
}

/// Where the levels of categories stand, by their anchors.
public struct LevelMeter: Sendable {
    struct Sums: Sendable {
        var all = WeightedMean()
        /// Of the anchors that were there at the last step.
        var old = WeightedMean()
        var oldCount = 0
        var count = 0
        var positives = 0.0
    }

    private let oldUntilMs: Int64
    let every: Int
    private(set) var sums: [LevelHistory.Category: Sums] = [:]

    /// - Parameters:
    ///   - oldUntilMs: anchors of up to then counted at the last step.
    ///   - every: one example in so many is an anchor.
    public init(oldUntilMs: Int64, every: Int) {
        self.oldUntilMs = oldUntilMs
        self.every = every
    }

    /// The categories with the most anchors.
    func largest(_ countMax: Int) -> [LevelHistory.Category: Sums] {
        guard sums.count > countMax else { return sums }
        let order = sums.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        return Dictionary(uniqueKeysWithValues: order.prefix(countMax).map { ($0.key, $0.value) })
    }

    /// Takes one anchor. Each counts as much as its expected positives change with its logit.
    public mutating func add(
        _ category: LevelHistory.Category, logit: Double, served: Double, label: Bool,
        weight: Double, tsMs: Int64
    ) {
        guard logit.isFinite, served.isFinite, weight.isFinite, weight > 0 else { return }
        let p = logistic(served)
        let counts = weight * p * (1 - p)
        let isOld = tsMs <= oldUntilMs
        func add(to own: inout Sums) {
            own.count += 1
            own.all.add(logit - served, counts)
            if label { own.positives += weight }
            guard isOld else { return }
            own.old.add(logit - served, counts)
            own.oldCount += 1
        }
        add(to: &sums[category, default: Sums()])
    }
}

struct WeightedMean: Sendable {
    private(set) var weight = 0.0
    private var sum = 0.0

    mutating func add(_ value: Double, _ weight: Double) {
        self.weight += weight
        sum += weight * value
    }

    var mean: Double { sum / weight }
}
