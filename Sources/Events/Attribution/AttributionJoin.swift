import Records

/// Joins impressions, clicks and issued decisions with the purchases and refunds that follow them.
///
/// A value without clock or I/O: all time is event time, and what comes out depends on the events,
/// not on how they were cut into batches. Events wait until the watermark has passed them and are
/// then taken in the order of event time, so an order of arrival that stays within the lateness
/// changes nothing. Everything is bounded; what happens at a bound is counted.
///
/// - An impression, a click or a decision opens an example for its user and item. One that repeats
///   an offer still open belongs to that example, and a click labels it clicked.
/// - A purchase labels the example of its recommendation, or the one the rule chooses, positive.
/// - Without a click within the click window an example is labelled not clicked; without a
///   purchase within the wait, not purchased.
/// - A purchase that comes later than the lateness allows counts while its example is open: a drop
///   of purchases would be one by the label.
/// - A refund, or a purchase between the wait's end and the window's, corrects the label. With a
///   wait shorter than the window, its end is told too: the label is final but for refunds.
///
/// A window is half open: what happens exactly at its end is outside.
public struct AttributionJoin: Sendable {
    static let clockTable = StateTable("join.clock", .keyed)

    /// As it was given; it never changes.
    public let configuration: AttributionConfiguration
    /// What was seen so far; part of the state that is stored.
    public internal(set) var counts = JoinCounts()

    var duplicates = DuplicateMemory()
    var watermarks = Watermarks()
    var pending = PendingEvents()
    var open = OpenExamples()
    var sold = SoldPurchases()
    /// The first example whose deadline of each kind has not come.
    var clickCursor: UInt64 = 0
    var waitCursor: UInt64 = 0
    var windowCursor: UInt64 = 0
    var witnesses = Witnesses()

    /// - Parameter configuration: one without a `problem`.
    public init(configuration: AttributionConfiguration) {
        precondition(configuration.problem == nil, configuration.problem ?? "")
        self.configuration = configuration
    }

    /// Examples that are open.
    public var openCount: Int { open.count }
    /// Events that wait for the watermark.
    public var pendingCount: Int { pending.count }
    /// Purchases that a refund can find.
    public var purchaseCount: Int { sold.count }
    /// Event ids that are remembered.
    public var rememberedCount: Int { duplicates.count }
    /// Events before this time are late; `nil` before there is any.
    public var watermarkMs: Int64? { watermarks.watermarkMs }
    /// The newest time that events have agreed on; `nil` before there is any.
    public var newestMs: Int64? { watermarks.newestMs }
    /// The newest time, where an event of this time would leap ahead of it; else `nil`.
    public func leap(of tsMs: Int64) -> Int64? {
        watermarks.leap(of: tsMs, max: configuration.leapMaxMs)
    }
    /// The newest leap of event time.
    public var lastLeap: TimeLeap? { watermarks.lastLeap }

    /// What became of an event that was handed in.
    public enum Admission: Sendable, Hashable {
        /// Joined, now or when the watermark passes it; or of a type that is not joined.
        case accepted
        /// Its id is remembered; nothing was taken.
        case duplicate
        /// Older than the lateness allows; nothing but its id was taken.
        case late
    }

    /// Takes an event. Items, erasures, identities and objections pass untouched; an outcome is held against
    /// the memory of ids and moves time, and is the engine's to learn when accepted.
    ///
    /// Outputs, of this event and of those whose time has come by it, are appended to `outputs`.
    @discardableResult
    public mutating func ingest(
        _ event: Event, from position: TopicPartition, offset: Int64,
        into outputs: inout [JoinOutput]
    ) -> Admission {
        switch event.type {
        case .item, .erase, .identify, .objection: return .accepted
        default: break
        }
        let now = watermarks.watermarkMs ?? .min
        // An id of a time far ahead would be remembered until then.
        let leapsFrom = leap(of: event.tsMs)
        guard
            duplicates.insert(
                event.eventID, tsMs: leapsFrom ?? event.tsMs, watermarkMs: now,
                configuration: configuration)
        else {
            counts.duplicates += 1
            outputs.append(.duplicate(eventID: event.eventID))
            return .duplicate
        }
        var tsMs = event.tsMs
        if tsMs < now {
            switch event.type {
            // A refund tells of its purchase, not of its own time: it is never too late.
            case .refund: tsMs = now
            // Nor may purchases be lost that come by a slower way than clicks.
            case .purchase:
                counts.latePurchases += 1
                tsMs = now
            case .outcome: break
            default:
                counts.late += 1
                outputs.append(.late(eventID: event.eventID, tsMs: tsMs, watermarkMs: now))
                return .late
            }
        }
        watermarks.note(
            position, tsMs: event.tsMs, offset: offset, userID: event.userID ?? "",
            leapMaxMs: configuration.leapMaxMs)
        if let body = PendingEvent.Body(event.body) {
            pending.insert(
                PendingEvent(
                    eventID: event.eventID, tsMs: tsMs,
                    lateMs: event.type == .purchase && tsMs != event.tsMs ? event.tsMs : nil,
                    position: position, offset: offset, body: body))
        }
        advance(into: &outputs)
        return .accepted
    }

