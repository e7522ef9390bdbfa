import NIOHTTP1

/// What a connection does next: requests and times in, actions out. No I/O.
///
/// Requests are answered in the order they came. While one is answered no more is read, so that a
/// client that sends faster than it reads holds up itself alone.
struct ConnectionCore {
    enum Action: Equatable {
        case answer(Request, closes: Bool)
        /// Tell why, and end the connection.
        case refuse(Refusal)
        /// Send no more, and drop what comes until the client has seen that.
        case linger
        case close
    }

    private enum Phase: Equatable {
        case open
        /// Nothing more is taken; what waits is answered, then why, if that is to be said.
        case ending(Refusal?)
        case lingering
        case closed
    }

    private let limits: HTTPLimits
    private var phase = Phase.open
    private var waiting: [Request] = []
    private var isAnswering = false
    /// Whether the answer is still being made; how long that may take is not the client's doing.
    private var isMaking = false
    private var closesBehindAnswer = false
    /// A request whose head came and whose body did not end.
    private var unfinished: Request?
    private var bodyBytes = 0
    /// Since the first byte of a request that is not whole.
    private var begunMs: Int64?
    private var requestBytes = 0
    private var taken = 0
    /// When the present answer, lingering or waiting began.
    private var sinceMs: Int64

    init(limits: HTTPLimits, nowMs: Int64) {
        self.limits = limits
        sinceMs = nowMs
    }

    /// Whether the client has to wait until an answer is out.
    var holdsReads: Bool { isAnswering && phase != .lingering }

    /// Whether a request has begun that is not whole, and no answer is under way.
    var isUnfinished: Bool { begunMs != nil && !isAnswering && phase == .open }

    /// Bytes came.
    ///
    /// - Returns: whether they are to be decoded.
    mutating func received(_ count: Int, nowMs: Int64) -> (decode: Bool, actions: [Action]) {
        guard phase == .open else { return (false, []) }
        if begunMs == nil { begunMs = nowMs }
        requestBytes += count
        guard requestBytes <= HTTPLimits.requestBytesMax else {
            return (
                false, refuse(unfinished == nil ? .headTooLong : .bodyTooLong, nowMs: nowMs)
            )
        }
        return (true, [])
    }

    mutating func received(_ head: HTTPRequestHead, nowMs: Int64) -> [Action] {
        guard phase == .open else { return [] }
        taken += 1
        bodyBytes = 0
        do throws(Refusal) {
            unfinished = try Request(head)
            return []
        } catch { return refuse(error, nowMs: nowMs) }
    }

    mutating func receivedBody(_ bytes: some Collection<UInt8>, nowMs: Int64) -> [Action] {
        guard phase == .open else { return [] }
        bodyBytes += bytes.count
        guard bodyBytes <= HTTPLimits.bodyBytesMax else {
            return refuse(.bodyTooLong, nowMs: nowMs)
        }
        unfinished?.body.append(contentsOf: bytes)
        return []
    }

    /// The answer is there, and the client is to take it.
    mutating func made(nowMs: Int64) {
        isMaking = false
        sinceMs = nowMs
    }

    mutating func receivedEnd(nowMs: Int64) -> [Action] {
        guard phase == .open, let request = unfinished else { return [] }
        unfinished = nil
        begunMs = nil
        requestBytes = 0
        waiting.append(request)
        if !request.keepsAlive || taken >= HTTPLimits.answersMax
            || waiting.count >= HTTPLimits.pipelinedMax
        {
            phase = .ending(nil)
        }
        return next(nowMs)
    }

    /// What came cannot be, or may not be, read any further.
    mutating func refuse(_ refusal: Refusal, nowMs: Int64) -> [Action] {
        guard phase == .open else { return [] }
        unfinished = nil
        phase = .ending(refusal)
        return next(nowMs)
    }

    /// The client has taken the whole answer.
    mutating func answered(nowMs: Int64) -> [Action] {
        guard isAnswering else { return [] }
        isAnswering = false
        sinceMs = nowMs
        if closesBehindAnswer { return linger() }
        return next(nowMs)
    }

    /// Time went by: closes what has had its time.
    ///
    /// - Returns: also the name under which it is counted, where the client is at fault.
    mutating func looked(nowMs: Int64) -> (actions: [Action], counted: String?) {
        let waitedMs = nowMs - sinceMs
        switch phase {
        case .closed: return ([], nil)
        case .lingering: return waitedMs > HTTPLimits.lingerMs ? (close(), nil) : ([], nil)
        case .open, .ending: break
        }
        if isAnswering {
            if isMaking { return ([], nil) }
            return waitedMs > limits.requestMs ? (close(), ControlFigures.untaken) : ([], nil)
        }
        if let begunMs {
            return nowMs - begunMs > limits.requestMs
                ? (refuse(.tooSlow, nowMs: nowMs), nil) : ([], nil)
        }
        if taken == 0 {
            return waitedMs > limits.requestMs ? (close(), ControlFigures.unasked) : ([], nil)
        }
        return waitedMs > limits.idleMs ? (close(), nil) : ([], nil)
    }

    /// The process ends: what is being answered may end, nothing more is taken.
    mutating func stop() -> [Action] {
        switch phase {
        case .open, .ending:
            waiting = []
            phase = .ending(nil)
            closesBehindAnswer = true
            return isAnswering ? [] : close()
        case .lingering: return close()
        case .closed: return []
        }
    }

    mutating func closed() { phase = .closed }

    private mutating func next(_ nowMs: Int64) -> [Action] {
        guard !isAnswering else { return [] }
        if !waiting.isEmpty {
            let request = waiting.removeFirst()
            isAnswering = true
            isMaking = true
            sinceMs = nowMs
            closesBehindAnswer = waiting.isEmpty && phase == .ending(nil)
            return [.answer(request, closes: closesBehindAnswer)]
        }
        guard case .ending(let refusal) = phase else { return [] }
        guard let refusal else { return linger() }
        isAnswering = true
        isMaking = true
        closesBehindAnswer = true
        sinceMs = nowMs
        return [.refuse(refusal)]
    }

    private mutating func linger() -> [Action] {
        isAnswering = false
        phase = .lingering
        return [.linger]
    }

    private mutating func close() -> [Action] {
        phase = .closed
        return [.close]
    }
}
