import Daemon

/// What is shown of a daemon at a glance, wherever it was asked.
struct TopFigures: Encodable {
    struct Partition: Encodable {
        let name: String
        let next: Int64
        let lag: Int64?
    }

    struct Broker: Encodable {
        let address: String
        let state: String
        let state_ms: Int64
        let error: String?
    }

    struct Score: Encodable {
        let head: String
        let log_loss: Double?
        let normalized_entropy: Double?
    }

    let version: String
    /// One line: whether it is well, and why not.
    let standing: String
    let paused: PauseState
    let publishing_error: String?
    let events: Int
    let examples: Int
    let recommendations: Int
    /// nil while no broker can say.
    let lag: Int64?
    let waiting: Int
    let waiting_oldest_ms: Int64?
    let watermark_delay_ms: Int64?
    let head: String
    let lineage: Int?
    let state_sha256: String
    let scores: [Score]
    let partitions: [Partition]
    let brokers: [Broker]
}

extension TopFigures {
    /// As `/v1/status` has it.
    init(_ status: RemoteStatus) {
        version = status.version
        standing = "\(status.ready_reason) (the learning thread: \(status.activity))"
        paused = status.paused
        publishing_error = status.publishing.error
        events = status.events?.read ?? 0
        examples = status.examples ?? 0
        recommendations =
            (status.recommendations_published ?? 0) + (status.recommendations_unchanged ?? 0)
        lag = status.lag
        waiting = status.publishing.waiting ?? 0
        waiting_oldest_ms = status.publishing.oldest_ms
        watermark_delay_ms = status.watermark_delay_ms
        head = status.head ?? "unknown"
        lineage = status.lineage
        state_sha256 = status.state_sha256 ?? "unknown"
        scores = (status.recent ?? [:]).sorted { $0.key < $1.key }.map {
            Score(
                head: $0.key, log_loss: $0.value.log_loss,
                normalized_entropy: $0.value.normalized_entropy)
        }
        partitions = status.partitions.map {
            Partition(name: "\($0.topic):\($0.partition)", next: $0.next_offset, lag: $0.lag)
        }
        brokers = status.brokers.map {
            Broker(
                address: $0.address, state: $0.state, state_ms: $0.state_ms, error: $0.error)
        }
    }

    /// As the socket in the store's folder has it, which tells less.
    init(_ status: LearnerStatus) {
        version = status.version
        standing =
            status.relearning
            ? "learning again after a rewind (process \(status.process))"
            : "running (process \(status.process))"
        paused = status.paused
        publishing_error = status.publishingError
        events = status.events
        examples = status.examples
        recommendations = status.recommendations
        let lags = status.partitions.map(\.lag)
        lag = lags.contains(nil) ? nil : lags.reduce(0) { $0 + ($1 ?? 0) }
        waiting = status.outbox
        waiting_oldest_ms = nil
        watermark_delay_ms = nil
        head = status.head
        lineage = status.lineage
        state_sha256 = status.stateSHA256
        scores = []
        partitions = status.partitions.map {
            Partition(name: "\($0.topic):\($0.partition)", next: $0.next, lag: $0.lag)
        }
        brokers = status.brokers.map {
            Broker(address: $0.address, state: $0.state, state_ms: $0.stateMs, error: $0.error)
        }
    }
}

/// How fast totals grow, over the last ten seconds: a pure value, told what was seen when.
struct GrowthRates {
    typealias Instant = ContinuousClock.Instant

    private var samples: [(at: Instant, totals: [Int])] = []

    private static let span = Swift.Duration.seconds(10)

    /// - Parameter totals: always as many.
    /// - Returns: how much each grows a second; `nil` at the first time, and where one has fallen.
    mutating func take(_ totals: [Int], at now: Instant) -> [Double]? {
        samples.append((now, totals))
        while samples.count > 2, samples[1].at.duration(to: now) >= Self.span {
            samples.removeFirst()
        }
        guard let first = samples.first, first.at < now,
            zip(first.totals, totals).allSatisfy({ $0 <= $1 })
        else {
            samples = [(now, totals)]
            return nil
        }
        let elapsed = first.at.duration(to: now).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
        return zip(first.totals, totals).map { Double($1 - $0) / seconds }
    }
}
