import Foundation
import KafkaStream
import Records

/// What the learning thread and the publishing thread tell each other.
///
/// `@unchecked Sendable`: all its state is read and written under `condition`.
final class PublishingDesk: @unchecked Sendable {
    private let condition = NSCondition()
    private var committed = true
    private var stopAt: ContinuousClock.Instant?
    private var failure: (any Error)?
    private var isOpen = false
    private var isPaused = false
    private var ended = false
    /// Shortens what the producer waits for.
    private var hasten: ((Int) -> Void)?
    /// Held while the publishing thread reads or writes the store.
    private let storeGate = NSLock()
    /// Read and written under `storeGate`.
    private var isLeftBehind = false

    /// How long the publishing thread may take to end once its time is up.
    private static let endMax = Swift.Duration.milliseconds(500)
    private var delivery = Delivery()

    /// How far messages have come.
    private struct Delivery {
        var through: UInt64?
        var trouble: PublishingTrouble?
        /// The first message that has not been delivered, and when it was first seen to wait.
        var oldest: (sequence: UInt64, seen: ContinuousClock.Instant)?
    }

    // MARK: The learning thread's side

    /// A commit has put more into the outbox.
    func wake() {
        condition.withLock {
            committed = true
            condition.broadcast()
        }
    }

    /// From now on nothing is sent, or all that waits.
    func pause(_ isPaused: Bool) {
        condition.withLock {
            self.isPaused = isPaused
            condition.broadcast()
        }
    }

