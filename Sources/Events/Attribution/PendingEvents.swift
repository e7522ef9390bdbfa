import Records

/// An event that waits for the watermark, so that all are taken in the order of event time.
struct PendingEvent: ShopperRow {
    enum Body: Sendable {
        case impression(Event.Offer)
        case click(Event.Offer)
        case purchase(Event.Purchase)
        case refund(Event.Refund)
        /// `eventID` is the recommendation's id.
        case decision(Event.Offer, triggerEventID: String?, isView: Bool)
    }

    var eventID: String
    /// When it is taken: its event time, or the watermark where it came too late for that.
    var tsMs: Int64
    /// Its event time, where that is another.
    var lateMs: Int64?
    var position: TopicPartition
    var offset: Int64
    var body: Body

    /// Event time, then where it came from; a decision after the event that led to it. Events of one record
    /// are in the order of their arrival, which is that of the record.
    func precedes(_ other: PendingEvent) -> Bool {
        if tsMs != other.tsMs { return tsMs < other.tsMs }
        if position != other.position { return position.precedes(other.position) }
        if offset != other.offset { return offset < other.offset }
        return !isDecision && other.isDecision
    }

    /// Event time, epoch milliseconds.
    var happenedMs: Int64 { lateMs ?? tsMs }

    private var isDecision: Bool {
        if case .decision = body { true } else { false }
    }

    var rowUser: String? { userID }

    /// `nil` of a refund that does not say whose it is.
    var userID: String? {
        switch body {
        case .impression(let offer), .click(let offer), .decision(let offer, _, _): offer.userID
        case .purchase(let purchase): purchase.offer.userID
        case .refund(let refund): refund.userID
        }
    }
}

/// The events that wait: a heap by event time over rows by arrival.
struct PendingEvents: Sendable {
    static let table = StateTable("join.pending", .keyed)

    var rows = TrackedRows<PendingEvent>()
    /// A binary heap of arrival numbers, the earliest event first.
    private var heap: [(tsMs: Int64, number: UInt64)] = []
    private var nextNumber: UInt64 = 0

    init() {}

    var count: Int { heap.count }
    var earliestMs: Int64? { heap.first?.tsMs }
    /// The time of the newest event that waits. Complexity: O(n).
    var newestMs: Int64? { heap.map(\.tsMs).max() }

    mutating func insert(_ event: PendingEvent) {
        rows.insert(nextNumber, event)
        push((event.tsMs, nextNumber))
        nextNumber += 1
    }

    mutating func removeEarliest() -> PendingEvent? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink(0)
        }
        return rows.remove(first.number)
    }

    /// Complexity: O(n).
    mutating func removeAll(where isGone: (PendingEvent) -> Bool) -> Int {
        let gone = heap.filter { rows[$0.number].map(isGone) ?? false }
        for entry in gone { rows.remove(entry.number) }
        rebuild()
        return gone.count
    }

    private mutating func rebuild() {
        heap.removeAll(keepingCapacity: true)
        for number in rows.numbers {
            if let event = rows[number] { push((event.tsMs, number)) }
        }
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        if heap[a].tsMs != heap[b].tsMs { return heap[a].tsMs < heap[b].tsMs }
        guard let first = rows[heap[a].number], let second = rows[heap[b].number] else {
            return heap[a].number < heap[b].number
        }
        if first.precedes(second) { return true }
        return !second.precedes(first) && heap[a].number < heap[b].number
    }

    private mutating func push(_ entry: (tsMs: Int64, number: UInt64)) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(child, parent) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if isBefore(child, least) { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

// MARK: State

extension PendingEvents {
    mutating func collectChanges(into changes: inout StateChanges) {
        rows.collect(Self.table, into: &changes) { event, writer in
            event.write(&writer)
        }
    }

    func writeClock(_ writer: inout ByteWriter) { writer.integer(nextNumber) }

    init(from reader: some StateReader, clock: inout ByteReader) throws {
        nextNumber = try clock.integer()
        rows = try TrackedRows(Self.table, from: reader) { row throws(ByteCodingError) in
            try PendingEvent(&row)
        }
        rebuild()
    }
}

extension PendingEvent {
    func write(_ writer: inout ByteWriter) {
        writer.string(eventID)
        writer.integer(tsMs)
        writer.position(position)
        writer.integer(offset)
        switch body {
        case .impression(let offer):
            writer.integer(1 as UInt8)
            writer.offer(offer)
        case .click(let offer):
            writer.integer(2 as UInt8)
            writer.offer(offer)
        case .purchase(let purchase):
            writer.integer((lateMs == nil ? 3 : 7) as UInt8)
            if let lateMs { writer.integer(lateMs) }
            writer.offer(purchase.offer)
            writer.integer(Int64(purchase.quantity))
            writer.optional(purchase.paid) { $0.double($1) }
            writer.optional(purchase.orderID) { $0.string($1) }
        case .refund(let refund):
            writer.integer((refund.userID == nil ? 8 : 4) as UInt8)
            if let userID = refund.userID { writer.string(userID) }
            for text in [refund.orderID, refund.purchaseEventID, refund.itemID] {
                writer.optional(text) { $0.string($1) }
            }
            writer.optional(refund.quantity) { $0.integer(Int64($1)) }
        case .decision(let offer, let trigger, let isView):
            writer.integer((isView ? 6 : 5) as UInt8)
            writer.offer(offer)
            writer.optional(trigger) { $0.string($1) }
        }
    }

    init(_ row: inout ByteReader) throws(ByteCodingError) {
        eventID = try row.string()
        tsMs = try row.integer()
        position = try row.position()
        offset = try row.integer()
        switch try row.integer(UInt8.self) {
        case 1: body = .impression(try row.offer())
        case 2: body = .click(try row.offer())
        case let kind where kind == 3 || kind == 7:
            if kind == 7 { lateMs = try row.integer() }
            var purchase = Event.Purchase(offer: try row.offer())
            purchase.quantity = Int(try row.integer(Int64.self))
            purchase.paid = try row.optional { r throws(ByteCodingError) in try r.double() }
            purchase.orderID = try row.optionalString()
            body = .purchase(purchase)
        case let kind where kind == 4 || kind == 8:
            let user = kind == 4 ? try row.string() : nil
            let order = try row.optionalString()
            let purchase = try row.optionalString()
            let item = try row.optionalString()
            let quantity = try row.optional { r throws(ByteCodingError) in
                Int(try r.integer(Int64.self))
            }
            body = .refund(
                .init(
                    userID: user, orderID: order, purchaseEventID: purchase, itemID: item,
                    quantity: quantity))
        case let kind where kind == 5 || kind == 6:
            body = .decision(
                try row.offer(), triggerEventID: try row.optionalString(), isView: kind == 6)
        case let other:
            throw .badValue(at: row.position - 1, "\(other) where a kind of event should be")
        }
    }
}
