import CRdKafka
import Platform

/// Something a Kafka client noticed that needs no answer.
public struct KafkaNotice: Sendable {
    /// How grave it is.
    public enum Level: String, Sendable {
        /// As librdkafka's own levels are grouped.
        case error, warning, info
    }

    /// How grave it is.
    public let level: Level
    /// Free of secrets.
    public let text: String
}

/// What callbacks of one client write to and its owner reads.
///
/// Thread: the callbacks come from librdkafka's threads and from whichever thread polls.
final class ClientContext: Sendable {
    struct State {
        /// The latest trouble with a broker, for the message when none answers.
        var lastError: String?
        var authenticationError: String?
        var fatal: (code: String, reason: String)?
        /// A topic or a partition was said to be no more.
        var lostTopic = false
        /// Why the transaction under way must be aborted.
        var transactionError: String?
        /// What the group's coordinator last refused offsets with.
        var refusedOffsets: String?
        var repeats = RepeatedNotices()
        /// What is known of the brokers, where the client gathers statistics.
        var watch = BrokerWatch()
    }

    /// Settings of the other kind of client, errors that the error callback repeats, and a warning
    /// about making topics that `ClusterMetadata` takes care of.
    private static let silentFacilities: Set<String> = ["CONFWARN", "FAIL", "ERROR", "AUTOCREATE"]

    let state = Monitor(State())
    private let redactor: Redactor
    private let onNotice: @Sendable (KafkaNotice) -> Void
    private let onDelivery: @Sendable (_ token: UInt64, DeliveryResult) -> Void
    /// Lines of librdkafka that a check reads, beside the notices.
    private let onLine: (@Sendable (_ facility: String, _ text: String) -> Void)?
    /// Whether statistics tell of brokers that come and go, so that errors of connections need not.
    let watchesBrokers: Bool

    init(
        redactor: Redactor, watchesBrokers: Bool = false,
        onLine: (@Sendable (String, String) -> Void)? = nil,
        onNotice: @escaping @Sendable (KafkaNotice) -> Void,
        onDelivery: @escaping @Sendable (UInt64, DeliveryResult) -> Void = { _, _ in }
    ) {
        self.redactor = redactor
        self.watchesBrokers = watchesBrokers
        self.onLine = onLine
        self.onNotice = onNotice
        self.onDelivery = onDelivery
    }

    func notice(_ level: KafkaNotice.Level, _ text: String) {
        onNotice(KafkaNotice(level: level, text: redactor(text)))
    }

    func redacted(_ text: String) -> String { redactor(text) }

    fileprivate func logged(level: Int32, facility: String, text: String) {
        onLine?(facility, redactor(text))
        if facility == "TXNERR" { state.update { $0.transactionError = redactor(text) } }
        // Debugging lines are there for `onLine` alone.
        guard !Self.silentFacilities.contains(facility), level < 7 else { return }
        guard
            level <= 3
                || state.withLock({
                    $0.repeats.isNew(facility + text, nowMs: MonotonicClock.nowMs())
                })
        else { return }
        notice(level <= 3 ? .error : level <= 5 ? .warning : .info, "\(facility): \(text)")
    }

    fileprivate func failed(_ error: rd_kafka_resp_err_t, reason: String, fatal: String?) {
        let reason = redactor(reason)
        let name = errorName(error)
        state.update { state in
            switch error {
            case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
                state.lastError = state.lastError ?? reason
            case RD_KAFKA_RESP_ERR__FATAL:
                state.fatal = state.fatal ?? (name, fatal.map { redactor($0) } ?? reason)
            case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL:
                state.authenticationError = reason
                state.lastError = reason
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
                RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
                state.lostTopic = true
            default:
                state.lastError = reason
            }
            if error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__RESOLVE
                || error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL
                || error == RD_KAFKA_RESP_ERR__TIMED_OUT
            {
                state.watch.failed(reason)
            }
        }
        if error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED { return refusedOffsets(name) }
        guard isWorthTelling(error, reason) else { return }
        notice(error == RD_KAFKA_RESP_ERR__FATAL ? .error : .warning, "\(name): \(reason)")
    }

    /// Errors of connections come with every attempt: each is told once, and again when it has
    /// lasted.
    private func isWorthTelling(_ error: rd_kafka_resp_err_t, _ reason: String) -> Bool {
        switch error {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL:
            return state.withLock { state in
                // Once something has been read, the brokers' standing is told by statistics.
                if watchesBrokers, error != RD_KAFKA_RESP_ERR__AUTHENTICATION,
                    error != RD_KAFKA_RESP_ERR__SSL, state.watch.hasBrokers
                {
                    return false
                }
                let subject = reason.prefix { $0 != " " }
                return state.repeats.isNew(
                    "\(error.rawValue) \(subject)", nowMs: MonotonicClock.nowMs())
            }
        default: return true
        }
    }

    fileprivate func reported(_ json: [UInt8]) {
        guard let statistics = ClientStatistics(json: json) else { return }
        let nowMs = MonotonicClock.nowMs()
        let changes = state.update { $0.watch.take(statistics, nowMs: nowMs) }
        for change in changes { notice(.warning, change.description) }
    }

    /// Offsets for monitors are no reason to stop; that they are refused is said once.
    fileprivate func committed(_ error: rd_kafka_resp_err_t) {
        switch error {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            state.update { $0.refusedOffsets = nil }
        // Nothing to commit, or brokers that do not answer, which is told elsewhere.
        case RD_KAFKA_RESP_ERR__NO_OFFSET, RD_KAFKA_RESP_ERR__DESTROY,
            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__WAIT_COORD:
            break
        default: refusedOffsets(errorName(error))
        }
    }

