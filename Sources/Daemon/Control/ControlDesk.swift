import Foundation

/// Where requests from other threads wait for the learning thread.
///
/// `@unchecked Sendable`: everything is read and written under `condition`.
public final class ControlDesk: @unchecked Sendable {
    private final class Ticket {
        let request: ControlRequest
        var reply: ControlReply?

        init(_ request: ControlRequest) { self.request = request }
    }

    private let condition = NSCondition()
    private var waiting: [Ticket] = []
    private var isClosed = false

    /// Requests that wait at one time; a desk with more refuses.
    private static let waitingMax = 64

    init() {}

    /// Hands a request in and waits for its reply.
    ///
    /// Thread: any but the learning thread.
    public func ask(_ request: ControlRequest) -> ControlReply {
        condition.withLock {
            guard !isClosed else { return .failure(RequestError.stopping) }
            guard waiting.count < Self.waitingMax else {
                return .failure(RequestError.refused(code: 69, "too many requests wait already"))
            }
            let ticket = Ticket(request)
            waiting.append(ticket)
            while true {
                if let reply = ticket.reply { return reply }
                condition.wait()
            }
        }
    }

    /// Answers what waits, one after the other. Thread: the learning thread.
    ///
    /// - Returns: whether something did.
    func serve(_ answer: (ControlRequest) throws -> ControlReply) -> Bool {
        var served = false
        while let ticket = condition.withLock({ waiting.first }) {
            let reply: ControlReply
            do { reply = try answer(ticket.request) } catch { reply = .failure(error) }
            condition.withLock {
                waiting.removeFirst()
                ticket.reply = reply
                condition.broadcast()
            }
            served = true
        }
        return served
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
