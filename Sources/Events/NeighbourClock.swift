/// Stands in for the broker's timestamp where a log has none: a line's neighbours say what time it
/// was.
///
/// An event is taken for one with a wrong clock when it is further ahead than the skew allows of
/// nearly all of the events that follow it: one of 2099 must not close every window of a log. At
/// the log's end, where too few follow to tell, it must be ahead of everything around it by more
/// than a year. A value without I/O; the verdict depends on the log alone.
public struct NeighbourClock<Element> {
    /// Events that follow an event and are asked about it.
    public static var neighbourCount: Int { 64 }
    /// How many of them must be as late as it, less the skew: a few wrong clocks near each other
    /// do not vouch for one another.
    private static var voucherCount: Int { 8 }
    /// Elements held back at most, those without a time included.
    private static var heldMax: Int { 1024 }
    private static var yearMs: Int64 { 366 * 86_400_000 }

    /// An element, and by how much its clock is wrong if it is.
    public struct Released {
        /// The element as it was pushed.
        public let element: Element
        /// By how much its clock is ahead, milliseconds; `nil` where it is taken for right.
        public let aheadMs: Int64?
    }

    private let skewMaxMs: Int64
    private var held: [(element: Element, tsMs: Int64?)] = []
    /// The place of the first that is still held.
    private var first = 0
    private var timed = 0
    private var newestMs: Int64?
    private var accepted = 0

    /// A clock without neighbours.
    ///
    /// - Parameter skewMaxMs: how far ahead is still right.
    public init(skewMaxMs: Int64) {
        self.skewMaxMs = skewMaxMs
    }

    /// Takes the next element in.
    ///
    /// - Parameter tsMs: `nil` for one that is not asked about and vouches for nobody.
    /// - Returns: the oldest element, once enough follow it.
    public mutating func push(_ element: Element, tsMs: Int64?) -> Released? {
        held.append((element, tsMs))
        if tsMs != nil { timed += 1 }
        let isEnough = timed > Self.neighbourCount || held[first].tsMs == nil
        return isEnough || held.count - first > Self.heldMax ? pop() : nil
    }

    /// Gives out the oldest element at the log's end; `nil` when none is left.
    public mutating func pop() -> Released? {
        guard first < held.count else { return nil }
        let (element, tsMs) = held[first]
        first += 1
        if first >= 4096 {
            held.removeFirst(first)
            first = 0
        }
        guard let tsMs else { return Released(element: element, aheadMs: nil) }
        timed -= 1
        if let aheadMs = aheadMs(tsMs) { return Released(element: element, aheadMs: aheadMs) }
        newestMs = max(newestMs ?? tsMs, tsMs)
        accepted += 1
        return Released(element: element, aheadMs: nil)
    }

    /// By how much an event is ahead of its neighbours; `nil` where that is within bounds.
    private func aheadMs(_ tsMs: Int64) -> Int64? {
        var vouchers = 0
        var neighbours = accepted
        var latestMs = newestMs
        var index = first
        while index < held.count, vouchers < Self.voucherCount {
            defer { index += 1 }
            guard let other = held[index].tsMs else { continue }
            neighbours += 1
            latestMs = max(latestMs ?? other, other)
            if other >= tsMs - skewMaxMs { vouchers += 1 }
        }
        guard vouchers < Self.voucherCount, let latestMs else { return nil }
        if timed >= Self.neighbourCount { return max(tsMs - latestMs, skewMaxMs + 1) }
        // Two neighbours that agree outvote one clock; one says as little as the other.
        return neighbours > 1 && vouchers == 0 && tsMs - latestMs > Self.yearMs
            ? tsMs - latestMs : nil
    }
}
