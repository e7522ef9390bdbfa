/// The tail's side of one event: which cells it touches, as parallel arrays for the kernel.
struct TailRows: Sendable {
    /// A cell's place in the tail, or -1 for an effect that is not kept.
    var cells: [Int32] = []
    var groups: [UInt8] = []
    var values: [Double] = []

    mutating func removeAll() {
        cells.removeAll(keepingCapacity: true)
        groups.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }

    mutating func append(cell: Int32, group: TailGroup, value: Double) {
        cells.append(cell)
        groups.append(group.rawValue)
        values.append(value)
    }
}

/// Likelihood terms of the tail's effects, apart from the prior.
///
/// An effect of group g has variance 1 / (tau[g] + precision) and mean eta times that variance, so a
/// new estimate of tau acts on everything learned before.
package struct TailCells: Sendable {
    package var precision: [Double] = []
    var eta: [Double] = []
    var keys: [UInt64] = []
    var groups: [UInt8] = []
}
