import Engine
import Pricing
import Records

/// What people say: shoppers who object to personalised prices, and who approves of deep discounts.
extension RuleWorld {
    /// In many worlds nobody is asked.
    static func approval(_ random: inout SeededRandom) -> ApprovalSettings {
        var settings = ApprovalSettings()
        guard random.unit() < 0.3 else { return settings }
        if random.unit() < 0.8 { settings.above = random.unit() < 0.5 ? 0.05 : 0.2 }
        if random.unit() < 0.4 { settings.amountAbove = exponential(random.unit() * 6 - 1) }
        settings.waitMs = 1 + Int64(random.unit() * dayMs)
        return settings
    }

    /// At times somebody says something.
    mutating func people() throws -> Happening? {
        if voices.unit() < 0.002 {
            let shopper = Int(voices.unit() * 3)
            let isNew = try ledger.object(["shopper \(shopper)"], atMs: nowMs)
            return isNew ? .objection(shopper: shopper, atMs: nowMs) : nil
        }
        guard configuration.rules.approval.isUsed, voices.unit() < 0.05 else { return nil }
        let item = Int(voices.unit() * 3)
        let answer = Approval.Answer(
            depth: [0, 0.1, 0.3, 0.9][Int(voices.unit() * 4)], fromMs: nowMs,
            untilMs: nowMs + 1 + Int64(voices.unit() * Self.dayMs))
        _ = try ledger.take(answer, of: "item \(item)")
        return .answer(item: item, answer)
    }
}
