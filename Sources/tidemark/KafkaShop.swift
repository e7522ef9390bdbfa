import Daemon
import Events
import Foundation
import KafkaStream
import Records
import Simulator
import Terminal

/// The shop's side of the cluster: events go to one topic, recommendations come from another.
///
/// Thread: one at a time.
final class KafkaShop: EventSink, OfferSource {
    private let brokers: String
    private let eventsTopic: String
    private let producer: KafkaProducer
    private let consumer: KafkaConsumer
    private var sent: UInt64 = 0
    /// Recommendations that could not be read.
    private(set) var unreadable = 0

    private static let connectMs = 10_000
    private static let deliveryMs = 30_000
    /// Records of each partition that are looked at for the newest time.
    private static let lastRecords: Int64 = 200

    /// Connects, and reads recommendations from the end of their topic on.
    ///
    /// - Throws: `KafkaError`.
    init(brokers: String, eventsTopic: String, recommendationsTopic: String) throws {
        self.brokers = brokers
        self.eventsTopic = eventsTopic
        producer = try KafkaProducer(KafkaConfiguration(brokers: brokers, topics: [eventsTopic]))
        try producer.connect(timeoutMs: Self.connectMs) { StopSignal.isReceived }
        let ends = try Self.ends(of: recommendationsTopic, brokers)
        consumer = try Self.consumer(of: recommendationsTopic, brokers)
        try consumer.assign(from: ends) { StopSignal.isReceived }
    }

    func close() {
        consumer.close()
        producer.close()
    }

    func send(_ events: [Event]) throws {
        for event in events {
            let message = KafkaMessage(
                topic: eventsTopic, key: Array(event.key.utf8), value: EventEncoder.encode(event))
            try producer.send(message, token: sent)
            sent += 1
        }
        guard producer.flush(timeoutMs: Self.deliveryMs) else {
            throw KafkaError.timedOut(
                "delivering events to topic \"\(eventsTopic)\"", afterMs: Self.deliveryMs)
        }
        for delivery in producer.drainDeliveries() {
            switch delivery.result {
            case .delivered: continue
            case .tooLarge: throw undelivered("an event is too large for it")
            case .refused(let code), .unknown(let code): throw undelivered(code)
            }
        }
    }

    private func undelivered(_ reason: String) -> any Error {
        ExitStatus.unavailable.failure(
            "topic \"\(eventsTopic)\" at \(brokers) did not take an event: \(reason)")
    }

    func receive(waitMs: Int) throws -> [ReceivedOffer] {
        let batch = try consumer.next(
            maxRecords: 1000, lingerMs: 5, waitMs: waitMs, stop: { StopSignal.isReceived })
        return batch.records.compactMap { record in
            guard let value = record.value, let offer = try? ReceivedOffer(json: value) else {
                unreadable += 1
                return nil
            }
            return offer
        }
    }

    /// The latest event time of these shoppers among the last records of the events topic; `nil`
    /// where there is none. Events of others, sent by hand, have times of their own.
    func newestEventMs(of shoppers: Set<String>) throws -> Int64? {
        let ends = try Self.ends(of: eventsTopic, brokers)
        guard ends.values.contains(where: { $0 > 0 }) else { return nil }
        let consumer = try Self.consumer(of: eventsTopic, brokers)
        defer { consumer.close() }
        try consumer.assign(from: ends.mapValues { max(0, $0 - Self.lastRecords) }) {
            StopSignal.isReceived
        }
        let decoder = EventDecoder()
        var newestMs: Int64?
        let deadline = ContinuousClock.now + .milliseconds(Self.connectMs)
        while !StopSignal.isReceived, ContinuousClock.now < deadline {
            let batch = try consumer.next(maxRecords: 1000, lingerMs: 5, waitMs: 100)
            for record in batch.records {
                // What is no event is the daemon's to report.
                guard let event = try? decoder.decode(record), let user = event.userID,
                    shoppers.contains(user)
                else { continue }
                newestMs = max(newestMs ?? event.tsMs, event.tsMs)
            }
            guard batch.records.isEmpty, let status = consumer.status() else { continue }
            if status.isCaughtUp, status.waitingRecords == 0 { break }
        }
        return newestMs
    }

    private static func consumer(
        of topic: String, _ brokers: String
    ) throws(KafkaError) -> KafkaConsumer {
        var configuration = KafkaConfiguration(brokers: brokers, topics: [topic])
        // A waiting fetch of the development broker is not woken by a new record.
        configuration.fetchWaitMaxMs = 10
        configuration.connectTimeoutMs = connectMs
        configuration.topicWaitMs = 5000
        configuration.onGap = .accept
        return try KafkaConsumer(configuration)
    }

    /// The offset after the last record of each partition.
    private static func ends(
        of topic: String, _ brokers: String
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        let consumer = try consumer(of: topic, brokers)
        defer { consumer.close() }
        try consumer.assign(from: [:]) { StopSignal.isReceived }
        let partitions = consumer.status()?.partitions ?? []
        return Dictionary(
            partitions.map { ($0.position, $0.endOffset) }, uniquingKeysWith: { first, _ in first })
    }
}

extension ReceivedOffer {
    /// The members of a published recommendation that a front end needs.
    private struct Published: Decodable {
        let recommendation_id: String
        let user_id: String
        let item_id: String
        let discount: Double
        let price: Double
        let propensity: Double?
        let expires_at: String?
    }

    /// - Throws: for what is no recommendation, or names no price a shop could charge.
    init(json: [UInt8]) throws {
        let published = try JSONDecoder().decode(Published.self, from: Data(json))
        guard
            let offer = ReceivedOffer(
                recommendationID: published.recommendation_id, userID: published.user_id,
                itemID: published.item_id, discount: published.discount, price: published.price,
                propensity: published.propensity,
                expiresAtMs: published.expires_at.flatMap(Timestamp.milliseconds))
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "the price is none"))
        }
        self = offer
    }
}
