/// What one client may take of the HTTP interface. Times in milliseconds.
public struct HTTPLimits: Sendable {
    /// Connections at one time; for a new one beyond that, the one that has gone longest without a
    /// whole request is closed.
    public var connectionsMax = 256
    /// From a request's first byte to its last, from a connection to its first request's first byte,
    /// and from a request to its answer's last byte taken.
    public var requestMs: Int64 = 10_000
    /// From an answer to the next request.
    public var idleMs: Int64 = 75_000

    /// Of the request line's target, and of a header's name and value together.
    static let fieldBytesMax = 8 << 10
    /// Of target, header names and values together.
    static let headBytesMax = 16 << 10
    static let headerCountMax = 64
    /// Of a request's body.
    static let bodyBytesMax = 64 << 10
    /// Everything that belongs to one request, with the framing of its body.
    static let requestBytesMax = 128 << 10
    /// Requests that wait on one connection for the answer to the one before.
    static let pipelinedMax = 16
    /// Answers on one connection, which ends behind them.
    static let answersMax = 1_000
    /// How long a client may take to see that its connection ends.
    static let lingerMs: Int64 = 1_000
    /// Requests of one lane that are answered or wait for it; beyond that they are told to come again.
    static let waitingMax = 32
    /// What is read at one go; others have their turn in between.
    package static let readBytes = 4 << 10

    /// The defaults; each may be set afterwards.
    public init() {}
}
