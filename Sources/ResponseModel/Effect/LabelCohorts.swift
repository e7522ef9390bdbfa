import Records

/// Sums over decisions by the time they were made, each taken when all labels of that time are there.
///
/// Purchases are told at once and the rest after a wait. Counted as they come, the first labels of every burst of
/// visits would be purchases alone.
struct LabelCohorts: Sendable, Equatable {
    /// Cohorts in the time that labels take.
    private static let count: Int64 = 24

    /// Decisions of one span of time.
    struct Cohort: Sendable, Equatable {
        /// Units: epoch milliseconds.
        let startMs: Int64
        var sums: [Double]
    }

    /// The oldest first.
    private(set) var cohorts: [Cohort] = []

    init() {}

    /// The cohorts that were kept; `nil` for what can be none.
    ///
    /// - Parameter width: sums of each cohort.
    init?(_ cohorts: [Cohort], width: Int) {
        guard cohorts.allSatisfy({ $0.sums.count == width && $0.sums.allSatisfy(\.isFinite) }),
            zip(cohorts, cohorts.dropFirst()).allSatisfy({ $0.startMs < $1.startMs })
        else { return nil }
        self.cohorts = cohorts
    }

    /// Adds one label's values to the sums of its decision's time.
    ///
    /// - Parameter labelsMs: how long after a decision its label may still change.
    mutating func add(_ values: [Double], atMs ms: Int64, labelsMs: Int64) {
        guard values.allSatisfy(\.isFinite) else { return }
        let span = Self.span(labelsMs)
        let startMs = ms - (ms % span + span) % span
        // Labels come nearly in the order of their decisions, so the place is near the end.
        let place = cohorts.lastIndex { $0.startMs <= startMs }
        if let place, cohorts[place].startMs == startMs {
            for index in values.indices { cohorts[place].sums[index] += values[index] }
        } else {
            cohorts.insert(Cohort(startMs: startMs, sums: values), at: place.map { $0 + 1 } ?? 0)
        }
    }

    /// The sums of the oldest cohort, if all its labels are there by a time; it is gone then.
    mutating func next(byMs ms: Int64, labelsMs: Int64) -> [Double]? {
        guard let oldest = cohorts.first, oldest.startMs + Self.span(labelsMs) + labelsMs <= ms
        else { return nil }
        cohorts.removeFirst()
        return oldest.sums
    }

    mutating func removeAll() { cohorts.removeAll() }

    private static func span(_ labelsMs: Int64) -> Int64 { max(1, labelsMs / count) }
}

extension LabelCohorts {
    func write(to writer: inout ByteWriter) {
        writer.array(cohorts) {
            $0.integer($1.startMs)
            $0.doubles($1.sums)
        }
    }

    /// `nil` for what can be none.
    init?(from reader: inout ByteReader, width: Int) throws(ByteCodingError) {
        self.init(
            try reader.array { r throws(ByteCodingError) in
                Cohort(startMs: try r.integer(Int64.self), sums: try r.doubles())
            }, width: width)
    }
}
