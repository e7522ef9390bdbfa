import Records

/// Response of users to offered items: a Bayesian logistic regression learned online.
///
/// The state is a Gaussian over effects: a core with full covariance (`GaussianCore`) and a long
/// tail without (`Tail`). Each event is predicted, then learned by one scalar Newton solve
/// (assumed-density filtering: the logit's posterior mode and curvature). There is no learning rate;
/// the order of events is the only schedule, and the same events give the same bits.
///
/// A value type: copies share storage until one of them learns.
/// Source: Opper, "A Bayesian approach to on-line learning", 1998; MacKay, "Bayesian
/// interpolation", 1992, for the tail's prior variances.
public struct ResponseHead: Sendable {
    /// The label, like "click" or "purchase": prefix of the tables the state is kept in.
    public let name: String
    /// Length of the items' vectors; 0 for a head that knows items by their identity alone.
    public let dimension: Int
    /// Fixed from the start; a restored head takes the one it is given.
    public let configuration: HeadConfiguration

    /// Events learned so far.
    public internal(set) var eventCount: UInt64 = 0

    /// What is known of effects.
    package var posterior: Posterior
    var priors: Priors
    /// Where the present block, and the present hour, stand.
    package var present = Present()
    var reading: Reading
    var last = LastEvent()
    var scalarsAreDirty = true
    /// How contexts are read.
    var contextReader: ContextReader
    /// Buffers reused from event to event, and where the time goes.
    package var work = Work()

    /// What is known of effects, and which of them has which entry.
    package struct Posterior: Sendable {
        /// Effects with full covariance.
        package var core: GaussianCore
        /// Effects without.
        package var tail: Tail
        var slots: ItemSlots
        var dense: DenseEffects
    }

    /// Prior variances that come from the stream, and when they are estimated next, as event counts.
    struct Priors: Sendable {
        /// Prior precisions of the tail's groups.
        var tau: [Double]
        var nextEvent: UInt64
        var text: Text

        /// Of the text weights.
        struct Text: Sendable {
            var count: UInt64 = 0
            var variance: Double
            var nextEvent: UInt64
        }
    }

    /// Where the present block, and the present hour, stand.
    package struct Present: Sendable {
        /// Until when the drift has been moved. Units: hours since 1970.
        package var driftHours: Double?
        /// Events in the present block.
        var events = 0
        /// How far what items share was moved lately.
        var commonMoved: Moved?
    }

    /// How labels stand to logits.
    struct Reading: Sendable {
        /// Of labels that are numbers; nil where they are chances.
        var noise: LabelNoise?
        /// Of labels that are chances; nil where logits are served as they are.
        var calibration: LogitCalibration?

        init(_ configuration: HeadConfiguration) {
            noise = configuration.squared.map { LabelNoise(first: $0) }
            if configuration.calibrates, noise == nil { calibration = LogitCalibration() }
        }
    }

    /// What the event learned last came to.
    struct LastEvent: Sendable {
        var accepted = AcceptedWeight(weight: 1, bound: nil)
        /// What the treatment of the last row of an offer of our own added to its logit, by the means before.
        var treatedLogit = 0.0
    }

    /// Buffers reused from event to event, and where the time goes.
    package struct Work: Sendable {
        /// Where the time goes; off unless it has a clock.
        package var profile = StepProfile()
        var row = FeatureRow()
        var entries: [Int32] = []
        var positions: [Int32] = []
        var values: [Double] = []
        var tail = TailRows()
    }

