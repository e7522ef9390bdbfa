import Events
import Records

/// What became of an event in the join.
struct Joined {
    var outputs: [JoinOutput] = []
    var admission = AttributionJoin.Admission.accepted

    var isDuplicate: Bool { admission == .duplicate }
    var isLate: Bool { admission == .late }
}

/// Events on their way to the join.
extension Engine {
    /// Takes what is no event of a shopper, and what is none at all.
    ///
    /// - Returns: an event to be joined, with the context that is learned from.
    mutating func admit(
        _ input: EngineInput, into output: inout StepOutput
    ) throws -> Event? {
        counters.read += 1
        let event: Event
        switch input.event {
        case .success(let decoded): event = decoded
        case .failure(let rejected):
            reject(input.record, rejected, into: &output)
            return nil
        }
        switch event.body {
        case .item(let item):
            accept(event)
            try take(item, atMs: event.tsMs)
            try see(item.itemID)
            return nil
        case .erase(let userID):
            accept(event)
            output.erasedUsers += try erase(userID, atMs: event.tsMs)
            return nil
        case .objection(let userID):
            accept(event)
            // Also of who was erased since: an objection outlives that.
            try object(try stream.ids(of: userID), atMs: event.tsMs, input, into: &output)
            return nil
        default: break
        }
        guard let known = try complete(event, input, into: &output) else { return nil }
        if case .identify(let anonymousID, let userID) = known.body {
            try identify(anonymousID, as: userID, by: known, input, into: &output)
            return nil
        }
        accept(known)
        return keepingContext(of: known, into: &output)
    }

    /// Hands an event to the join.
    mutating func join(
        _ event: Event, from record: SourceRecord, into output: inout StepOutput
    ) throws -> Joined {
        try takeInline(event, from: record.position)
        var joined = Joined()
        let latePurchases = stream.join.counts.latePurchases
        joined.admission = stream.join.ingest(
            event.namingDecisions, from: record.position, offset: record.offset,
            into: &joined.outputs)
        // After the event has moved time, so that what it is about counts as seen then.
        if let itemID = event.itemID { try see(itemID) }
        if joined.isDuplicate { counters.duplicates += 1 }
        if joined.isLate { counters.late += 1 }
        output.arrivals[record.position, default: Arrivals()].add(
            isLate: joined.isLate || stream.join.counts.latePurchases > latePurchases)
        if !joined.isDuplicate, event.leastRate < 1 / configuration.weightMax {
            counters.clippedWeights += 1
            output.clippedWeight =
                output.clippedWeight ?? RecordPlace(record.position, record.offset)
        }
        return joined
    }

    mutating func reject(
        _ record: SourceRecord, _ rejected: RejectedRecord, into output: inout StepOutput
    ) {
        guard rejected.code != EventError.ignoredCode else {
            // Among the types, so that these and the dead letters are all that was read.
            counters.byType[EventError.ignoredCode, default: 0] += 1
            return
        }
        counters.deadLettered += 1
        counters.deadLetterReasons[rejected.code, default: 0] += 1
        output.unusable.append(UnusableRecord(record: record, reason: rejected.reason))
    }

    private mutating func see(_ itemID: String) throws {
        if configuration.learns { try stream.see(itemID) }
    }

    /// Whether an item event is of the sales channel that is priced.
    func isOfOwnChannel(_ event: Event.Item) -> Bool {
        guard let channel = event.channel, let own = configuration.pricing.rules.channel else {
            return true
        }
        return channel == own
    }

    /// Takes what the catalogue says; of another sales channel the texts alone, since its prices, costs and
    /// stocks are none of ours, nor whether the item is still there.
    private mutating func take(_ event: Event.Item, atMs ms: Int64) throws {
        guard isOfOwnChannel(event) else {
            try stream.catalog.update(event.itemID) { item in
                item.title = event.title ?? item.title
                item.category = event.category ?? item.category
                item.brand = event.brand ?? item.brand
            }
            return
        }
        try stream.catalog.update(event.itemID) { $0.merge(event) }
        try notePrice(of: event, atMs: ms)
    }

    private mutating func notePrice(of item: Event.Item, atMs ms: Int64) throws {
        guard configuration.learns, let price = item.price else { return }
        try ruleLedger.note(cataloguePrice: price, of: item.itemID, atMs: ms)
    }

    /// Takes over what an event may say of its item.
    private mutating func takeInline(_ event: Event, from position: TopicPartition) throws {
        guard let given = event.offer?.item, let itemID = event.itemID else { return }
        var inline = given
        if !isOfOwnChannel(given) {
            (inline.price, inline.minPrice, inline.cost, inline.stock) = (nil, nil, nil, nil)
        }
        let policy = configuration.inline[position.topic]
        var item = try stream.catalog.find(itemID) ?? Item(id: itemID)
        if !item.merge(inline: inline, policy) { counters.ignoredInline += 1 }
        if policy != .none { try stream.catalog.update(itemID) { $0 = item } }
        if policy == .all, !item.deleted { try notePrice(of: inline, atMs: event.tsMs) }
    }

    private mutating func keepingContext(
        of event: Event, into output: inout StepOutput
    ) -> Event {
        guard configuration.learns else {
            return event.keepingContext(stream.contextKeys.known)
        }
        let (kept, leftOut) = stream.keepingContext(of: event)
        if let leftOut {
            output.notices.append(
                .contextKeysLeftOut(key: leftOut, keysMax: configuration.bounds.contextKeysMax))
        }
        return kept
    }

    /// Forgets what is held under this id: history, offers, open joins, remembered examples, and
    /// the heads' effects of the shopper.
    ///
    /// What the shared weights learned from the shopper's examples stays in them. Events from before
    /// the erasure are not taken any more, however late they come and however often they are read
    /// again; later ones are of a new acquaintance.
    ///
    /// - Parameter id: the shopper's, or one that was joined to the shopper.
    /// - Returns: the ids that the shopper was known by.
    mutating func erase(_ id: String, atMs ts: Int64) throws -> [String] {
        counters.erased += 1
        let ids = try stream.erase(stream.shopperID(id), atMs: ts)
        // What is trained has seen the shopper's examples: it is begun anew.
        leaveRefresh(nextIn: 0)
        for id in ids {
            ruleLedger.forget(RowOwner(user: id))
            memory.erase(user: id)
            models.erase(user: id)
            boundedShoppers.forget(id)
        }
        return ids
    }
}
