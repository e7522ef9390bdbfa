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
    /// One text in so many is kept for validation.
    public var validationEvery = 10
    /// Below this many validation texts, their loss tells nothing and all epochs are run.
    public var validationMin = 20
    /// Learning rate of the linear head that is trained along and thrown away.
    public var headLearningRate = 0.02

    public init(epochs: Int, batchTexts: Int) {
        self.epochs = epochs
        self.batchTexts = batchTexts
    }
}

/// Everything a refresh is trained from: a value, so that it can be trained again, to the same bits.
public struct RefreshJob: Sendable {
    public let adapters: Adapters
    public let optimizer: AdamW
    let configuration: RefreshConfiguration
    let evidence: [TextEvidence]
    /// Where the linear head starts: the posterior's text weights. Shape (H).
    let headWeights: [Double]
    let seed: UInt64
    /// The heads to learn again under what was trained; none where nobody asks for them.
    public var rebuild: Rebuild?

    /// Gathers what replay memory says of the texts.
    ///
    /// - Parameters:
    ///   - first: remembered examples from this one on are looked at.
    ///   - heads: of which the one with the most examples is trained for.
    ///   - texts: the text of each item that has one.
    public init(
        memory: ReplayMemory, from first: UInt64 = 0, heads: [ResponseHead],
        texts: [String: String], adapters: Adapters,
        optimizer: AdamW, seed: UInt64, configuration: RefreshConfiguration
    ) {
        self.adapters = adapters
        self.optimizer = optimizer
        self.seed = seed
        self.configuration = configuration
        guard let head = heads.max(by: { ($0.eventCount, $1.name) < ($1.eventCount, $0.name) })
        else {
            evidence = []
            headWeights = []
            return
        }
        evidence = TextEvidence.gather(
            memory, from: first, head: head.name, texts: texts, countMax: configuration.textsMax)
        headWeights = head.textWeights
    }

    public var textCount: Int { evidence.count }

    /// Without two texts, or with one kind of label alone, there is nothing to learn.
    public var isEmpty: Bool {
        let trials = evidence.reduce(0) { $0 + $1.trials }
        let positives = evidence.reduce(0) { $0 + $1.positives }
        return evidence.count < 2 || positives <= 0 || positives >= trials
    }
}

extension RefreshJob {
    /// The record that `init(record:…)` reads: all but the settings.
    public var record: [UInt8] {
        var writer = ByteWriter()
        writer.data(adapters.record)
        writer.data(optimizer.record)
        writer.integer(seed)
        writer.doubles(headWeights)
        writer.array(evidence) { writer, entry in
            writer.string(entry.text)
            writer.double(entry.trials)
            writer.double(entry.positives)
        }
        return writer.bytes
    }

    /// - Throws: when the record is damaged, or belongs to another base.
    public init(
        record: [UInt8], base: BaseModel, optimizer settings: AdamW.Configuration,
        configuration: RefreshConfiguration
    ) throws {
        var reader = ByteReader(record)
        adapters = try Adapters(record: try reader.data(), base: base)
        optimizer = try AdamW(
            record: try reader.data(), configuration: settings, for: adapters)
        seed = try reader.integer()
        headWeights = try reader.doubles()
        evidence = try reader.array { reader throws(ByteCodingError) in
            TextEvidence(
                text: try reader.string(), trials: try reader.double(),
                positives: try reader.double())
        }
        try reader.finish()
        self.configuration = configuration
    }
}
