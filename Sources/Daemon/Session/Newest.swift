/// What the steps of the newest thousand records were.
struct Newest<Step: Sendable>: Sendable {
    private static var countMax: Int { 1_000 }

    private(set) var steps: [(step: Step, count: Int)] = []
    /// Records of all steps.
    private(set) var count = 0

    /// Adds a step; the oldest go that the newest thousand are not in.
    mutating func add(_ step: Step, count added: Int) {
        guard added > 0 else { return }
        steps.append((step, added))
        count += added
        while let oldest = steps.first, count - oldest.count >= Self.countMax {
            count -= oldest.count
            steps.removeFirst()
        }
    }

    /// Changes the newest step; nothing where there is none.
    mutating func changeLast(_ change: (inout Step) -> Void) {
        guard let last = steps.indices.last else { return }
        change(&steps[last].step)
    }
}
