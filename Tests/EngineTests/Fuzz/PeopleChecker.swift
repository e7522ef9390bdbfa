import Pricing

/// Judges decisions by what people said, in words: no discount for who objected, none beyond what was approved.
struct PeopleChecker {
    private let rules: RuleSettings
    private var objectedMs: [Int: Int64] = [:]
    private var answers: [Int: Approval.Answer] = [:]
    /// What was met, so that a test knows that it tested something.
    private(set) var met: [String: Int] = [:]

    init(_ configuration: PricingConfiguration) { rules = configuration.rules }

    /// What a happening breaks; nothing, where all is well.
    mutating func judge(_ happening: RuleWorld.Happening) -> [String] {
        switch happening {
        case .objection(let shopper, let ms):
            objectedMs[shopper] = ms
            return []
        case .answer(let item, let answer):
            answers[item] = answer
            return []
        case .catalogue, .purchase: return []
        case .decision(let asked, let decision):
            return judgeObjection(asked, decision) + judgeApproval(asked, decision)
        }
    }

    private func judgeObjection(_ asked: RuleWorld.Asked, _ decision: Decision) -> [String] {
        let isNamed = decision.rules.contains(.objection)
        // What was decided before the objection, and is decided again, was told.
        let holds = objectedMs[asked.shopper].map { !asked.isAgain || asked.atMs >= $0 } ?? false
        guard holds else { return isNamed ? ["an objection of nobody"] : [] }
        var broken: [String] = []
        if !isNamed { broken.append("an objection that is not named") }
        if decision.price != asked.offer.price || decision.actions.count != 1 {
            broken.append("a personal price for who objected")
        }
        return broken
    }

    private mutating func judgeApproval(
        _ asked: RuleWorld.Asked, _ decision: Decision
    ) -> [String] {
        let settings = rules.approval
        guard settings.isUsed else {
            return decision.withheld == nil ? [] : ["withheld where nobody is asked"]
        }
        guard !decision.isHeld else {
            return decision.withheld == nil ? [] : ["withheld from an offer that stands"]
        }
        let list = asked.offer.price
        var lowest = 0.0
        if let above = settings.above { lowest = max(lowest, list * (1 - above)) }
        if let amount = settings.amountAbove { lowest = max(lowest, list - amount) }
        if let answer = answers[asked.item], answer.fromMs <= asked.atMs,
            asked.atMs < answer.untilMs
        {
            lowest = min(lowest, list * (1 - answer.depth))
            if decision.price < list, answer.depth > 0 { met["approved", default: 0] += 1 }
        }
        var broken: [String] = []
        for price in [decision.price] + decision.actions.map(\.price) where price < list {
            if price < lowest - list * 2e-9 { broken.append("\(price) needs approval") }
        }
        if let withheld = decision.withheld {
            if list * (1 - withheld.depth) > decision.price + 0.02 || withheld.gain < 0 {
                broken.append("withheld \(withheld) beside \(decision.price) of \(list)")
            }
            if !decision.rules.contains(.approval) { broken.append("approval is not named") }
        }
        return broken
    }
}
