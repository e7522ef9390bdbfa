import Foundation

/// Where requests from other threads wait for the learning thread.
///
/// `@unchecked Sendable`: everything is read and written under `condition`.
public final class ControlDesk: @unchecked Sendable {
    private final class Ticket {
        let request: ControlRequest
        let key: RequestKey?
        var isBegun = false
        var reply: ControlReply?

        init(_ request: ControlRequest, _ key: RequestKey?) {
            self.request = request
            self.key = key
        }
    }

    private let condition = NSCondition()
    private var waiting: [Ticket] = []
    private var isClosed = false
    /// Tells the learning thread that something waits.
    private var wake: (@Sendable () -> Void)?

    /// Requests that wait at one time; a desk with more refuses.
    private static let waitingMax = 64

    init() {}

    /// Has the learning thread told of each request, which it would find only after a while otherwise.
    func wakes(_ wake: @escaping @Sendable () -> Void) { condition.withLock { self.wake = wake } }

    /// Hands a request in and waits for its reply.
    ///
    /// - Parameters:
    ///   - patienceMs: how long it may wait until it is begun; then it is taken back, and nothing is
    ///     changed. `nil`: for as long as it takes.
    ///   - key: of a request that is to be done once, however often it comes.
    ///
    /// Thread: any but the learning thread.
    public func ask(
        _ request: ControlRequest, patienceMs: Int? = nil, key: RequestKey? = nil
    ) -> ControlReply {
        let end = patienceMs.map { ContinuousClock.now + .milliseconds($0) }
        return condition.withLock {
            guard !isClosed else { return .failure(RequestError.stopping) }
            guard waiting.count < Self.waitingMax else {
                return .failure(RequestError.refused(code: 69, "too many requests wait already"))
            }
            let ticket = Ticket(request, key)
            waiting.append(ticket)
            wake?()
            while true {
                if let reply = ticket.reply { return reply }
                guard let end, !ticket.isBegun else {
                    condition.wait()
                    continue
                }
                let left = ContinuousClock.now.duration(to: end).inSeconds
                guard left > 0 else {
                    waiting.removeAll { $0 === ticket }
                    return .failure(RequestError.busy)
                }
                _ = condition.wait(until: Date(timeIntervalSinceNow: left))
            }
        }
    }

    /// Answers what waits by now, one after the other; what comes meanwhile waits for the next time, so that
    /// no client holds up learning. Thread: the learning thread.
    ///
    /// - Returns: whether something did.
    func serve(_ answer: (ControlRequest, RequestKey?) throws -> ControlReply) -> Bool {
        var served = false
        for _ in 0..<condition.withLock({ waiting.count }) {
            guard let ticket = condition.withLock({ begin() }) else { break }
            let reply: ControlReply
            do { reply = try answer(ticket.request, ticket.key) } catch { reply = .failure(error) }
            condition.withLock {
                waiting.removeAll { $0 === ticket }
                ticket.reply = reply
                condition.broadcast()
            }
            served = true
        }
        return served
    }

    /// Called under `condition`.
    private func begin() -> Ticket? {
        waiting.first?.isBegun = true
        return waiting.first
    }

    /// Refuses what waits and what comes.
    func close() {
        condition.withLock {
            isClosed = true
            for ticket in waiting { ticket.reply = .failure(RequestError.stopping) }
            waiting = []
            condition.broadcast()
        }
    }
}

extension ControlReply {
    static func failure(_ error: any Error) -> ControlReply {
        .failed(code: FailureKind(error).rawValue, message: sentence(of: error))
    }
}