    func refusedOffsets(_ name: String) {
        let isNew = state.update { state in
            defer { state.refusedOffsets = name }
            return state.refusedOffsets != name
        }
        guard isNew else { return }
        notice(
            .warning,
            "the brokers refuse offsets for lag monitors (kafka.group): \(name); learning goes on "
                + "from the store's own offsets")
    }

    /// Whether a topic was said to be no more since this was last asked.
    func takeLostTopic() -> Bool {
        state.withLock { state in
            defer { state.lostTopic = false }
            return state.lostTopic
        }
    }

    fileprivate func delivered(token: UInt64, _ result: DeliveryResult) {
        onDelivery(token, result)
    }
}

/// One `rd_kafka_t`, freed here and nowhere else.
///
/// Thread: librdkafka's functions may be called from any thread; whoever owns the handle joins its
/// threads before letting go of it.
@safe
final class ClientHandle: @unchecked Sendable {
    private let pointer: OpaquePointer
    let context: ClientContext
    let brokers: String

    /// Takes over the client, and the reference to `context` that its callbacks hold.
    init(_ pointer: OpaquePointer, context: ClientContext, brokers: String) {
        unsafe self.pointer = unsafe pointer
        self.context = context
        self.brokers = brokers
    }

    /// How long ending a client may hold its owner up.
    private static let destroyMs: Int64 = 5000

    deinit {
        let remains = unsafe Remains(pointer: pointer)
        let isGone = Monitor(false)
        let thread = try? NamedThread(name: "kafka-destroy") {
            remains.destroy()
            isGone.update { $0 = true }
        }
        guard let thread else {
            remains.destroy()
            return
        }
        let endMs = MonotonicClock.nowMs() + Self.destroyMs
        if isGone.wait(untilMs: endMs, { $0 ? true : nil }) == true {
            thread.join()
        } else {
            // librdkafka 2.0.2 never ends a client whose partition was removed from the cluster
            // while it was read (its issue 4724). Its threads are left behind rather than keeping
            // this process from ending.
            context.notice(.warning, "the Kafka client does not end; it is left behind")
        }
    }

    /// What is left of a client once nobody uses it any more.
    ///
    /// `@unchecked Sendable`: one thread destroys it, and no other has the pointer then.
    @safe
    private struct Remains: @unchecked Sendable {
        let pointer: OpaquePointer

        func destroy() {
            let opaque = unsafe rd_kafka_opaque(pointer)
            // Closing a consumer waits for its group's coordinator; nothing of ours needs that.
            unsafe rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            // No callback runs after that.
            if let opaque = unsafe opaque {
                unsafe Unmanaged<ClientContext>.fromOpaque(opaque).release()
            }
        }
    }

    func withPointer<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(pointer)
    }

    /// Serves callbacks, at most for this long.
    func poll(timeoutMs: Int32) {
        _ = unsafe rd_kafka_poll(pointer, timeoutMs)
    }
}

/// Thread: any of librdkafka's.
func clientDidLog(
    _ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?,
    _ text: UnsafePointer<CChar>?
) {
    guard let client = unsafe client, let opaque = unsafe rd_kafka_opaque(client) else { return }
    let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    context.logged(
        level: level, facility: unsafe facility.map { unsafe String(cString: $0) } ?? "",
        text: unsafe text.map { unsafe String(cString: $0) } ?? "")
}

/// Thread: whichever polls the client.
func clientDidFail(
    _ client: OpaquePointer?, _ error: Int32, _ reason: UnsafePointer<CChar>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let client = unsafe client, let opaque = unsafe opaque else { return }
    let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    let code = rd_kafka_resp_err_t(error)
    var fatal: String?
    if code == RD_KAFKA_RESP_ERR__FATAL {
        var message = ErrorText()
        let cause = unsafe message.fill { text, size in
            unsafe rd_kafka_fatal_error(client, text, size)
        }
        fatal = "\(errorName(cause)): \(message.text)"
    }
    context.failed(
        code, reason: unsafe reason.map { unsafe String(cString: $0) } ?? errorMessage(code),
        fatal: fatal)
}

/// Thread: whichever polls the client.
///
/// Source: rdkafka.h, `rd_kafka_conf_set_stats_cb`: 0 leaves the text with librdkafka.
func clientDidReport(
    _ client: OpaquePointer?, _ json: UnsafeMutablePointer<CChar>?, _ count: Int,
    _ opaque: UnsafeMutableRawPointer?
) -> Int32 {
    guard let json = unsafe json, let opaque = unsafe opaque else { return 0 }
    let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    context.reported(
        unsafe Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(json), count: count)))
    return 0
}

/// Thread: whichever polls the client.
func clientDidCommit(
    _ client: OpaquePointer?, _ error: rd_kafka_resp_err_t,
    _ offsets: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let opaque = unsafe opaque else { return }
    let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    context.committed(error)
}

/// Thread: the producer's poll thread.
func clientDidDeliver(
    _ client: OpaquePointer?, _ message: UnsafePointer<rd_kafka_message_t>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let message = unsafe message, let opaque = unsafe opaque else { return }
    let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    let token = unsafe UInt64(UInt(bitPattern: message.pointee._private))
    context.delivered(token: token, unsafe DeliveryResult(message.pointee))
}

/// The stable name of a native code, as `NOT_LEADER_FOR_PARTITION`.
func errorName(_ code: rd_kafka_resp_err_t) -> String {
    unsafe rd_kafka_err2name(code).map { unsafe String(cString: $0) } ?? "\(code.rawValue)"
}

func errorMessage(_ code: rd_kafka_resp_err_t) -> String {
    unsafe rd_kafka_err2str(code).map { unsafe String(cString: $0) } ?? errorName(code)
}
