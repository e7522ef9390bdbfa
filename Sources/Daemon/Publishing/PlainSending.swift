import KafkaStream
import SnapshotStore

/// Sends the outbox through one producer, each message at least once.
struct PlainSending {
    let producer: KafkaProducer
    let outbox: OutboxReading
    let desk: PublishingDesk
    let voice: PublishingVoice
    var rate: PublishRate

    private var delivery: DeliveryProgress?
    /// Messages to send once more, in the form that the brokers may take.
    private var again: [OutboxMessage] = []
    private var shortened: Set<UInt64> = []
    /// Messages whose topic refuses them for now.
    private var held = HeldMessages()
    /// Those of them that are tried again, by their topic.
    private var tried: [UInt64: String] = [:]

    /// Beyond this wait for a broker to take a message it is said.
    private static let patienceMs: Int64 = 30_000

    /// How long a message waits for room in the producer before deliveries are looked at again.
    private static let roomMs = 200

    init(
        producer: KafkaProducer, outbox: OutboxReading, desk: PublishingDesk,
        voice: PublishingVoice, rate: PublishRate
    ) {
        self.voice = voice
        self.producer = producer
        self.outbox = outbox
        self.desk = desk
        self.rate = rate
    }

    /// - Returns: whether the publishing is over; otherwise the producer must be made again.
    mutating func run() throws -> Bool {
        while true {
            guard producer.fatalError == nil else { return false }
            let isPaused = desk.isPausedNow
            if isPaused, let first = try outbox.messages(from: delivery?.next ?? 0, limit: 1).first
            {
                desk.note(waiting: first.sequence)
            }
            let allowed = isPaused ? 0 : rate.allowed(atMs: monotonicMs())
            let messages = try next(limit: allowed)
            guard let sent = try send(messages) else { return false }
            rate.take(sent)
            if producer.inFlight > 0 {
                _ = producer.waitForDeliveries(timeoutMs: 10)
            } else if isPaused, desk.isStopping {
                return true
            } else if allowed == 0 {
                desk.waitForLeave()
            }
            for report in producer.drainDeliveries() { try note(report) }
            if let through = delivery?.through { voice.delivered(through: through) }
            if desk.isTimeUp { return true }
            try retryHeld()
            sayWhatWaits()
            guard messages.isEmpty, again.isEmpty, producer.inFlight == 0, allowed > 0 else {
                continue
            }
            if let nextMs = held.nextMs {
                desk.pause(.milliseconds(max(10, min(500, nextMs - monotonicMs()))))
            } else if !desk.waitForCommit() {
                return true
            }
        }
    }

    /// Messages whose topic may take them by now.
    private mutating func retryHeld() throws {
        for (sequence, topic) in held.due(nowMs: monotonicMs()) {
            guard let message = try outbox.messages(from: sequence, limit: 1).first,
                message.sequence == sequence
            else {
                // Its owner was erased meanwhile.
                delivery?.arrived(sequence)
                continue
            }
            tried[sequence] = topic
            again.append(message)
        }
    }

    private func sayWhatWaits() {
        guard producer.inFlight > 0 || !held.isEmpty, let first = delivery?.pending else { return }
        desk.note(waiting: first)
        let standing = desk.standing()
        guard standing.failure == nil, let ms = standing.oldestMs, ms > Self.patienceMs else {
            return
        }
        voice.failed(PublishingFailure(topic: nil, reason: "no broker has taken them yet"))
    }

    private mutating func next(limit: Int) throws -> [OutboxMessage] {
        guard limit > 0 else { return [] }
        if !again.isEmpty {
            defer { again = [] }
            return again
        }
        let messages = try outbox.messages(from: delivery?.next ?? 0, limit: limit)
        if delivery == nil, let first = messages.first {
            delivery = DeliveryProgress(first: first.sequence)
        }
        delivery?.read(messages.map(\.sequence))
        // After a loss some are read again that have arrived, or that their topic refuses.
        let open = messages.filter { delivery?.isOpen($0.sequence) ?? true }
        if open.isEmpty, let last = messages.last { delivery?.sent(last.sequence) }
        return open
    }