    /// A head that has learned nothing.
    public init(
        name: String, dimension: Int, configuration: HeadConfiguration = HeadConfiguration()
    ) {
        self.name = name
        self.dimension = dimension
        self.configuration = configuration
        posterior = Posterior(
            core: GaussianCore(dimension: dimension, configuration), tail: Tail(configuration),
            slots: ItemSlots(dimension: dimension, configuration),
            dense: DenseEffects(configuration))
        priors = Priors(
            tau: TailGroup.allCases.map { 1 / (configuration.scale * $0.priorVariance) },
            nextEvent: UInt64(max(1, configuration.priorEventCount)),
            text: Priors.Text(
                variance: configuration.scale * configuration.textVariance,
                nextEvent: UInt64(max(1, configuration.textEventCount))))
        reading = Reading(configuration)
        contextReader = ContextReader(
            flagsMax: max(0, min(configuration.flagCountMax, ContextReader.flagsBound)))
    }

    /// Distinct texts of items learned from; one whose item was forgotten and came back counts again.
    public var textCount: UInt64 { priors.text.count }

    /// Whether an item was learned from and is not forgotten since.
    public func remembers(item id: String) -> Bool {
        let owner = FeatureHash.owner(.item, id)
        return posterior.slots.slot(owner) >= 0 || posterior.tail.owner(owner) >= 0
    }

    /// Present prior variance of the text weights.
    public var textVariance: Double { priors.text.variance }

    /// How much of the event learned last was learned.
    public var accepted: AcceptedWeight { last.accepted }

    /// What the kernel is told of the labels' likelihood: 0 is logistic.
    var noiseVariance: Double { reading.noise?.variance ?? 0 }

    /// Sizes and health of the state.
    public var summary: Summary {
        Summary(
            events: eventCount, coreEntries: posterior.core.count,
            denseEffects: posterior.dense.count,
            itemSlots: posterior.slots.slots.count,
            tailPages: posterior.tail.pages.count - posterior.tail.freePages.count,
            blocks: posterior.core.blocks, repairs: posterior.core.repairs)
    }

    /// Sizes and health of a head's state.
    public struct Summary: Sendable, Hashable {
        /// Events learned so far.
        public let events: UInt64
        /// Entries of the core: all effects that have a full covariance.
        public let coreEntries: Int
        /// Named effects among the core's entries.
        public let denseEffects: Int
        /// Items with a slot in the core now.
        public let itemSlots: Int
        /// Pages of the tail in use, of eight effects each.
        public let tailPages: Int
        /// Blocks of deferred covariance updates ended so far.
        public let blocks: UInt64
        /// How often the covariance had to be repaired; not 0 is worth a look.
        public let repairs: UInt64
    }

    /// Forgets all effects that are a user's own: theirs, and theirs with items, categories, brands.
    ///
    /// - Returns: whether there were any.
    @discardableResult
    public mutating func erase(user: String) -> Bool {
        posterior.tail.remove(owner: FeatureHash.owner(.user, user))
    }

    // MARK: Checks

    static let weightMax = 1e6

    static func check(
        _ exposure: Exposure, _ item: ItemFeatures, dimension: Int
    ) throws(ResponseError) {
        guard exposure.price > 0, exposure.price.isFinite, exposure.price.isNormal else {
            throw .badValue(field: "price", value: exposure.price, must: "above zero and finite")
        }
        guard exposure.discount >= 0, exposure.discount < 1 else {
            throw .badValue(
                field: "discount", value: exposure.discount, must: "at least 0 and below 1")
        }
        for entry in exposure.context {
            if case .number(let number) = entry.value, !number.isFinite {
                throw .badValue(field: "context.\(entry.key)", value: number, must: "finite")
            }
        }
        guard item.vector.count == dimension else {
            throw .vectorLength(item: item.id, count: item.vector.count, expected: dimension)
        }
    }

    /// Only for items that are new to the core, since the others have the vector they had.
    static func checkVector(_ item: ItemFeatures) throws(ResponseError) {
        var square: Float = 0
        for value in item.vector { square += value * value }
        guard square <= 1.02 else {
            throw .badValue(
                field: "squared length of the vector of item '\(item.id)'", value: Double(square),
                must: "finite and at most 1")
        }
    }

    /// Event time in hours, and log of the price.
    static func hours(_ tsMs: Int64) -> Double { Double(tsMs) / 3.6e6 }
}
