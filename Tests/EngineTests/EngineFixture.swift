import ContinualLearning
import Encoder
import Engine
import Events
import Foundation
import Pricing
import Records
import ResponseModel

/// Vectors made of the words' hashes: quick, and alike for texts that share words.
final class WordEmbedding: TextEmbedding {
    let dimension: Int
    private(set) var textsEncoded = 0

    init(dimension: Int) {
        self.dimension = dimension
    }

    func vectors(of texts: [String]) throws -> [[Float]] {
        textsEncoded += texts.count
        return texts.map { text in
            var vector = [Double](repeating: 0, count: dimension)
            for word in text.split(separator: " ") {
                var random = SeededRandom(seed: StableHash.of(String(word)))
                for d in vector.indices { vector[d] += random.normal() }
            }
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return vector.map { Float($0 / max(length, 1e-9)) }
        }
    }

    func use(_ adapters: Adapters) throws {}
}

/// Trains at once, on the caller's thread.
final class InlineTraining: RefreshTraining {
    private let base: BaseModel
    private var result: Result<RefreshResult, any Error>?
    private(set) var jobs = 0

    init(_ base: BaseModel) {
        self.base = base
    }

    func start(_ job: RefreshJob) {
        jobs += 1
        result = Result {
            try job.run(
                base: base, maxTokens: 16, threads: 1, prefixCacheBytes: 32 << 20,
                isCancelled: { false })
        }
    }

    func finish() throws -> RefreshResult {
        guard let result else { throw Missing(what: "a job") }
        return try result.get()
    }
}

/// The engine's view of a real encoder.
final class RealEmbedding: TextEmbedding {
    private let encoder: TextEncoder

    init(_ base: BaseModel) throws {
        encoder = try TextEncoder(
            base: base, adapters: nil, maxTokens: 16, threads: 1, prefixCacheBytes: 32 << 20)
    }

    func vectors(of texts: [String]) throws -> [[Float]] { try encoder.vectors(of: texts) }

    func use(_ adapters: Adapters) throws { try encoder.setAdapters(adapters) }
}

struct Missing: Error, CustomStringConvertible {
    let what: String
    var description: String { "missing: \(what)" }
}

enum EngineFixture {
    /// The default base, fetched beforehand; read once.
    static let base = Result { () throws -> BaseModel in
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
        let folder = environment["TIDEMARK_MODEL"] ?? cache + "/tidemark/all-MiniLM-L6-v2"
        guard FileManager.default.fileExists(atPath: folder + "/model.safetensors") else {
            throw Missing(what: "the model (\(folder)); run deploy/fetch-model first")
        }
        return try BaseModel.load(directory: folder)
    }

    static func configuration(
        refreshEvents: Int = 0, _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> EngineConfiguration {
        let base = try base.get()
        var configuration = EngineConfiguration(
            seed: 7, head: HeadConfiguration(),
            adapters: AdapterConfiguration(
                rank: 4, layers: AdapterConfiguration.topLayers(2, of: base)),
            refresh: RefreshSchedule(
                events: refreshEvents, judgeEvents: 300,
                training: RefreshConfiguration(epochs: 2, batchTexts: 16),
                optimizer: AdamW.Configuration(learningRate: 1e-3, warmupSteps: 2),
                gate: RefreshGate.Configuration(examplesMin: 100, usersMin: 10, examplesMax: 300),
                gateSlices: 2),
            memory: ReplayMemory.Configuration(capacity: 5_000, recent: 2_000, seed: 7),
            join: AttributionConfiguration(windowMs: 3_600_000, latenessMs: 0),
            pricing: PricingConfiguration(
                marginFloor: 0, exploration: .none, holdoutFraction: 0))
        change(&configuration)
        return configuration
    }

    static func engine(
        _ configuration: EngineConfiguration, reading state: any StateReader = MemoryState()
    ) throws -> Engine {
        try Engine(configuration, base: try base.get(), reading: state)
    }

    static let topic = TopicPartition(topic: "t", partition: 0)

    static func input(_ event: Event, offset: Int64) -> EngineInput {
        EngineInput(
            record: SourceRecord(position: topic, offset: offset, value: nil),
            event: .success(event))
    }

    static let kinds = ["Steel Kettle", "Wool Scarf", "Garden Hose", "Desk Lamp", "Tea Tin"]

    static func item(_ number: Int, ts: Int64, cost: Double? = 4, stock: Double? = nil) -> Event {
        Event(
            eventID: "i\(number)", tsMs: ts,
            body: .item(
                Event.Item(
                    itemID: "item-\(number)", title: "\(kinds[number % 5]) \(number / 5)",
                    category: "Home / \(kinds[number % 5])", price: 10, cost: cost, stock: stock)))
    }

    /// A seeded stream: 40 items, then outcomes whose chance depends on item, depth and user.
    static func stream(outcomes: Int, seed: UInt64 = 1) -> [EngineInput] {
        var random = SeededRandom(seed: seed)
        var inputs = (0..<40).map { input(item($0, ts: 0), offset: Int64($0)) }
        for number in 0..<outcomes {
            let item = Int.random(in: 0..<40, using: &random)
            let discount = [0, 0.1, 0.3][Int.random(in: 0..<3, using: &random)]
            let chance = 0.05 + 0.08 * Double(item % 5) + discount * 0.6
            let offer = Event.Offer(
                userID: "u\(Int.random(in: 0..<50, using: &random))", itemID: "item-\(item)",
                price: 10, discount: discount)
            inputs.append(
                input(
                    Event(
                        eventID: "o\(number)", tsMs: Int64(1000 * (number + 1)),
                        body: .outcome(
                            Event.Outcome(offer: offer, purchased: random.unit() < chance))),
                    offset: Int64(40 + number)))
        }
        return inputs
    }

    static func click(
        _ number: Int, user: String = "ada", item: Int = 1, ts: Int64, price: Double = 10
    ) -> EngineInput {
        input(
            Event(
                eventID: "c\(number)", tsMs: ts,
                body: .click(Event.Offer(userID: user, itemID: "item-\(item)", price: price))),
            offset: Int64(1_000_000 + number))
    }
}

extension Array {
    func batches(of count: Int) -> [[Element]] {
        stride(from: 0, to: self.count, by: count).map {
            Array(self[$0..<Swift.min($0 + count, self.count)])
        }
    }
}
