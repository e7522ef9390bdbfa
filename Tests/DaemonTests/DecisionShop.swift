import Foundation
import Records

/// A shop whose decisions are drawn by lot among two discounts, as lines of logs.
struct DecisionShop {
    static let startMs: Int64 = 1_700_000_000_000
    var random: SeededRandom
    /// Epoch milliseconds of a decision.
    static func tsMs(_ number: Int) -> Int64 { startMs + Int64(number) * 60_000 }

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    static let item = """
        {"type":"item","event_id":"i-0","ts":1600000000000,"item_id":"kettle","title":"Kettle",\
        "price":20,"cost":8}
        """

    struct Visit {
        let number: Int
        let shopper: String
        let discount: Double
        let propensity: Double
        let bought: Bool
        var isHoldout = false
    }

    /// A discount of 20 % a quarter of the time; it sells twice as often.
    mutating func visit(_ number: Int, holdouts: Bool = false) -> Visit {
        let isHoldout = holdouts && number % 5 == 0
        let isCheap = random.unit() < 0.25 && !isHoldout
        let bought = random.unit() < (isCheap ? 0.4 : 0.2)
        return Visit(
            number: number, shopper: "u\(number % 4000)", discount: isCheap ? 0.2 : 0,
            propensity: isHoldout ? 1 : isCheap ? 0.25 : 0.75, bought: bought,
            isHoldout: isHoldout)
    }
}

extension DecisionShop.Visit {
    private var tsMs: Int64 { DecisionShop.tsMs(number) }

    func outcome(_ more: String = "") -> String {
        """
        {"type":"outcome","event_id":"o-\(number)","ts":\(tsMs),"user_id":"\(shopper)",\
        "item_id":"kettle","price":20,"discount":\(discount),"propensity":\(propensity),\
        "purchased":\(bought)\(more)}
        """
    }

    var click: String {
        """
        {"type":"click","event_id":"c-\(number)","ts":\(tsMs),"user_id":"\(shopper)",\
        "item_id":"kettle","price":20,"context":{"tier":"\(number % 2 == 0 ? "gold" : "plain")"}}
        """
    }

    var recommendation: String {
        let digits = String(number)
        let decision = String(repeating: "0", count: 32 - digits.count) + digits
        return """
            {"recommendation_id":"0-\(decision)","user_id":"\(shopper)","item_id":"kettle",\
            "discount":\(discount),"list_price":20,"price":\(20 * (1 - discount)),\
            "propensity":\(propensity),"policy":"epsilon_greedy","holdout":\(isHoldout),\
            "issued_at":"\(Timestamp.text(ms: tsMs))","rules":[]}
            """
    }

    /// A minute and a half later, without the recommendation's id.
    var purchase: String? {
        bought
            ? """
            {"type":"purchase","event_id":"p-\(number)","ts":\(tsMs + 90_000),\
            "user_id":"\(shopper)","item_id":"kettle","price":20,"discount":\(discount),\
            "quantity":2,"order_id":"a-\(number)"}
            """ : nil
    }
}

/// A folder of logs; it goes with the last one who holds it.
final class LogFolder: Sendable {
    let path = NSTemporaryDirectory() + "tidemark-test-" + UUID().uuidString

    init() throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes lines and returns the log's path.
    func write(_ name: String, _ lines: [String]) throws -> String {
        let file = "\(path)/\(name).jsonl"
        try lines.map { $0 + "\n" }.joined().write(
            toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
