import Synchronization

/// What the HTTP interface counts of itself. Thread: any.
public final class ControlFigures: Sendable {
    /// The figures at one moment; all but the open connections only rise.
    public struct Counts: Sendable {
        /// Open now.
        public var connections = 0
        /// Connections accepted since the start.
        public var accepted = 0
        /// By status.
        public var answers: [Int: Int] = [:]
        /// Requests and connections that were cut short, by reason.
        public var rejected: [String: Int] = [:]
        /// How often the server ended by itself and was started again.
        public var restarts = 0
    }

    /// Statuses that answers have.
    public static let statuses = [
        200, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 417, 422, 431, 500, 503, 505,
    ]

    /// Reasons for which requests and connections are cut short.
    public static let reasons =
        Refusal.allCases.map(\.label) + [unasked, untaken, handshakeFailed]
    static let unasked = "no_request"
    static let untaken = "answer_not_taken"
    static let handshakeFailed = "tls_failed"

    private let state = Mutex(Counts())

    /// Nothing was counted yet.
    public init() {}

    /// All figures of one moment.
    public var counts: Counts { state.withLock { $0 } }

    func opened() {
        state.withLock {
            $0.connections += 1
            $0.accepted += 1
        }
    }

    func closed() { state.withLock { $0.connections -= 1 } }
    func answered(_ status: Int) { state.withLock { $0.answers[status, default: 0] += 1 } }
    func rejected(_ reason: String) { state.withLock { $0.rejected[reason, default: 0] += 1 } }
    func restarted() { state.withLock { $0.restarts += 1 } }
}
