import ContinualLearning
import Encoder

/// When the adapters are refreshed, and with which optimiser.
public struct RefreshSchedule: Sendable {
    /// Examples between two refreshes, at most; 0: never any.
    public var events: Int
    /// New texts before the first refresh; each further one comes after half as many again as were known
    /// at the last. No refresh begins with fewer texts. 0: texts do not count, and `events` alone says when.
    public var texts = 0
    /// New texts before a further refresh, at most.
    public var textsMax = 3_000
    /// Fresh examples on which a candidate is judged, each time it is.
    public var judgeEvents: Int
    /// How a candidate is trained.
    public var training: RefreshConfiguration
    /// The optimiser of this training.
    public var optimizer: AdamW.Configuration
    /// How much harm a candidate may do, and how sure a verdict must be.
    public var gate: RefreshGate.Configuration
    /// Categories that the gate judges one by one.
    public var gateSlices: Int
    /// Which guards are in force, in training as around it.
    public var guards: Set<Guard> {
        get { training.guards }
        set { training.guards = newValue }
    }

    /// Takes each field as it is, but for the guards of `training`, which `guards` replaces.
    public init(
        events: Int, judgeEvents: Int, training: RefreshConfiguration,
        optimizer: AdamW.Configuration, gate: RefreshGate.Configuration, gateSlices: Int,
        guards: Set<Guard> = Set(Guard.defaults)
    ) {
        self.events = events
        self.judgeEvents = judgeEvents
        self.training = training
        self.training.guards = guards
        self.optimizer = optimizer
        self.gate = gate
        self.gateSlices = gateSlices
    }

    /// How many texts must be known for the refresh after one that began with so many.
    func nextTexts(after known: Int) -> Int {
        texts > 0 ? known + max(texts, min(known / 2, textsMax)) : .max
    }
}
