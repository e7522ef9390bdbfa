import Records

/// Watches whether one head's predictions get worse than they say they are.
///
/// What is watched is the log-loss less what the prediction itself expects of it (its entropy): zero in
/// the mean for calibrated predictions, whatever is being shown, and above zero when the world has moved
/// away from the model. Two detectors look at it; beside them a dummy alarms at a fixed pace, so that a
/// number of alarms is not taken for an achievement.
/// Source: Bifet, "Classifier concept drift detection and the illusion of progress", 2017.
public struct DriftMonitor: Sendable, Equatable {
    /// One row for each head.
    public static let table = StateTable("drift", .keyed)
    /// Examples between two alarms of the dummy.
    static let dummyPace = 5_000

    private var pageHinkley = PageHinkley()
    private var window = AdaptiveWindow()
    private var examples = 0
    /// How often each detector has sounded.
    public private(set) var alarms = DriftAlarms()

    /// A monitor that has seen nothing.
    public init() {}

    /// Takes one prediction whose label became known; of one that is no finite number, nothing.
    ///
    /// - Returns: whether a detector, the dummy apart, sounds an alarm.
    public mutating func observe(logit: Double, label: Bool) -> Bool {
        guard logit.isFinite else { return false }
        let excess =
            logLoss(logit: logit, label: label)
            - binaryEntropy(logistic(logit))
        // One certain miss must not be a drift.
        let bounded = min(max(excess, -1), 3)
        examples += 1
        if examples % Self.dummyPace == 0 { alarms.dummy += 1 }
        let first = pageHinkley.add(bounded)
        let second = window.add(bounded / 4)
        if first { alarms.pageHinkley += 1 }
        if second { alarms.adwin += 1 }
        return first || second
    }

    /// A version and all there is of it; `init(record:key:)` reads it.
    public var record: [UInt8] {
        var writer = ByteWriter()
        writer.integer(1 as UInt8)
        for count in [examples, alarms.pageHinkley, alarms.adwin, alarms.dummy] {
            writer.integer(Int64(count))
        }
        pageHinkley.write(to: &writer)
        window.write(to: &writer)
        return writer.bytes
    }

    /// - Parameter key: of the row, for the error.
    public init(record: [UInt8], key: [UInt8]) throws(ContinualLearningError) {
        self = try Self.table.decode(key, record) { reader throws(ByteCodingError) in
            let version = try reader.integer(UInt8.self)
            guard version == 1 else { throw .badValue(at: 0, "the unknown version \(version)") }
            var monitor = DriftMonitor()
            monitor.examples = Int(try reader.integer(Int64.self))
            monitor.alarms.pageHinkley = Int(try reader.integer(Int64.self))
            monitor.alarms.adwin = Int(try reader.integer(Int64.self))
            monitor.alarms.dummy = Int(try reader.integer(Int64.self))
            monitor.pageHinkley = try PageHinkley(from: &reader)
            monitor.window = try AdaptiveWindow(from: &reader)
            return monitor
        }
    }
}

/// How often each detector sounded.
public struct DriftAlarms: Codable, Sendable, Equatable {
    /// By Page and Hinkley's test (Page 1954).
    public var pageHinkley = 0
    /// By a window that adapts its length (Bifet and Gavaldà 2007).
    public var adwin = 0
    /// Alarms of no meaning, at a fixed pace, to hold the others against.
    public var dummy = 0

    enum CodingKeys: String, CodingKey {
        case adwin, dummy
        case pageHinkley = "page_hinkley"
    }
}

/// What an alarm does besides being counted.
public enum DriftResponse: String, Sendable, CaseIterable {
    /// It is counted and told, and nothing else.
    case alarm
    /// The next refresh of the adapters begins at once.
    case refresh
}