    /// - Returns: how many the producer took; nil when it is over.
    private mutating func send(_ messages: [OutboxMessage]) throws -> Int? {
        for (index, message) in messages.enumerated() {
            do throws(KafkaError) {
                try producer.send(
                    KafkaMessage(message), token: message.sequence, timeoutMs: Self.roomMs)
            } catch {
                if producer.fatalError != nil { return nil }
                guard case .timedOut = error else { throw error }
                // No room: what is not taken is asked of the store again, but for repetitions.
                again += messages[index...].filter {
                    shortened.contains($0.sequence) || tried[$0.sequence] != nil
                }
                return index
            }
            delivery?.sent(message.sequence)
        }
        return messages.count
    }

    private mutating func note(_ report: Delivery) throws {
        switch report.result {
        case .delivered:
            delivery?.arrived(report.token)
            if let topic = tried.removeValue(forKey: report.token) {
                held.release(topic, nowMs: monotonicMs())
            }
        case .unknown:
            if let topic = tried.removeValue(forKey: report.token) {
                held.hold(report.token, of: topic, nowMs: monotonicMs())
            } else {
                delivery?.lost(report.token)
            }
        case .refused(let code) where PublishingFailure.isOfTopic(code): try hold(report, code)
        case .refused(let code):
            throw PublishingError.refused(report.token, try outbox.topic(of: report.token), code)
        case .tooLarge:
            guard let message = try outbox.messages(from: report.token, limit: 1).first,
                message.sequence == report.token, shortened.insert(report.token).inserted
            else {
                throw PublishingError.refused(
                    report.token, try outbox.topic(of: report.token), "it is too large")
            }
            again.append(try outbox.shortened(message))
        }
    }

    /// Keeps a message back whose topic takes none; learning and the other topics go on.
    private mutating func hold(_ report: Delivery, _ code: String) throws {
        tried[report.token] = nil
        guard let topic = try outbox.topic(of: report.token) else {
            delivery?.arrived(report.token)
            return
        }
        delivery?.putAside(report.token)
        held.hold(report.token, of: topic, nowMs: monotonicMs())
        if let first = delivery?.pending { desk.note(waiting: first) }
        voice.refused(topic, code)
    }
}

/// How far the outbox has been sent, and delivered without a gap.
struct DeliveryProgress {
    /// The next message to send.
    private(set) var next: UInt64
    /// The first message whose delivery is not known.
    private(set) var pending: UInt64
    /// Messages beyond `pending` that have arrived.
    private var ahead: Set<UInt64> = []
    /// Messages that are kept back and sent again one by one.
    private var aside: Set<UInt64> = []
    private let first: UInt64

    init(first: UInt64) {
        self.first = first
        next = first
        pending = first
    }

    /// The last message up to which all have arrived.
    var through: UInt64? { pending > first ? pending - 1 : nil }

    mutating func sent(_ sequence: UInt64) { next = max(next, sequence + 1) }

    /// Messages were read in their order from `next` on. Those between them that are not there any more were taken
    /// out, as their shopper objected or was erased: nobody waits for them.
    mutating func read(_ sequences: [UInt64]) {
        var expected = next
        for sequence in sequences where sequence >= expected {
            while expected < sequence {
                arrived(expected)
                expected += 1
            }
            expected = sequence + 1
        }
    }

    /// All from here on is sent again.
    mutating func lost(_ sequence: UInt64) { next = min(next, sequence) }

    mutating func putAside(_ sequence: UInt64) { aside.insert(sequence) }

    /// Whether it is to be sent when it is read.
    func isOpen(_ sequence: UInt64) -> Bool {
        sequence >= pending && !ahead.contains(sequence) && !aside.contains(sequence)
    }

    mutating func arrived(_ sequence: UInt64) {
        aside.remove(sequence)
        guard sequence >= pending else { return }
        ahead.insert(sequence)
        while ahead.remove(pending) != nil { pending += 1 }
    }
}
