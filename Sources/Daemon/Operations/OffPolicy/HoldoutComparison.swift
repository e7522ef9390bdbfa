import EventLog
import Events
import Foundation
import OffPolicy
import Pricing

/// What discounts add, against the shoppers who never get one: `tidemark holdout`.
///
/// Every shopper with a recommendation belongs to one of two groups, by its `holdout`. What a shopper brings is
/// told twice: by the purchases that belong to decisions, and by all that he buys from his first
/// recommendation on, whole orders with everything else in them. The figures are looked at once a day of event time,
/// so that the interval at the end is one that was looked at every day.
public final class HoldoutComparison {
    /// What is asked.
    public struct Question: Sendable {
        /// Logs of events and of recommendations.
        public var events: [String]
        /// A log of items, read first.
        public var catalog: String?
        /// `nil`: margin where the cost of nearly all that is bought is known, else revenue.
        public var reward: Reward?
        /// A context entry: shoppers are told apart by their first value of it.
        public var segment: String?

        /// Everything else has its default.
        public init(events: [String]) { self.events = events }
    }

    private let question: Question
    private let wiring: Wiring
    private let pricing: PricingConfiguration
    private var decided = Track()
    private var bought = Track()
    private var segments: [(name: String, track: Track)] = []
    private var segmentOf: [String: Int] = [:]
    private var withoutCost = 0
    private var purchases = 0
    private var days = 0
    private var dayMs: Int64?
    private var alarms: [String: Int] = [:]

    /// Values of a segment that are told apart; those that come later are taken together.
    private static let segmentMax = 50
    private static let others = "(others)"
    private static let lookEveryMs: Int64 = 86_400_000

    /// Margin and revenue side by side: which one is told is known at the end.
    private struct Track {
        var margin = HoldoutEvaluation()
        var revenue = HoldoutEvaluation()

        mutating func see(_ shopper: String, isHeldOut: Bool) {
            margin.see(shopper, isHeldOut: isHeldOut)
            revenue.see(shopper, isHeldOut: isHeldOut)
        }

        mutating func add(revenue paid: Double, margin: Double?, of shopper: String) {
            revenue.add(paid, of: shopper)
            if let margin { self.margin.add(margin, of: shopper) }
        }

        mutating func spend(_ cost: Double, on shopper: String) {
            margin.add(-cost, of: shopper, isPurchase: false)
        }

        mutating func look(_ reward: Reward, alpha: Double) -> HoldoutEstimate {
            reward == .margin ? margin.look(alpha: alpha) : revenue.look(alpha: alpha)
        }
    }

    /// - Throws: `PolicyQuestionError` for a reward that no shopper's total is made of.
    public init(_ question: Question, configuration: Configuration = Configuration()) throws {
        if question.reward == .conversion { throw PolicyQuestionError.conversion }
        self.question = question
        wiring = Wiring(configuration: configuration)
        pricing = wiring.pricingConfiguration()
    }

    /// Reads the logs to their ends.
    public func run() throws -> HoldoutReport {
        StopSignal.install()
        let catalog = try [question.catalog].compactMap { $0 }.map { try LogReader(path: $0) }
        let events = try question.events.map { try LogReader(path: $0) }
        var progress = LogProgress("holdout", catalog + events)
        let log = try DecisionLog(
            events, wiring,
            listener: .init(
                purchase: { [self] purchase, tsMs, item in take(purchase, tsMs, item) },
                recommendation: { [self] found, context in see(found, context) },
                time: { [self] tsMs in pass(tsMs) }))
        try log.takeCatalog(catalog, wiring)
        while !StopSignal.isReceived, let decisions = try log.next() {
            for decision in decisions { take(decision) }
            progress.update(eventsRead: log.counts.lines)
        }
        if StopSignal.isReceived { throw Interrupted(outcome: "nothing is concluded") }
        for decision in try log.drain() { take(decision) }
        progress.finish(eventsRead: log.counts.lines)
        return report(log.counts)
    }

    private func see(_ found: LoggedRecommendation, _ context: [Event.Attribute]) {
        meet(found, context)
        guard found.offer.discount > 0 else { return }
        change(allOf: found.offer.userID) {
            $0.spend(pricing.offerCost.made, on: found.offer.userID)
        }
    }

    private func meet(_ found: LoggedRecommendation, _ context: [Event.Attribute]) {
        let shopper = found.offer.userID
        guard !decided.margin.knows(shopper) else { return }
        decided.see(shopper, isHeldOut: found.isHoldout)
        if let key = question.segment,
            let value = context.first(where: { $0.key == key })?.value
        {
            let name =
                switch value {
                case .number(let number): "\(number)"
                case .text(let text): text
                }
            segmentOf[shopper] = segment(named: name)
        }
        change(allOf: shopper) { $0.see(shopper, isHeldOut: found.isHoldout) }
    }

    /// Changes what is known of all that a shopper brings: over all shoppers, and in his segment.
    private func change(allOf shopper: String, _ body: (inout Track) -> Void) {
        body(&bought)
        if let place = segmentOf[shopper] { body(&segments[place].track) }
    }

