/// How many of the newest records could not be used.
public struct UnusableShare: Codable, Sendable, Equatable {
    /// The newest records, about a thousand at most.
    public var records: Int
    /// Those of them that could not be used.
    public var unusable: Int

    /// Of fewer records a share says little.
    private static let recordsMin = 100

    /// Whether most of what comes cannot be used.
    public var isMost: Bool { records >= Self.recordsMin && 2 * unusable > records }
}

/// How much the log says of dead letters: the first of a minute one by one, the others by their number.
/// And whether so large a share of what comes is unusable that a person should look.
///
/// Times are given, in milliseconds of one clock.
struct DeadLetterLines: Sendable {
    /// What the log is told at the end of a minute.
    struct Summary: Equatable {
        /// Letters without a line of their own.
        var untold = 0
        /// Records in the minute, letters among them.
        var records = 0
        var letters = 0
        var reason = ""

        /// Whether most of what came could not be used.
        var isAlarming: Bool { UnusableShare(records: records, unusable: letters).isMost }
    }

    static let linesMax = 10
    static let spanMs: Int64 = 60_000

    private var beganMs: Int64?
    private var summary = Summary()
    /// Letters by batch.
    private var newest = Newest<Int>()

    /// Of the newest thousand records.
    var share: UnusableShare {
        UnusableShare(
            records: newest.count, unusable: newest.steps.reduce(0) { $0 + min($1.step, $1.count) })
    }

    /// Counts a batch.
    mutating func read(_ records: Int) {
        summary.records += records
        newest.add(0, count: records)
    }

    /// Counts a letter.
    ///
    /// - Returns: whether it gets a line of its own.
    mutating func tell(_ reason: String) -> Bool {
        summary.letters += 1
        newest.changeLast { $0 += 1 }
        guard summary.letters > Self.linesMax else { return true }
        summary.untold += 1
        summary.reason = reason
        return false
    }

    /// - Returns: what is to be said of the minute that is over.
    mutating func next(nowMs: Int64) -> Summary? {
        guard let began = beganMs else {
            beganMs = nowMs
            return nil
        }
        guard nowMs - began >= Self.spanMs else { return nil }
        defer {
            beganMs = nowMs
            summary = Summary()
        }
        return summary.untold > 0 || summary.isAlarming ? summary : nil
    }

    /// What is left to say at the end of a run.
    var rest: Summary? { summary.untold > 0 || summary.isAlarming ? summary : nil }
}