    /// Waits until the publishing may begin.
    ///
    /// - Returns: false when `stop` said so first.
    /// - Throws: why the publishing must not begin.
    func waitUntilOpen(stop: () -> Bool) throws -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let failure { throw failure }
            if isOpen { return true }
            if stop() { return false }
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1))
        }
    }

    /// Every message up to this number has been delivered.
    ///
    /// - Throws: what ended the publishing, if something did.
    func deliveredThrough() throws -> UInt64? {
        try condition.withLock {
            if let failure { throw failure }
            return delivery.through
        }
    }

    /// Asks for the end once all is sent, at the latest after `timeoutMs`, and waits for it.
    ///
    /// A thread that does not end by then, as it waits for brokers that do not answer, is left
    /// behind: it reads nothing of the store any more.
    /// - Parameters:
    ///   - hurriedMs: how long all may take from the moment that `isHurried` says so.
    func finish(
        timeoutMs: Int, hurriedMs: Int = .max, isHurried: () -> Bool = { false }
    ) throws -> UInt64? {
        condition.lock()
        bound(.now + .milliseconds(timeoutMs))
        var wasHurried = false
        while !ended {
            if !wasHurried, isHurried() {
                wasHurried = true
                bound(.now + .milliseconds(hurriedMs))
            }
            if let stopAt, ContinuousClock.now > stopAt + Self.endMax { break }
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.05))
        }
        let left = !ended
        condition.unlock()
        if left { storeGate.withLock { isLeftBehind = true } }
        return try deliveredThrough()
    }

    /// Whether the publishing thread did not end.
    var leftThread: Bool { storeGate.withLock { isLeftBehind } }

    /// Called under `condition`.
    private func bound(_ end: ContinuousClock.Instant) {
        stopAt = stopAt.map { min($0, end) } ?? end
        hasten?(leftMs(.max))
        condition.broadcast()
    }

    // MARK: The publishing thread's side

    func open() {
        condition.withLock {
            isOpen = true
            condition.broadcast()
        }
    }

    /// - Returns: the trouble that is over with it.
    @discardableResult
    func note(delivered through: UInt64) -> PublishingTrouble? {
        condition.withLock {
            if let known = delivery.through, known >= through { return nil }
            delivery.through = through
            if let oldest = delivery.oldest, oldest.sequence <= through { delivery.oldest = nil }
            // A message further back may be refused still: then its trouble stands.
            guard let over = delivery.trouble, over.sequence.map({ $0 <= through }) ?? true else {
                return nil
            }
            delivery.trouble = nil
            return over
        }
    }

    /// Ends a trouble of a kind.
    ///
    /// - Returns: the trouble that is over.
    func overcome(where isMeant: (PublishingFailure) -> Bool) -> PublishingTrouble? {
        condition.withLock {
            guard let known = delivery.trouble, isMeant(known.failure) else { return nil }
            delivery.trouble = nil
            return known
        }
    }

    /// A message is on its way, or waits to be.
    func note(waiting sequence: UInt64, now: ContinuousClock.Instant = .now) {
        condition.withLock {
            let isFirst = delivery.oldest.map { sequence < $0.sequence } ?? true
            if isFirst { delivery.oldest = (sequence, now) }
        }
    }

    /// - Returns: whether it is to be told: the first time, and then as often as `every` says.
    func fail(
        _ failure: PublishingFailure, every: Swift.Duration = .seconds(60),
        now: ContinuousClock.Instant = .now
    ) -> Bool {
        condition.withLock {
            let known = delivery.trouble
            // In the haste of an end a failure is that of the haste: the one before says more.
            if stopAt != nil, known != nil { return false }
            let isKnown = known?.failure == failure
            delivery.trouble = PublishingTrouble(
                failure: failure, since: known?.since ?? now,
                told: known?.told ?? now, sequence: delivery.oldest?.sequence)
            guard let told = known?.told else { return true }
            // Failures that take turns are told now and then, not each time.
            let pause = isKnown ? every : min(every, .seconds(10))
            guard told.duration(to: now) >= pause else { return false }
            delivery.trouble?.told = now
            return true
        }
    }

    /// Why messages are not published, and how long the first of them has waited at least.
    func standing(now: ContinuousClock.Instant = .now)
        -> (failure: PublishingFailure?, oldestMs: Int64?)
    {
        condition.withLock {
            (
                delivery.trouble?.failure,
                delivery.oldest.map { $0.seen.duration(to: now).wholeMilliseconds }
            )
        }
    }

    func end(_ error: (any Error)?) {
        condition.withLock {
            failure = error
            ended = true
            condition.broadcast()
        }
    }

    /// Waits for the next commit; to be called when there is nothing left to send.
    ///
    /// - Returns: false when the publishing is over.
    func waitForCommit() -> Bool {
        condition.withLock {
            while !committed, stopAt == nil { condition.wait() }
            defer { committed = false }
            return committed || stopAt == nil
        }
    }

    /// Waits for so long, or until somebody wants something.
    ///
    /// While the end is near it lasts no longer than that, and never no time at all: whoever tries
    /// again must not do so without a breath between.
    func pause(_ duration: Swift.Duration) {
        condition.withLock {
            let left = stopAt.map { ContinuousClock.now.duration(to: $0) } ?? duration
            let seconds = min(duration, left).inSeconds
            guard seconds > 0 else { return }
            _ = condition.wait(until: Date(timeIntervalSinceNow: seconds))
        }
    }

    /// Whether a person has stopped the publishing for now.
    var isPausedNow: Bool { condition.withLock { isPaused } }

    /// Waits while the publishing is paused, or its rate allows no message: a moment, no longer.
    func waitForLeave() { pause(.milliseconds(isPausedNow ? 200 : 10)) }

    /// Whether the time for sending what is left is over.
    var isTimeUp: Bool {
        condition.withLock { stopAt.map { ContinuousClock.now >= $0 } ?? false }
    }

    var isStopping: Bool { condition.withLock { stopAt != nil } }

    /// How long a step may take, so that an end keeps its bound.
    func patienceMs(_ most: Int) -> Int { condition.withLock { leftMs(most) } }

    /// Called under `condition`.
    private func leftMs(_ most: Int) -> Int {
        guard let stopAt else { return most }
        return max(1, min(most, Int(ContinuousClock.now.duration(to: stopAt).wholeMilliseconds)))
    }

    /// From now on this producer sends.
    func sends(_ producer: KafkaProducer) {
        condition.withLock {
            hasten = { producer.hasten(withinMs: $0) }
            if stopAt != nil { hasten?(leftMs(.max)) }
        }
    }

    /// Reads or writes the store, which is closed soon after the publishing thread was left behind.
    func withStore<Result>(_ body: () throws -> Result) throws -> Result {
        try storeGate.withLock {
            guard !isLeftBehind else { throw PublishingError.leftBehind }
            return try body()
        }
    }
}