    private func segment(named name: String) -> Int {
        if let place = segments.firstIndex(where: { $0.name == name }) { return place }
        let isFull = segments.count >= Self.segmentMax
        if isFull, segments.last?.name == Self.others { return segments.count - 1 }
        segments.append((isFull ? Self.others : name, Track()))
        return segments.count - 1
    }

    /// What units at a price bring less their cost, where that is known or assumed, and less that of the
    /// redemption where the price is an offer's.
    private func margin(
        _ units: Double, at paid: Double, isOffer: Bool, listPrice: Double, _ item: KnownItem
    ) -> Double? {
        pricing.cost(item.cost, listPrice: listPrice).map { cost in
            units * (paid - cost) - (isOffer ? pricing.offerCost.redeemed : 0)
        }
    }

    /// A purchase of which nothing is yet known but itself: all that a shopper buys counts.
    private func take(_ purchase: Event.Purchase, _ tsMs: Int64, _ item: KnownItem) {
        let offer = purchase.offer
        guard bought.margin.knows(offer.userID) else { return }
        let paid = purchase.paid ?? offer.price * (1 - offer.discount)
        let units = Double(purchase.quantity)
        // The discount need not be told where what was paid is; less than a cent is none.
        let isOffer = offer.discount > 0 || paid < offer.price - 0.005
        let own = margin(units, at: paid, isOffer: isOffer, listPrice: offer.price, item)
        purchases += 1
        if own == nil { withoutCost += 1 }
        change(allOf: offer.userID) {
            $0.add(revenue: units * paid, margin: own, of: offer.userID)
        }
    }

    private func take(_ decision: JoinedDecision) {
        let shopper = decision.offer.userID
        let isOffer = decision.offer.discount > 0
        if isOffer, !decision.isAgain { decided.spend(pricing.offerCost.made, on: shopper) }
        guard decision.sold.units > 0 else { return }
        let paid = decision.sold.paid ?? decision.price
        let units = Double(decision.sold.units)
        let own = margin(
            units, at: paid, isOffer: isOffer, listPrice: decision.offer.price, decision.item)
        decided.add(revenue: units * paid, margin: own, of: shopper)
    }

    /// Looks, where a day has passed.
    private func pass(_ tsMs: Int64) {
        guard let since = dayMs else {
            dayMs = tsMs
            return
        }
        guard tsMs - since >= Self.lookEveryMs else { return }
        dayMs = since + (tsMs - since) / Self.lookEveryMs * Self.lookEveryMs
        days += 1
        for (name, estimate) in look() where estimate.isDifferent {
            alarms[name] = alarms[name] ?? days
        }
    }

    private var reward: Reward {
        if let asked = question.reward { return asked }
        return Double(withoutCost) <= 0.01 * Double(purchases) ? .margin : .revenue
    }

    /// Decisions and all purchases share the error; segments share one of their own, each getting less of it
    /// the later it came, so that the sum holds for any number of them.
    private func look() -> [(name: String, estimate: HoldoutEstimate)] {
        let alpha = HoldoutEvaluation.Settings().alpha
        let reward = self.reward
        var found = [
            (HoldoutReport.decisionsName, decided.look(reward, alpha: alpha / 2)),
            (HoldoutReport.purchasesName, bought.look(reward, alpha: alpha / 2)),
        ]
        for index in segments.indices {
            let share = alpha / Double((index + 1) * (index + 2))
            found.append(
                (segments[index].name, segments[index].track.look(reward, alpha: share)))
        }
        return found
    }

    private func report(_ counts: DecisionCounts) -> HoldoutReport {
        let rows = look().map { name, estimate in
            HoldoutReport.Row(
                name: name, estimate: estimate,
                firstSeenDay: alarms[name] ?? (estimate.isDifferent ? days + 1 : nil))
        }
        return HoldoutReport(
            reward: reward, days: days, log: counts, purchases: purchases,
            withoutCost: withoutCost, rows: Array(rows.prefix(2)), segment: question.segment,
            segments: Array(rows.dropFirst(2)))
    }
}

/// What `tidemark holdout` tells.
public struct HoldoutReport: Codable, Sendable {
    static let decisionsName = "by decisions"
    static let purchasesName = "all purchases"

    /// What was added up of a shopper.
    public var reward: Reward
    /// Looks, a day of event time apart.
    public var days: Int
    /// What the logs held.
    public var log: DecisionCounts
    /// Purchases of shoppers after their first recommendation.
    public var purchases: Int
    /// Those of items whose cost is not known: without a part in margins.
    public var withoutCost: Int
    /// By decisions, and by all purchases: whole orders.
    public var rows: [Row]
    /// The context entry that shoppers are told apart by.
    public var segment: String?
    /// By its values, over all purchases, in the order they came.
    public var segments: [Row]

    /// One comparison.
    public struct Row: Codable, Sendable {
        /// What is compared.
        public var name: String
        /// How far.
        public var estimate: HoldoutEstimate
        /// The day of the first look at which zero was outside the interval.
        public var firstSeenDay: Int?

        enum CodingKeys: String, CodingKey {
            case name, estimate
            case firstSeenDay = "first_seen_day"
        }
    }

    enum CodingKeys: String, CodingKey {
        case reward, days, log, purchases, rows, segment, segments
        case withoutCost = "without_cost"
    }

    /// JSON with sorted keys, indented.
    public func json() throws -> String { try reportJSON(self) }
}
