import ContinualLearning
import Records

/// What is kept of the labels from one look at them to the next. It changes with judgements alone, and is a
/// row of its own, so that other commits do not write it.
struct LabelWatch: Sendable {
    /// The slice whose labels have shifted, and when the window began that says so.
    private struct Shifted: Sendable {
        let slice: LevelHistory.Category
        let sinceMs: Int64
    }

    /// A window to be looked at.
    struct Window {
        /// The step that it begins at.
        let start: Int
        /// The slice that an earlier look found shifted in it.
        var known: LevelHistory.Category?
    }

    /// How the levels of categories have moved.
    private(set) var levels = LevelHistory()
    /// What was found shifted, until its labels are again as predicted.
    private var shifted: Shifted?
    /// Labels that no refresh is trained on.
    private(set) var suspects: [SuspectLabels] = []
    private var isDirty = false

    init() {}

    /// The windows of a look: those of the levels, and last the one of the earlier finding.
    func windows(nowMs: Int64, spanMs: Int64) -> [Window] {
        var windows = levels.windows(nowMs: nowMs, spanMs: spanMs).map { Window(start: $0) }
        if let shifted,
            let start = levels.steps.firstIndex(where: {
                $0.tsMs == shifted.sinceMs && $0.tsMs >= nowMs - spanMs
            })
        {
            windows.append(Window(start: start, known: shifted.slice))
        }
        return windows
    }

    /// Takes the levels at a judgement.
    mutating func step(_ meter: LevelMeter, next: UInt64, tsMs: Int64) {
        levels.add(meter, next: next, tsMs: tsMs)
        isDirty = true
    }

    /// A look has found labels shifted: they are not trained on.
    ///
    /// - Parameters:
    ///   - slice: whose labels have shifted.
    ///   - start: the step that the window begins at which says so.
    ///   - next: the number that the next example is to have in replay memory.
    mutating func found(_ slice: LevelHistory.Category, since start: Int, next: UInt64) {
        let step = levels.steps[start]
        shifted = Shifted(slice: slice, sinceMs: step.tsMs)
        suspects.note(SuspectLabels(slice: slice, examples: step.next..<next))
        isDirty = true
    }

    /// The labels are as predicted.
    mutating func foundNothing() {
        guard shifted != nil else { return }
        shifted = nil
        isDirty = true
    }

    /// The weights have gone back to where replay memory ended before this number.
    mutating func goBack(to next: UInt64) {
        levels.goBack(to: next)
        suspects.forget(from: next)
        isDirty = true
    }

    /// The row, where it has changed since it was asked for.
    mutating func changedRow() -> [UInt8]? {
        guard isDirty else { return nil }
        isDirty = false
        var writer = ByteWriter()
        writer.integer(1 as UInt8)
        levels.write(to: &writer)
        suspects.write(to: &writer)
        writer.optional(shifted) { writer, shifted in
            shifted.slice.write(to: &writer)
            writer.integer(shifted.sinceMs)
        }
        return writer.bytes
    }

    init(row bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "a label watch of another version")
        }
        levels = try LevelHistory(from: &reader)
        suspects = try [SuspectLabels](from: &reader)
        shifted = try reader.optional { r throws(ByteCodingError) in
            Shifted(slice: try LevelHistory.Category(from: &r), sinceMs: try r.integer())
        }
        try reader.finish()
    }
}
