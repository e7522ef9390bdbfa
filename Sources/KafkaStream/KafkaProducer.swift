import CRdKafka
import Platform
import Records

/// How a producer gathers and bounds what it sends.
public struct ProducerOptions: Sendable {
    /// How long a message may wait for others to go with it.
    public var lingerMs = 2
    /// `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    public var compression = "lz4"
    /// Bounds of librdkafka's queue; `send` waits while it is full.
    public var queueRecordsMax = 100_000
    /// Bytes of the same queue.
    public var queueBytesMax = 64 << 20
    /// Delivery reports kept for the caller; `send` refuses more messages beyond that.
    public var deliveriesMax = 1_000_000
    /// Makes the producer transactional.
    public var transactionalId: String?

    /// The defaults; each may be set afterwards.
    public init() {}
}

/// A message to be sent.
public struct KafkaMessage: Sendable {
    /// Where it goes.
    public var topic: String
    /// nil lets the partitioner decide by the key.
    public var partition: Int32?
    /// What partitioner and compaction go by; nil is none.
    public var key: [UInt8]?
    /// nil is a tombstone.
    public var value: [UInt8]?
    /// In this order; a name may come more than once.
    public var headers: [(name: String, value: [UInt8])]
    /// The record's own time, epoch milliseconds; nil is when it is sent.
    public var timestampMs: Int64?

    /// Takes each field as it is.
    public init(
        topic: String, partition: Int32? = nil, key: [UInt8]?, value: [UInt8]?,
        headers: [(name: String, value: [UInt8])] = [], timestampMs: Int64? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
        self.timestampMs = timestampMs
    }
}

/// What became of a message.
public enum DeliveryResult: Sendable, Equatable {
    /// It is in the log, at this place.
    case delivered(partition: Int32, offset: Int64)
    /// It cannot be sent as it is: larger than `message.max.bytes` or the topic allows.
    case tooLarge
    /// Sending it again cannot help: an unknown topic, a missing right, an invalid record.
    case refused(code: String)
    /// It may or may not be in the log; it is to be sent again.
    case unknown(code: String)
}

extension DeliveryResult: CustomStringConvertible {
    /// A few words, for the end of a sentence.
    public var description: String {
        switch self {
        case .delivered(let partition, let offset): "delivered at \(partition):\(offset)"
        case .tooLarge: "it is too large"
        case .refused(let code), .unknown(let code): code
        }
    }
}

/// The report on one `send`.
public struct Delivery: Sendable, Equatable {
    /// What the caller gave to `send`.
    public let token: UInt64
    /// What became of the message.
    public let result: DeliveryResult

    /// Takes both as they are.
    public init(token: UInt64, result: DeliveryResult) {
        self.token = token
        self.result = result
    }
}

/// Sends messages, each once and in order within a partition while the producer lives.
///
/// Thread: any; callbacks are served by the producer's own poll thread.
public final class KafkaProducer: Sendable {
    struct State {
        var deliveries: [Delivery] = []
        /// Messages sent and not yet reported.
        var inFlight = 0
        var stopping = false
        /// Nothing waits for brokers any longer than until then.
        var lastMs = Int64.max
    }

    private struct Life {
        var client: ClientHandle?
        var thread: NamedThread?
    }

    private let life: Monitor<Life>
    private let state: Monitor<State>
    private let options: ProducerOptions

