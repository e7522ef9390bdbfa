import Records

/// A uniform sample of the examples of one kind that are no longer recent.
///
/// Bottom-k sampling: every example has a random priority that its sequence number determines;
/// kept are those with the lowest. Making the sample smaller raises the bar for good, so it stays
/// uniform whenever and however often its share of the memory changes.
/// Source: Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
struct Stratum: Sendable {
    struct Member: Sendable {
        var priority: UInt64
        var sequence: UInt64
        var slot: UInt32

        static func < (a: Member, b: Member) -> Bool {
            (a.priority, a.sequence) < (b.priority, b.sequence)
        }
    }

    /// How many examples the sample stands for.
    var seen = 0.0
    /// Priorities from here on are not kept; the greatest value lets everything in.
    var bar = UInt64.max
    /// A binary heap with the greatest priority first.
    private(set) var members: [Member] = []

    var kept: Int { members.count }
    /// How many examples each kept one stands for.
    var weight: Double { members.isEmpty ? 0 : seen / Double(members.count) }

    /// Counts one example and says whether it is kept.
    mutating func offer(_ member: Member) -> Bool {
        seen += 1
        guard bar == .max || member.priority < bar else { return false }
        add(member)
        return true
    }

    mutating func add(_ member: Member) {
        members.append(member)
        var at = members.count - 1
        while at > 0, members[(at - 1) / 2] < members[at] {
            members.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    /// Gives up the member of the greatest priority and lets none like it in again.
    mutating func giveUpOne() -> Member? {
        guard let first = members.first else { return nil }
        let last = members.removeLast()
        if !members.isEmpty {
            members[0] = last
            sink(from: 0)
        }
        bar = first.priority
        return first
    }

    private mutating func sink(from start: Int) {
        var at = start
        while true {
            var greatest = at
            for child in [2 * at + 1, 2 * at + 2]
            where child < members.count && members[greatest] < members[child] {
                greatest = child
            }
            if greatest == at { return }
            members.swapAt(at, greatest)
            at = greatest
        }
    }

    /// Takes members out as if they had never been seen.
    mutating func remove(where gone: (Member) -> Bool) {
        let each = weight
        let before = members.count
        members.removeAll(where: gone)
        if members.count == before { return }
        seen = members.isEmpty ? 0 : seen - each * Double(before - members.count)
        for index in stride(from: members.count / 2, through: 0, by: -1) { sink(from: index) }
    }
}
