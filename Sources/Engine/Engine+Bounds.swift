import Events
import Records

/// What is kept of a stream that brings ever-new items, shoppers and context keys.
extension Engine {
    /// The stream's time, by which the unseen are forgotten: no one clock moves it.
    private var seenMs: Int64 { join.watermarkMs ?? UsePlace.unknownMs }

    /// Items and shoppers looked at in a step, each.
    private static let forgetMax = 2_000

    mutating func see(_ itemID: String) throws {
        guard configuration.learns else { return }
        try catalog.see(itemID, atMs: seenMs, everyMs: configuration.bounds.keepItemsMs / 16)
    }

    mutating func set(_ userID: String, _ shopper: ShopperState) {
        shoppers.set(
            userID, shopper, atMs: seenMs, everyMs: configuration.bounds.keepShoppersMs / 16)
    }

    /// Forgets items and shoppers that were not seen for as long as is configured, and those seen longest
    /// ago where there are too many.
    mutating func forgetUnseen(reading state: any StateReader) throws {
        guard let nowMs = join.watermarkMs else { return }
        let bounds = configuration.bounds
        for _ in 0..<Self.forgetMax {
            let isSurplus = catalog.uses.count > bounds.itemsMax
            let outcome = try catalog.forgetOldest(nowMs: nowMs) {
                $0 < nowMs - bounds.keepItemsMs || isSurplus
            }
            if outcome == .none { break }
            if outcome == .forgotten { counters.itemsForgotten += 1 }
        }
        for _ in 0..<Self.forgetMax {
            let isSurplus = shoppers.uses.count > bounds.shoppersMax
            let outcome = try shoppers.forgetOldest(in: state, nowMs: nowMs) {
                $0 < nowMs - bounds.keepShoppersMs || isSurplus
            }
            if outcome == .none { break }
            if outcome == .forgotten { counters.shoppersForgotten += 1 }
        }
    }

    /// An event with the context entries that are learned from.
    mutating func keepingContext(of event: Event, into output: inout StepOutput) -> Event {
        guard configuration.learns else { return event.keepingContext(contextKeys.known) }
        let before = contextKeys.leftOut
        var kept: Event?
        if let context = event.offer?.context, !context.isEmpty {
            let admitted = contextKeys.admit(context)
            if admitted.count < context.count { kept = event.keepingContext { _ in admitted } }
            if before == 0, contextKeys.leftOut > 0 {
                let key = contextKeys.mostLeftOut(1).first ?? ""
                output.notices.append(
                    .contextKeysLeftOut(
                        key: key, keysMax: configuration.bounds.contextKeysMax))
            }
        }
        return kept ?? event
    }

    /// What is kept, and what was left out for a bound.
    public var bounded: BoundReport {
        BoundReport(
            items: catalog.count, itemsForgotten: counters.itemsForgotten,
            shoppers: shoppers.uses.count, shoppersForgotten: counters.shoppersForgotten,
            vectors: catalog.vectors.count, vectorBytes: catalog.vectors.bytes,
            vectorsForgotten: catalog.vectors.forgotten, contextKeys: contextKeys.count,
            contextEntriesLeftOut: contextKeys.leftOut,
            contextKeysLeftOut: contextKeys.mostLeftOut(20))
    }
}
