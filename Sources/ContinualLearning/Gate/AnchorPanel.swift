import Records

/// What a head says of its anchors, beside what was served for them, whatever the level.
///
/// Anchors are of earlier. How much a shop sells moves with the season, and heads follow it at once, as
/// they should: a level that all slices share is no harm. So the logits of a slice are shifted by what
/// fits the anchors of all other slices best, and those of everything by what fits them all.
public struct AnchorPanel: Sendable {
    private struct Row {
        var served: Double
        var logit: Double
        var weight: Double
        var label: Bool
        var user: String
        var slice: Int
    }

    private let slices: [String]
    private let index: [String: Int]
    private var rows: [Row] = []
    private var counts: [Int]

    /// Newton's steps, each of one logit at most; a level is found in four or five.
    private static let stepsMax = 20

    /// - Parameter slices: those that are judged on their own, by name.
    public init(slices: [String]) {
        self.slices = slices
        index = Dictionary(zip(slices, slices.indices)) { first, _ in first }
        counts = Array(repeating: 0, count: slices.count)
    }

    /// - Parameter logit: the head's; what is no finite number speaks against it and fits no level.
    public mutating func add(
        served: Double, logit: Double, label: Bool, weight: Double, user: String, slice: String?
    ) {
        guard served.isFinite, weight.isFinite, weight > 0 else { return }
        let own = slice.flatMap { index[$0] } ?? -1
        rows.append(
            Row(
                served: served, logit: logit, weight: weight, label: label, user: user, slice: own))
        if own >= 0 { counts[own] += 1 }
    }

    /// Has the gate take all of it.
    ///
    /// - Parameter othersMin: anchors of other slices that a level of theirs takes; with fewer, that of
    ///   everything holds.
    /// - Complexity: O(anchors · slices).
    public func judge(_ gate: inout RefreshGate, othersMin: Int) {
        let level = fit(without: nil)
        let levels = slices.indices.map { slice in
            rows.count - counts[slice] >= othersMin ? fit(without: slice) : level
        }
        for row in rows {
            gate.observe(
                in: [RefreshGate.everything], served: row.served, candidate: row.logit + level,
                label: row.label, weight: row.weight, user: row.user)
            guard row.slice >= 0 else { continue }
            gate.observe(
                in: [slices[row.slice]], served: row.served,
                candidate: row.logit + levels[row.slice], label: row.label, weight: row.weight,
                user: row.user)
        }
    }

    /// The shift of all logits, but for those of a slice, under which the labels are likeliest.
    private func fit(without slice: Int?) -> Double {
        var shift = 0.0
        for _ in 0..<Self.stepsMax {
            var slope = 0.0
            var curvature = 0.0
            for row in rows where row.slice != slice && row.logit.isFinite {
                let p = logistic(row.logit + shift)
                slope += row.weight * ((row.label ? 1 : 0) - p)
                curvature += row.weight * p * (1 - p)
            }
            guard curvature > 0 else { return 0 }
            let step = min(max(slope / curvature, -1), 1)
            shift += step
            if abs(step) < 1e-6 { break }
        }
        return shift
    }
}
