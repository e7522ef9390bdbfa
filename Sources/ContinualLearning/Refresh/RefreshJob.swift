import Encoder
import Records
import ResponseModel

/// How the adapters are trained in a refresh.
public struct RefreshConfiguration: Sendable, Hashable {
    /// Passes over the texts, at most.
    public var epochs: Int
    /// Texts in a step.
    public var batchTexts: Int
    /// Texts of one refresh, at most; those with the newest examples are taken.
    public var textsMax = 20_000
    /// Parts of the texts, each of which one training does without; 1: all texts are trained on.
    public var folds = 3
    /// Which guards are in force; those of training are heeded here.
    public var guards = Set(Guard.defaults)
    /// Strength of the anchor (`ewc`), and what is left of old importance at each refresh.
    public var ewcStrength = 1.0
    /// What is left of old importance at each refresh, in [0, 1].
    public var ewcDecay = 0.9
    /// How much the served logits of the texts count beside their labels (`lwf`).
    public var distillationStrength = 1.0
    /// What a step counts in the running mean (`averaging`).
    public var averagingRate = 0.02
    /// What is known of texts before anything of their own is.
    public var prior = TextPrior()

    /// Everything else has its default.
    public init(epochs: Int, batchTexts: Int) {
        self.epochs = epochs
        self.batchTexts = batchTexts
    }
}

/// Where the training of a refresh begins.
public struct RefreshStart: Sendable {
    /// The adapters in service.
    public var adapters: Adapters
    /// The optimiser's state at that time.
    public var optimizer: AdamW
    /// How much each weight mattered in earlier refreshes (`ewc`); empty where nothing is known.
    public var importance: [Float]

    /// Takes each field as it is.
    public init(adapters: Adapters, optimizer: AdamW, importance: [Float] = []) {
        self.adapters = adapters
        self.optimizer = optimizer
        self.importance = importance
    }
}

/// Everything a refresh is trained from: a value, so that it can be trained again, to the same bits.
public struct RefreshJob: Sendable {
    /// Where the training begins.
    public let start: RefreshStart
    /// How it is trained.
    public let configuration: RefreshConfiguration
    let evidence: [TextEvidence]
    /// Older evidence than that trained on, which steps must not contradict (`agem`).
    let reference: [TextEvidence]
    let seed: UInt64
    /// The heads to learn again under what was trained; none where nobody asks for them.
    public var rebuild: Rebuild?

    /// Gathers what replay memory says of the texts.
    ///
    /// - Parameters:
    ///   - selection: which remembered examples are looked at.
    ///   - heads: of which the one with the most examples is trained for.
    ///   - texts: the text of each item that has one.
    public init(
        _ selection: ReplaySelection, heads: [ResponseHead], texts: [String: String],
        start: RefreshStart, seed: UInt64, configuration: RefreshConfiguration
    ) {
        self.start = start
        self.seed = seed
        guard let head = heads.max(by: { ($0.eventCount, $1.name) < ($1.eventCount, $0.name) })
        else {
            evidence = []
            reference = []
            self.configuration = configuration
            return
        }
        var learned = configuration
        learned.prior.weightVariance = head.textVariance
        self.configuration = learned
        let countMax = configuration.textsMax
        evidence = TextEvidence.gather(
            selection.memory, from: selection.first, head: head.name, texts: texts,
            countMax: countMax, isSuspect: selection.isSuspect)
        reference =
            configuration.guards.contains(.agem)
            ? TextEvidence.gather(
                selection.memory, below: selection.recent, head: head.name, texts: texts,
                countMax: countMax, isSuspect: selection.isSuspect) : []
    }

    /// From evidence that was gathered already.
    package init(
        evidence: [TextEvidence], reference: [TextEvidence] = [], start: RefreshStart,
        seed: UInt64, configuration: RefreshConfiguration
    ) {
        self.evidence = evidence
        self.reference = reference
        self.start = start
        self.seed = seed
        self.configuration = configuration
    }

    /// Texts that are trained on or kept apart.
    public var textCount: Int { evidence.count }

    /// Without two texts, or with one kind of label alone, there is nothing to learn.
    public var isEmpty: Bool {
        let trials = evidence.reduce(0) { $0 + $1.trials }
        let positives = evidence.reduce(0) { $0 + $1.positives }
        return evidence.count < 2 || positives <= 0 || positives >= trials
    }
}

extension RefreshJob {
    /// The record that `init(record:…)` reads: all but the settings, and what was learned in their place.
    public var record: [UInt8] {
        var writer = ByteWriter()
        writer.data(start.adapters.record)
        writer.data(start.optimizer.record)
        writer.integer(seed)
        writer.floats(start.importance)
        writer.array(evidence) { $1.write(to: &$0) }
        writer.array(reference) { $1.write(to: &$0) }
        writer.double(configuration.prior.weightVariance)
        return writer.bytes
    }

    /// - Throws: when the record is damaged, or belongs to another base.
    public init(
        record: [UInt8], base: BaseModel, optimizer settings: AdamW.Configuration,
        configuration: RefreshConfiguration
    ) throws {
        var reader = ByteReader(record)
        let adapters = try Adapters(record: try reader.data(), base: base)
        let optimizer = try AdamW(
            record: try reader.data(), configuration: settings, for: adapters)
        seed = try reader.integer()
        let place = reader.position
        let importance = try reader.floats()
        guard importance.isEmpty || importance.count == adapters.values.count else {
            throw ByteCodingError.badValue(at: place, "\(importance.count) weights' importance")
        }
        start = RefreshStart(adapters: adapters, optimizer: optimizer, importance: importance)
        evidence = try reader.array { reader throws(ByteCodingError) in
            try TextEvidence(from: &reader)
        }
        reference = try reader.array { reader throws(ByteCodingError) in
            try TextEvidence(from: &reader)
        }
        var learned = configuration
        // Records of before the text weights had a scale of their own end here.
        if reader.remaining > 0 { learned.prior.weightVariance = try reader.double() }
        try reader.finish()
        self.configuration = learned
    }
}

extension TextEvidence {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.string(text)
        writer.double(trials)
        writer.double(positives)
        writer.double(bornHours)
    }

    fileprivate init(from reader: inout ByteReader) throws(ByteCodingError) {
        self.init(
            text: try reader.string(), trials: try reader.double(),
            positives: try reader.double(), bornHours: try reader.double())
    }
}
