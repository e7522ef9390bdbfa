import ContinualLearning
import Encoder

/// When the adapters are refreshed, and with which optimiser.
public struct RefreshSchedule: Sendable {
    /// Examples between two refreshes; 0: never.
    public var events: Int
    /// Fresh examples on which a candidate is judged, each time it is.
    public var judgeEvents: Int
    public var training: RefreshConfiguration
    public var optimizer: AdamW.Configuration
    public var gate: RefreshGate.Configuration
    /// Categories that the gate judges one by one.
    public var gateSlices: Int
    /// Which guards are in force, in training as around it.
    public var guards: Set<Guard> {
        get { training.guards }
        set { training.guards = newValue }
    }

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
}
