import Events

/// Events to come, earliest first; events of one moment in the order they were put in.
///
/// A binary heap. It holds what was bought and not yet told, and what will be sent back: bounded
/// by the purchases of the longest delay.
struct EventQueue: Sendable {
    private struct Entry {
        let event: Event
        let tsMs: Int64
        let order: Int

        func precedes(_ other: Entry) -> Bool { (tsMs, order) < (other.tsMs, other.order) }
    }

    private var heap: [Entry] = []
    private var inserted = 0

    var count: Int { heap.count }

    mutating func insert(_ event: Event) {
        heap.append(Entry(event: event, tsMs: event.tsMs, order: inserted))
        inserted += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the earliest event if it is due.
    mutating func next(upTo tsMs: Int64) -> Event? {
        guard let first = heap.first, first.tsMs <= tsMs else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return first.event
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