    /// Opens an example for a recommendation that was published on the strength of the event at
    /// `position` and `offset`. One issued for a late event counts from the watermark on.
    public mutating func open(
        _ decision: IssuedDecision, from position: TopicPartition, offset: Int64,
        into outputs: inout [JoinOutput]
    ) {
        pending.insert(
            PendingEvent(
                eventID: decision.recommendationID,
                tsMs: max(decision.tsMs, watermarks.watermarkMs ?? .min), position: position,
                offset: offset,
                body: .decision(
                    decision.offer, triggerEventID: decision.triggerEventID,
                    isView: decision.isView)))
        advance(into: &outputs)
    }

    /// At the start of reading: the watermark waits for the partitions that have something to be
    /// read, as it may be older than what the others have, and for no others.
    public mutating func wait(
        for positions: some Sequence<TopicPartition>, into outputs: inout [JoinOutput]
    ) {
        let awaited = Set(positions)
        for position in awaited.union(watermarks.positions) {
            watermarks.setIdle(position, !awaited.contains(position))
        }
        advance(into: &outputs)
    }

    /// Whether the watermark waits for a first event of this partition.
    public func isAwaiting(_ position: TopicPartition) -> Bool { watermarks.isAwaiting(position) }

    /// Takes an outside verdict that a partition brings nothing for now, or does again. Its next
    /// event ends its idleness by itself.
    public mutating func setIdle(
        _ position: TopicPartition, _ isIdle: Bool, into outputs: inout [JoinOutput]
    ) {
        watermarks.setIdle(position, isIdle)
        advance(into: &outputs)
    }

    /// Takes what the daemon's clock said when the events that follow were read; `nil`: there is none.
    public mutating func read(atMs clockMs: Int64?, into outputs: inout [JoinOutput]) {
        guard watermarks.read(atMs: clockMs, holdMs: max(configuration.latenessMs, 60_000)) else {
            return
        }
        advance(into: &outputs)
    }

    /// Keeps what was predicted of an example until its label is final, if it is still open.
    public mutating func keep(servedLogit: Double, of example: ExampleID) {
        _ = open.update(example.number) { $0.servedLogit = servedLogit }
    }

    /// Takes all events that wait, as if none older could come any more: for the end of a bounded
    /// log. Windows that reach beyond the newest event stay open.
    public mutating func drain(into outputs: inout [JoinOutput]) {
        watermarks.settleLeaps()
        if let newest = pending.newestMs, configuration.leapMaxMs == nil {
            watermarks.raise(to: newest + 1)
        } else if let newest = watermarks.newestMs {
            watermarks.raise(to: newest + 1)
        }
        take(upTo: watermarks.watermarkMs, into: &outputs)
    }

    /// Removes all that is held of a user, at once. Complexity: O(n) in what is held.
    public mutating func erase(userID: String) {
        _ = pending.removeAll { $0.userID.isExactly(userID) }
        for number in open.numbers(ofUser: userID) where open.remove(number) != nil {
            witnesses.closed(number)
        }
        _ = sold.forget(user: userID) { [open] in open[$0] != nil }
    }
}

// MARK: Time

extension AttributionJoin {
    private mutating func advance(into outputs: inout [JoinOutput]) {
        watermarks.advance(
            latenessMs: configuration.latenessMs, leapMaxMs: configuration.leapMaxMs)
        take(upTo: watermarks.watermarkMs, into: &outputs)
        while pending.count > configuration.pendingMax, let earliest = pending.earliestMs {
            if watermarks.leap(of: earliest, max: configuration.leapMaxMs) != nil {
                // Nothing waits but what is far ahead: time must not follow it for want of room.
                dropEarliest(into: &outputs)
                continue
            }
            counts.hurried += 1
            watermarks.raise(to: earliest)
            takeEarliest(into: &outputs)
        }
    }

    /// Takes the events before `limit` and the deadlines up to it, in order of time; a deadline
    /// comes before an event of the same time.
    private mutating func take(upTo limit: Int64?, into outputs: inout [JoinOutput]) {
        guard let limit else { return }
        while let earliest = pending.earliestMs, earliest < limit {
            takeEarliest(into: &outputs)
        }
        meetDeadlines(upTo: limit, into: &outputs)
    }

