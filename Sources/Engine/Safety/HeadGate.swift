import ContinualLearning
import Records

/// Where the hourly judgement of the heads stands.
struct HeadGate: Sendable, Equatable {
    /// The newest example's event time.
    var clockMs: Int64 = 0
    var judgedMs: Int64?
    var judgedExamples = 0
    /// Judgements since the last promotion: each has its part of alpha.
    var candidates = 0
    /// Rejections since the last promotion.
    var rejections = 0
    /// Times the weights went back since the last promotion.
    var setbacks = 0
    /// Refreshes judged since the last one that was promoted.
    var refreshes = 0
    /// Whether the store's champion is a state that a gate has passed.
    var hasChampion = false
    /// Why the weights are to go back to the champion, until they have.
    var owed: String?

    /// A judgement begins, after so many examples.
    mutating func begin(_ examples: Int) {
        judgedMs = clockMs
        judgedExamples = examples
        candidates += 1
    }

    mutating func promoted() {
        candidates = 0
        rejections = 0
        setbacks = 0
        hasChampion = true
    }

    /// Whether it has been rejected often enough to go back to the champion. What shifts for good, as a
    /// season does, must not be kept from being learned for ever: each time it takes twice as many.
    func goesBack(after count: Int) -> Bool {
        hasChampion && count > 0 && rejections >= count << min(setbacks, 16)
    }

    mutating func owe(_ reason: String) {
        owed = reason
        candidates = 0
        rejections = 0
        setbacks += 1
    }

    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.integer(1 as UInt8)
        writer.integer(clockMs)
        writer.optional(judgedMs) { $0.integer($1) }
        for count in [judgedExamples, candidates, rejections, setbacks, refreshes] {
            writer.integer(Int64(count))
        }
        writer.bool(hasChampion)
        writer.optional(owed) { $0.string($1) }
        return writer.bytes
    }

    init() {}

    init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "a head gate of another version")
        }
        clockMs = try reader.integer()
        judgedMs = try reader.optional { r throws(ByteCodingError) in try r.integer() }
        judgedExamples = Int(try reader.integer(Int64.self))
        candidates = Int(try reader.integer(Int64.self))
        rejections = Int(try reader.integer(Int64.self))
        setbacks = Int(try reader.integer(Int64.self))
        refreshes = Int(try reader.integer(Int64.self))
        hasChampion = try reader.bool()
        owed = try reader.optional { r throws(ByteCodingError) in try r.string() }
        try reader.finish()
    }
}

/// How the heads did on their anchors, beside what was served for these when they came.
public struct HeadVerdict: Sendable, Codable, Equatable {
    /// What follows; a shift of labels always rejects.
    public let outcome: RefreshGate.Outcome
    /// Anchors that were looked at.
    public let anchors: Int
    /// Share of the served log-loss, over all anchors; negative is better than what was served.
    public let harm: Double?
    /// The category that was found harmed, or that promotion waits for.
    public let slice: String?
    /// Harm that the anchors show in the category they name; `nil` where they name none.
    public let sliceHarm: Double?
    /// Lower bound of this harm.
    public let sliceLower: Double?
    /// Where the newest labels are others than was predicted of them, the category, as predicted and as
    /// they came: they have shifted, or are poisoned, and a person must say which. Then `slice` is it.
    public let shift: LabelShift.Finding?
    /// Rejections since the last promotion.
    public let rejections: Int
    /// The weights go back to the champion.
    public let rollsBack: Bool

    /// Why the weights go back.
    public var reason: String {
        func percent(_ share: Double?) -> String {
            share.map { "\((1000 * $0).rounded() / 10) %" } ?? "unknown"
        }
        let start = "the heads were rejected \(rejections) times with no pass between: "
        if let shift {
            return start
                + "of the newest \(shift.examples) labels of \(shift.slice) \(percent(shift.observed)) "
                + "are positive where \(percent(shift.expected)) were predicted"
        }
        return start
            + "on \(anchors) anchors the log-loss of \(slice ?? RefreshGate.everything) is "
            + "\(percent(sliceHarm)) larger than what was served, at least \(percent(sliceLower))"
    }
}
