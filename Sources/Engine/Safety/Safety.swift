import ContinualLearning
import Records
import ResponseModel

/// The room of what guards learning: the gate of the heads, the watch over labels, and the drift detectors.
struct Safety {
    var gate = HeadGate()
    var labels = LabelWatch()
    /// Whether predictions get worse than they say they are.
    private(set) var drift: [Label: DriftMonitor] = [:]
    let configuration: HeadGateConfiguration

    init(_ configuration: HeadGateConfiguration) {
        self.configuration = configuration
    }

    /// Shows the drift detectors a prediction; returns whether one of them sounds.
    mutating func watch(_ label: Label, logit: Double, isPositive: Bool) -> Bool {
        drift[label, default: DriftMonitor()].observe(logit: logit, label: isPositive)
    }

    /// The weights have gone back to where replay memory ended before this number.
    mutating func goBack(to next: UInt64) {
        gate.owed = nil
        labels.goBack(to: next)
    }
}

extension Safety {
    private static let gateKey = Array("head gate".utf8)
    private static let labelsKey = Array("label watch".utf8)

    mutating func collectChanges(into changes: inout StateChanges) {
        for (label, monitor) in drift.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            changes.put(DriftMonitor.table, Array(label.rawValue.utf8), monitor.record)
        }
        changes.put(EngineTables.state, Self.gateKey, gate.encoded)
        if let row = labels.changedRow() {
            changes.put(EngineTables.state, Self.labelsKey, row)
        }
    }

    /// - Parameter present: the same room, whose keyed rows are the state's already; `nil` where all is read.
    mutating func restore(from state: any StateReader, keepingKeyed present: Safety?) throws {
        for label in Label.allCases {
            let key = Array(label.rawValue.utf8)
            drift[label] = try state.value(DriftMonitor.table, key).map {
                try DriftMonitor(record: $0, key: key)
            }
        }
        if let present {
            (gate, labels) = (present.gate, present.labels)
            return
        }
        if let row = try state.value(EngineTables.state, Self.gateKey) {
            gate = try HeadGate(encoded: row)
        }
        if let row = try state.value(EngineTables.state, Self.labelsKey) {
            labels = try LabelWatch(row: row)
        }
    }
}