    private mutating func dropEarliest(into outputs: inout [JoinOutput]) {
        guard let event = pending.removeEarliest() else { return }
        counts.late += 1
        outputs.append(
            .late(
                eventID: event.eventID, tsMs: event.tsMs,
                watermarkMs: watermarks.watermarkMs ?? .min))
    }

    private mutating func takeEarliest(into outputs: inout [JoinOutput]) {
        guard let event = pending.removeEarliest() else { return }
        meetDeadlines(upTo: event.tsMs, into: &outputs)
        join(event, into: &outputs)
    }

    private enum Deadline {
        case click, wait, window, purchase
    }

    private mutating func meetDeadlines(upTo limit: Int64, into outputs: inout [JoinOutput]) {
        while let (deadline, atMs) = nextDeadline(), atMs <= limit {
            switch deadline {
            case .click: endClickWindow(into: &outputs)
            case .wait: endWait(into: &outputs)
            case .window: endWindow(into: &outputs)
            case .purchase: sold.forgetOldest { [open] in open[$0] != nil }
            }
        }
    }

    /// The earliest deadline; of those at one time, in the order of the cases.
    private mutating func nextDeadline() -> (Deadline, Int64)? {
        var next: (Deadline, Int64)?
        func consider(_ deadline: Deadline, _ startMs: Int64?, _ spanMs: Int64) {
            guard let startMs else { return }
            if next.map({ startMs + spanMs < $0.1 }) ?? true { next = (deadline, startMs + spanMs) }
        }
        consider(.click, openedMs(&clickCursor), configuration.clickWindowMs)
        consider(.wait, openedMs(&waitCursor), configuration.waitMs)
        consider(.window, openedMs(&windowCursor), configuration.windowMs)
        consider(.purchase, sold.oldestMs(), configuration.refundWindowMs)
        return next
    }

    /// When the example at the cursor was opened, the cursor moved past examples that are closed.
    private func openedMs(_ cursor: inout UInt64) -> Int64? {
        while cursor < open.nextNumber {
            if let example = open[cursor] { return example.tsMs }
            cursor += 1
        }
        return nil
    }

    private mutating func endClickWindow(into outputs: inout [JoinOutput]) {
        let number = clickCursor
        clickCursor += 1
        guard let example = open[number], example.awaitsClick else { return }
        _ = open.update(number) { $0.awaitsClick = false }
        counts.notClicked += 1
        outputs.append(.labelled(labelled(number, .notClicked)))
    }

    private mutating func endWait(into outputs: inout [JoinOutput]) {
        let number = waitCursor
        waitCursor += 1
        guard let example = open[number], example.purchaseLabel == .unknown else { return }
        _ = open.update(number) { $0.purchaseLabel = .negative }
        counts.notPurchased += 1
        outputs.append(.labelled(labelled(number, .notPurchased)))
    }

    private mutating func endWindow(into outputs: inout [JoinOutput]) {
        let number = windowCursor
        windowCursor += 1
        if let example = open[number],
            configuration.waitMs < configuration.windowMs || example.purchasedMs != nil
                || example.firstClickMs != nil
        {
            outputs.append(
                .matured(
                    labelled(
                        number, example.purchasedMs == nil ? .notPurchased : sold.label(of: number))
                ))
        }
        close(number)
    }

    func labelled(_ number: UInt64, _ label: ExampleLabel) -> LabelledExample {
        guard let example = open[number] else { preconditionFailure("example \(number) is closed") }
        return LabelledExample(
            id: ExampleID(number), label: label, opening: example.opening,
            openedBy: example.openedBy, tsMs: example.tsMs, offer: example.offer,
            clicked: example.clickedMs != nil, firstClickMs: example.firstClickMs,
            purchasedMs: example.purchasedMs,
            servedLogit: example.servedLogit)
    }
}

extension PendingEvent.Body {
    /// What the join needs of an event; `nil` for the types that are not joined.
    fileprivate init?(_ body: Event.Body) {
        switch body {
        case .impression(let offer): self = .impression(offer.withoutItem)
        case .click(let offer): self = .click(offer.withoutItem)
        case .purchase(var purchase):
            purchase.offer.item = nil
            self = .purchase(purchase)
        case .refund(let refund): self = .refund(refund)
        case .outcome, .item, .erase, .identify, .objection: return nil
        }
    }
}

extension Event.Offer {
    fileprivate var withoutItem: Event.Offer {
        guard item != nil else { return self }
        var copy = self
        copy.item = nil
        return copy
    }
}
