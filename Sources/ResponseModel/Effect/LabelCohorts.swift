import Records

/// Sums over decisions by the time they were made, each taken when all labels of that time are there.
///
/// Purchases are told at once and the rest after a wait. Counted as they come, the first labels of every burst of
/// visits would be purchases alone. Of decisions made before one listens, purchases may have been told already:
/// these decisions do not count at all.
struct LabelCohorts: Sendable, Equatable {
    /// Cohorts in the time that labels take.
    private static let count: Int64 = 24
    /// Cohorts kept at most: where decisions come in no order, the oldest become one.
    private static let countMax = 64

    /// Decisions of one span of time.
    struct Cohort: Sendable, Equatable {
        /// Units: epoch milliseconds.
        let startMs: Int64
        var sums: [Double]
    }

    /// The oldest first.
    private(set) var cohorts: [Cohort] = []
    /// The time of the first decision that counts; `nil` before any label was heard.
    private var fromMs: Int64?

    init() {}

    /// Listens anew, to decisions from a time on.
    init(fromMs: Int64) { self.fromMs = fromMs }

    /// Adds one label's values to the sums of its decision's time.
    ///
    /// - Parameters:
    ///   - nowMs: the newest time of the stream.
    ///   - labelsMs: how long after a decision its label may still change.
    mutating func add(_ values: [Double], atMs ms: Int64, nowMs: Int64, labelsMs: Int64) {
        let from = fromMs ?? nowMs
        fromMs = from
        guard ms >= from, values.allSatisfy(\.isFinite) else { return }
        let span = Self.span(labelsMs)
        let startMs = ms - (ms % span + span) % span
        // Labels come nearly in the order of their decisions, so the place is near the end.
        let place = cohorts.lastIndex { $0.startMs <= startMs }
        if let place, cohorts[place].startMs == startMs {
            for index in values.indices { cohorts[place].sums[index] += values[index] }
        } else {
            cohorts.insert(Cohort(startMs: startMs, sums: values), at: place.map { $0 + 1 } ?? 0)
            guard cohorts.count > Self.countMax else { return }
            let oldest = cohorts.removeFirst()
            for index in values.indices { cohorts[0].sums[index] += oldest.sums[index] }
        }
    }

    /// Whether all labels of the oldest cohort are there by a time.
    func isDue(byMs ms: Int64, labelsMs: Int64) -> Bool {
        cohorts.first.map { $0.startMs + Self.span(labelsMs) + labelsMs <= ms } ?? false
    }

    /// The sums of the oldest cohort, if all its labels are there by a time; it is gone then.
    mutating func next(byMs ms: Int64, labelsMs: Int64) -> [Double]? {
        isDue(byMs: ms, labelsMs: labelsMs) ? cohorts.removeFirst().sums : nil
    }

    private static func span(_ labelsMs: Int64) -> Int64 { max(1, labelsMs / count) }
}

extension LabelCohorts {
    func write(to writer: inout ByteWriter) {
        writer.optional(fromMs) { $0.integer($1) }
        writer.array(cohorts) {
            $0.integer($1.startMs)
            $0.doubles($1.sums)
        }
    }

    /// `nil` for what can be none.
    ///
    /// - Parameter width: sums of each cohort.
    init?(from reader: inout ByteReader, width: Int) throws(ByteCodingError) {
        fromMs = try reader.optional { r throws(ByteCodingError) in try r.integer(Int64.self) }
        cohorts = try reader.array { r throws(ByteCodingError) in
            Cohort(startMs: try r.integer(Int64.self), sums: try r.doubles())
        }
        guard cohorts.count <= Self.countMax,
            cohorts.allSatisfy({ $0.sums.count == width && $0.sums.allSatisfy(\.isFinite) }),
            zip(cohorts, cohorts.dropFirst()).allSatisfy({ $0.startMs < $1.startMs })
        else { return nil }
    }
}
