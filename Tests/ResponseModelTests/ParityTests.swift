import Foundation
import ResponseModel
import Testing

/// The head against plain implementations of its equations.
@Suite struct ParityTests {
    struct Fixture: Decodable {
        struct Settings: Decodable {
            let dimension: Int
            let slots: Int
            let priorEvents: Int
        }
        struct Item: Decodable {
            let id: String
            let category: String?
            let brand: String?
            let vector: [Float]
        }
        struct Event: Decodable {
            let ts: Int64
            let user: String
            let item: Int
            let price: Double
            let discount: Double
            let context: [String: Value]
            let label: Bool
            let weight: Double
            let vector: [Float]?
            let logit: Double
            let variance: Double
        }
        struct Value: Decodable {
            let value: ContextValue

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let number = try? container.decode(Double.self) {
                    value = .number(number)
                } else {
                    value = .text(try container.decode(String.self))
                }
            }
        }
        let settings: Settings
        let items: [Item]
        let events: [Event]

        static func load() throws -> Fixture {
            let url = try #require(
                Bundle.module.url(
                    forResource: "response", withExtension: "json", subdirectory: "Fixtures"))
            return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
        }

        func example(_ event: Event) -> (exposure: Exposure, item: ItemFeatures) {
            let item = items[event.item]
            let context = event.context.sorted { $0.key < $1.key }
            return (
                Exposure(
                    tsMs: event.ts, user: event.user, price: event.price, discount: event.discount,
                    context: context.map { (key: $0.key, value: $0.value.value) }),
                ItemFeatures(
                    id: item.id, category: item.category, brand: item.brand,
                    vector: event.vector ?? item.vector)
            )
        }
    }

    @Test("logits and variances are those of the numpy reference to 1e-9")
    func reference() throws {
        let fixture = try Fixture.load()
        var configuration = HeadConfiguration()
        configuration.slotCountMax = fixture.settings.slots
        configuration.priorEventCount = fixture.settings.priorEvents
        // The reference has the text weights at one scale.
        configuration.textDeviation = 0
        // The reference moves the drift at every event.
        configuration.blockEventCount = 1
        var head = ResponseHead(
            name: "click", dimension: fixture.settings.dimension, configuration: configuration)
        #expect(fixture.events.count >= 300)
        for (index, event) in fixture.events.enumerated() {
            let (exposure, item) = fixture.example(event)
            let made = try head.learn(
                exposure, item: item, label: event.label, weight: event.weight)
            #expect(
                abs(made.logit - event.logit) < 1e-9 && abs(made.variance - event.variance) < 1e-9,
                "event \(index): \(made.logit) for \(event.logit), \(made.variance)")
        }
        #expect(head.summary.itemSlots == fixture.settings.slots, "no item lost its slot")
    }

    @Test("deferred covariance updates are exact: the length of a block changes nothing")
    func blocks() throws {
        var stream = Stream(seed: 3, spread: 30)
        let examples = stream.examples(1500)
        var configuration = HeadConfiguration()
        configuration.slotCountMax = 12
        configuration.priorEventCount = 200
        // Without drift; the drift moves between blocks and so depends on where they end.
        configuration.driftVariance = 1e-12
        func logits(_ blockEvents: Int) throws -> [Double] {
            configuration.blockEventCount = blockEvents
            var head = ResponseHead(
                name: "click", dimension: stream.dimension, configuration: configuration)
            return try examples.map { try head.learn($0).logit }
        }
        let plain = try logits(1)
        for length in [7, 64, 512] {
            let difference = zip(plain, try logits(length)).map { abs($0 - $1) }.max() ?? 1
            #expect(difference < 1e-9, "blocks of \(length) differ by \(difference)")
        }
    }
}