    /// Checks the settings and starts the poll thread; brokers are connected to in the background.
    ///
    /// - Parameter configuration: its brokers and client settings; its topics are not looked at.
    /// Throws: `KafkaError.configuration` or `.reservedKey`.
    public convenience init(
        _ configuration: KafkaConfiguration, options: ProducerOptions = ProducerOptions(),
        onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in }
    ) throws(KafkaError) {
        try self.init(configuration, options: options, onLine: nil, onNotice: onNotice)
    }

    /// - Parameter onLine: takes every line of librdkafka, those of `debug` included.
    init(
        _ configuration: KafkaConfiguration, options: ProducerOptions,
        onLine: (@Sendable (_ facility: String, _ text: String) -> Void)?,
        onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in }
    ) throws(KafkaError) {
        try configuration.validateClient()
        let native = try NativeConfiguration(configuration, role: .producer(options))
        let state = Monitor(State())
        let context = ClientContext(redactor: native.redactor, onLine: onLine, onNotice: onNotice) {
            token, result in
            state.update { state in
                state.inFlight -= 1
                state.deliveries.append(Delivery(token: token, result: result))
            }
        }
        let client = try native.makeClient(context)
        let thread = try NamedThread.start("kafka-deliver") {
            while !state.withLock(\.stopping) { client.poll(timeoutMs: 100) }
        }
        self.state = state
        self.options = options
        life = Monitor(Life(client: client, thread: thread))
    }

    deinit {
        close()
    }

    func client() throws(KafkaError) -> ClientHandle {
        guard let client = life.withLock(\.client) else { throw .closed }
        if let fatal = client.context.state.withLock(\.fatal) {
            throw .fatal(code: fatal.code, reason: fatal.reason)
        }
        return client
    }

    /// Whether a fatal error ended the producer: it must be made again, and what was not reported
    /// as delivered sent again.
    public var fatalError: KafkaError? {
        do throws(KafkaError) {
            _ = try client()
            return nil
        } catch {
            return error
        }
    }

    /// Bounds what waits for brokers now and later, however long it was to wait. Thread: any.
    public func hasten(withinMs: Int) {
        let lastMs = MonotonicClock.nowMs() + Int64(min(max(0, withinMs), Int(Int32.max)))
        state.update { $0.lastMs = min($0.lastMs, lastMs) }
    }

    /// When a wait that was to end then has to.
    func hastened(_ deadlineMs: Int64) -> Int64 { min(deadlineMs, state.withLock(\.lastMs)) }

    /// Waits for the first broker that answers.
    ///
    /// Throws: `KafkaError.unreachable`, `.denied`, `.closed` on `stop`.
    public func connect(timeoutMs: Int, stop: () -> Bool = { false }) throws(KafkaError) {
        let metadata = ClusterMetadata(client: try client(), servesCallbacks: false)
        try metadata.connect(timeoutMs: timeoutMs, stop: stop)
    }

    /// Queues a message; its report comes under `token`, whatever becomes of it.
    ///
    /// Waits while the queue is full.
    /// - Parameter timeoutMs: how long to wait for room.
    /// Throws: `KafkaError.fatal`, `.timedOut` when no room came (the message was not taken),
    /// `.deliveriesNotDrained`, `.closed`.
    public func send(_ message: KafkaMessage, token: UInt64, timeoutMs: Int = 60_000)
        throws(KafkaError)
    {
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        let waiting = state.withLock { $0.deliveries.count + $0.inFlight }
        guard waiting < options.deliveriesMax else {
            throw .deliveriesNotDrained(count: waiting)
        }
        while true {
            let client = try client()
            // Counted first: the report may come before the call returns.
            state.withLock { $0.inFlight += 1 }
            let code = client.produce(message, token: token)
            switch code {
            case RD_KAFKA_RESP_ERR_NO_ERROR: return
            case RD_KAFKA_RESP_ERR__QUEUE_FULL:
                let full = state.update { state in
                    state.inFlight -= 1
                    return state.inFlight
                }
                guard MonotonicClock.nowMs() < hastened(deadlineMs) else {
                    throw .timedOut("waiting for room to send", afterMs: timeoutMs)
                }
                _ = state.wait(untilMs: min(deadlineMs, MonotonicClock.nowMs() + 100)) {
                    $0.inFlight < full || $0.stopping ? true : nil
                }
            case RD_KAFKA_RESP_ERR__FATAL:
                state.update { $0.inFlight -= 1 }
                _ = try self.client()
                throw .fatal(code: errorName(code), reason: errorMessage(code))
            default:
                state.update { state in
                    state.inFlight -= 1
                    state.deliveries.append(
                        Delivery(token: token, result: DeliveryResult(code, 0, 0)))
                }
                return
            }
        }
    }

    /// Takes the reports that have come, in the order in which they came.
    public func drainDeliveries() -> [Delivery] {
        state.update { state in
            defer { state.deliveries = [] }
            return state.deliveries
        }
    }

    /// Waits until there is a report to drain.
    ///
    /// - Returns: false when none came in time, or the producer failed for good.
    public func waitForDeliveries(timeoutMs: Int) -> Bool {
        wait(timeoutMs) { !$0.deliveries.isEmpty }
    }

    /// Messages sent and not yet reported.
    public var inFlight: Int { state.withLock(\.inFlight) }

    /// Waits until every message sent is reported.
    ///
    /// - Returns: false when the time was up first, or the producer failed for good.
    public func flush(timeoutMs: Int) -> Bool {
        wait(timeoutMs) { $0.inFlight == 0 }
    }

    private func wait(_ timeoutMs: Int, _ condition: (State) -> Bool) -> Bool {
        let endMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while true {
            let nowMs = MonotonicClock.nowMs()
            let holds: Bool? = state.wait(untilMs: min(endMs, nowMs + 100)) { state in
                condition(state) ? true : state.stopping ? false : nil
            }
            if let holds { return holds }
            // A producer that failed for good reports nothing any more.
            if nowMs >= hastened(endMs) || fatalError != nil { return false }
        }
    }

    /// Ends the poll thread and lets the client go; what was not delivered is dropped, and stays
    /// the caller's to send again. Call `flush` first for a good end.
    public func close() {
        let (client, thread) = life.withLock { life in
            defer { life = Life() }
            return (life.client, life.thread)
        }
        guard client != nil else { return }
        state.update { $0.stopping = true }
        thread?.join()
    }
}
