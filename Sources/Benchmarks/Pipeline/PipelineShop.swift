import Daemon
import Events
import Foundation
import KafkaStream
import Records
import Synchronization

/// Events of a shop with a catalogue, at the time they happen: three clicks in ten events, purchases
/// of what was clicked before, and pre-joined outcomes.
struct PipelineShop {
    private var random: SeededRandom
    private var count = 0
    private let items: Int
    private var clicked: [Event.Offer] = []

    /// Clicks that a purchase may follow.
    private static let clickedMax = 1000
    private static let shoppers = 20_000

    init(items: Int, seed: UInt64) {
        self.items = items
        random = SeededRandom(seed: seed)
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    mutating func catalogue() -> [Event] {
        let kinds = ["Kettle", "Toaster", "Lamp", "Mug", "Pan", "Chair", "Rug", "Clock"]
        let looks = ["Steel", "Oak", "Blue", "Small", "Deluxe", "Vintage", "Glass", "Folding"]
        return (0..<items).map { number in
            let kind = kinds[number % kinds.count]
            return Event(
                eventID: "i\(number)", tsMs: wallTimeMs(),
                body: .item(
                    .init(
                        itemID: "item-\(number)",
                        title: "\(looks[number / 8 % looks.count]) \(kind) no. \(number)",
                        category: "Home / \(kind)s", brand: "Hearth",
                        price: Self.price(number), cost: Self.price(number) * 0.55)))
        }
    }

    private static func price(_ item: Int) -> Double { Double(10 + item % 90) }

    mutating func next(nowMs: Int64) -> Event {
        count += 1
        let item = below(items)
        let offer = Event.Offer(
            userID: "shopper-\(below(Self.shoppers))", itemID: "item-\(item)",
            price: Self.price(item), discount: Double(below(4)) / 10)
        let body: Event.Body
        switch below(10) {
        case 0..<3:
            body = .click(offer)
            if clicked.count < Self.clickedMax { clicked.append(offer) }
        case 3 where !clicked.isEmpty:
            let bought = clicked.remove(at: below(clicked.count))
            body = .purchase(
                .init(
                    offer: bought, quantity: 1, paid: bought.price * (1 - bought.discount),
                    orderID: "o\(count)"))
        default: body = .outcome(.init(offer: offer, purchased: below(12) == 0))
        }
        return Event(eventID: "e\(count)", tsMs: nowMs, body: body)
    }
}

/// A click that was answered.
struct Answer {
    let atMs: Int64
    let freshnessMs: Double
}

/// Reads recommendations as a shop's front end would, and how long each took from its click.
///
/// Thread: its own reads; what others ask is under `state`.
final class RecommendationReader: Sendable {
    private struct State {
        /// When clicks were produced that wait, by shopper, item and time.
        var expected: [String: Int64] = [:]
        /// Shoppers and items with an offer: until it expires, none is published for them again.
        var offered: Set<String> = []
        var standing = 0
        var answers: [Answer] = []
        var isClosing = false
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let consumer: KafkaConsumer

    init(brokers: String, topic: String) throws {
        var configuration = KafkaConfiguration(brokers: brokers, topics: [topic])
        configuration.fetchWaitMaxMs = 10
        configuration.topicWaitMs = 10_000
        consumer = try KafkaConsumer(configuration)
        try consumer.assign(from: [:])
        Thread.detachNewThread { self.read() }
    }

    func begin() {
        state.withLock {
            $0.expected = [:]
            $0.answers = []
            $0.standing = 0
        }
    }

    /// A click is produced, which is answered unless the shopper has an offer for the item.
    func expect(user: String, item: String, atMs: Int64) {
        state.withLock { state in
            if state.offered.insert("\(user) \(item)").inserted {
                state.expected["\(user) \(item) \(atMs)"] = atMs
            } else {
                state.standing += 1
            }
        }
    }

    /// Waits until every click has its recommendation, at most so long.
    func wait(forMs: Int) {
        let end = ContinuousClock.now + .milliseconds(forMs)
        while ContinuousClock.now < end, state.withLock({ !$0.expected.isEmpty }) {
            usleep(5000)
        }
    }

    /// The clicks that were answered, those that met an offer that stands, and those whose
    /// recommendation has not come.
    func take() -> (answers: [Answer], standing: Int, missing: Int) {
        state.withLock { ($0.answers, $0.standing, $0.expected.count) }
    }

    func close() {
        state.withLock { $0.isClosing = true }
        while !state.withLock(\.hasEnded) { usleep(1000) }
        consumer.close()
    }

    private struct Published: Decodable {
        let user_id: String
        let item_id: String
        /// The click's own time.
        let issued_at: String
    }

    private func read() {
        let decoder = JSONDecoder()
        while !state.withLock(\.isClosing) {
            guard let batch = try? consumer.next(maxRecords: 1000, lingerMs: 1, waitMs: 50) else {
                break
            }
            let nowMs = wallTimeMs()
            for record in batch.records {
                guard let value = record.value,
                    let published = try? decoder.decode(Published.self, from: Data(value)),
                    let issuedMs = Timestamp.milliseconds(published.issued_at)
                else { continue }
                let key = "\(published.user_id) \(published.item_id) \(issuedMs)"
                state.withLock { state in
                    guard let atMs = state.expected.removeValue(forKey: key) else { return }
                    state.answers.append(Answer(atMs: atMs, freshnessMs: Double(nowMs - atMs)))
                }
            }
        }
        state.withLock { $0.hasEnded = true }
    }
}
