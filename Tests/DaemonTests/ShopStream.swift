import Daemon
import Foundation
import Records

/// The events of a small shop, as a seed determines them: items first, then visits of every kind.
struct ShopStream {
    /// A tiny base, so that a daemon starts at once.
    static let base = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../EncoderTests/Fixtures/gelu-mean").standardizedFileURL.path

    static let items = 12
    static let startMs: Int64 = 1_760_000_000_000
    private var random: SeededRandom
    private(set) var count = 0
    private(set) var clicks = 0
    private var clicked: [(user: String, item: Int)] = []
    /// Whether there are events beside outcomes.
    private let mixed: Bool
    private let stepMs: Int64

    /// From event to event, where offers are to end within a test: their lifetime then is longer than
    /// any machine takes, so that none is too old by the clock when its record is read.
    static let slowStepMs: Int64 = 20_000

    init(seed: UInt64, mixed: Bool = true, stepMs: Int64 = 2_000) {
        random = SeededRandom(seed: seed)
        self.mixed = mixed
        self.stepMs = stepMs
    }

    /// The time of the last event.
    var newestMs: Int64 { Self.startMs + Int64(count - 1) * stepMs }

    mutating func next(_ count: Int, priceFactor: Double = 1) -> [String] {
        (0..<count).map { _ in line(priceFactor) }
    }

    private mutating func line(_ factor: Double) -> String {
        let number = count
        count += 1
        let common = "\"event_id\":\"e\(number)\",\"ts\":\(Self.startMs + Int64(number) * stepMs)"
        if number < Self.items {
            return """
                {"type":"item",\(common),"item_id":"i\(number)","title":"thing \(number) of kind \(number % 4)",\
                "category":"kind \(number % 4)","price":20,"cost":8}
                """
        }
        let item = Int(random.next() % UInt64(Self.items))
        let user = "u\(random.next() % 30)"
        let discount = [0, 0.1, 0.3][Int(random.next() % 3)]
        let offer =
            "\"user_id\":\"\(user)\",\"item_id\":\"i\(item)\",\"price\":\(20 * factor),\"discount\":\(discount)"
        let chance = 0.1 + 0.05 * Double(item % 4) + discount
        let bought = random.unit() < chance
        switch mixed ? random.next() % 8 : 7 {
        case 0, 1:
            // Each by a shopper of its own, so that each asks for an offer nobody was told of.
            clicks += 1
            clicked.append(("c\(number)", item))
            return "{\"type\":\"click\",\(common),\(offer.replacing(user, with: "c\(number)"))}"
        case 2: return "{\"type\":\"impression\",\(common),\(offer)}"
        case 3 where !clicked.isEmpty:
            let visit = clicked[Int(random.next() % UInt64(clicked.count))]
            return
                "{\"type\":\"purchase\",\(common),\"user_id\":\"\(visit.user)\",\"item_id\":\"i\(visit.item)\",\"price\":20}"
        default: return "{\"type\":\"outcome\",\(common),\(offer),\"purchased\":\(bought)}"
        }
    }

    /// What every test of a small shop runs under: batches by count, refreshes, many snapshots.
    static let overrides = [
        "model.base=\(base)", "lora.refresh_events=600", "lora.refresh_texts=0",
        "lora.judge_events=150",
        "batch.events=100", "batch.linger=0", "store.commit_events=200",
        "store.snapshot_events=500", "store.sync=false", "store.snapshot_interval=1h",
        "store.commit_interval=60s", "log.level=error", "attribution.lateness=0",
        "store.keep_latest=100000",
    ]

    static func configuration(_ more: String...) throws -> Configuration {
        try Configuration.load(file: nil, environment: [:], overrides: overrides + more)
    }
}

/// A folder that goes with the test.
final class Scratch {
    let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("tidemark-test-\(UUID().uuidString)").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a log of these lines, in a folder of its own so that its name may be any.
    func log(_ lines: [String], _ name: String = "shop.jsonl", in folder: String = "logs") throws
        -> String
    {
        let directory = "\(path)/\(folder)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        try Data((lines.joined(separator: "\n") + "\n").utf8)
            .write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
        return "\(directory)/\(name)"
    }
}
