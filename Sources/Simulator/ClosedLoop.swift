import Events

/// Where the shop's events go: a topic, or a log.
public protocol EventSink {
    /// Returns when the events are safely there.
    func send(_ events: [Event]) throws
}

/// Where the shop's front end reads recommendations.
public protocol OfferSource {
    /// What came since the last call.
    ///
    /// - Parameter waitMs: how long to wait for the first; 0 does not wait.
    func receive(waitMs: Int) throws -> [ReceivedOffer]
}

/// Wall time, injected.
public struct Pace: Sendable {
    /// Monotonic. Units: milliseconds.
    let nowMs: @Sendable () -> Int64
    let sleepMs: @Sendable (Int64) -> Void

    /// - Parameter nowMs: a clock that never goes back.
    public init(
        nowMs: @escaping @Sendable () -> Int64, sleepMs: @escaping @Sendable (Int64) -> Void
    ) {
        self.nowMs = nowMs
        self.sleepMs = sleepMs
    }
}

/// Drives shoppers against the world outside: clicks go out, offers come back, purchases follow.
public struct ClosedLoop {
    /// The shoppers, with the score of the visits so far.
    public private(set) var shoppers: Shoppers
    /// Events sent so far, those of the catalogue included.
    public private(set) var eventCount = 0

    /// Visits that are open at the same time.
    private let batch: Int
    /// How long the shoppers of a batch wait for their offers.
    private let waitMs: Int
    /// Visits a second, or `nil` for as many as there can be.
    private let rate: Double?
    private let pace: Pace

    /// - Parameter batch: visits that are open at the same time, at most; a slow rate takes fewer.
    public init(
        shoppers: Shoppers, waitMs: Int, rate: Double?, batch: Int = 128, pace: Pace
    ) {
        self.shoppers = shoppers
        self.waitMs = waitMs
        self.rate = rate
        // A tenth of a second's visits at most, so that a slow rate is an even one.
        self.batch = rate.map { max(1, min(batch, Int($0 / 10))) } ?? batch
        self.pace = pace
    }

    /// Makes `visits` visits, the catalogue first.
    ///
    /// - Parameters:
    ///   - offers: without it, every visit goes by the plan alone.
    ///   - progress: told the visits made so far, after each batch.
    ///   - stop: asked between batches; the visits made until then are counted as usual.
    public mutating func run(
        visits: Int, sink: any EventSink, offers: (any OfferSource)?,
        progress: (Int) -> Void = { _ in }, stop: () -> Bool = { false }
    ) throws {
        let startMs = pace.nowMs()
        try send(shoppers.catalogue(), sink)
        while shoppers.visitCount < visits, !stop() {
            try send(shoppers.nextVisits(min(batch, visits - shoppers.visitCount)), sink)
            if let offers {
                try send(shoppers.offer(try gather(offers, stop)), sink)
            }
            progress(shoppers.visitCount)
            if let rate {
                let dueMs = startMs + Int64(Double(shoppers.visitCount) / rate * 1000)
                let earlyMs = dueMs - pace.nowMs()
                if earlyMs > 0 { pace.sleepMs(earlyMs) }
            }
        }
        try send(shoppers.finish(), sink)
    }

    private mutating func send(_ events: [Event], _ sink: any EventSink) throws {
        guard !events.isEmpty else { return }
        try sink.send(events)
        eventCount += events.count
    }

    /// Gathers offers until every open visit has one or the time is up.
    private func gather(
        _ source: any OfferSource, _ stop: () -> Bool
    ) throws -> [ReceivedOffer] {
        var missing = Set(shoppers.awaited.map { [$0.userID, $0.itemID] })
        var received: [ReceivedOffer] = []
        let deadlineMs = pace.nowMs() + Int64(waitMs)
        while !missing.isEmpty, !stop() {
            let leftMs = deadlineMs - pace.nowMs()
            if leftMs <= 0 { break }
            for offer in try source.receive(waitMs: Int(min(leftMs, 100))) {
                received.append(offer)
                missing.remove([offer.userID, offer.itemID])
            }
        }
        return received
    }
}
