import EventLog
import Foundation
import OffPolicy
import Pricing
import SnapshotStore

/// What other policies would have earned on logged decisions: `tidemark ope`.
///
/// Reads the logs once, as streams; learns nothing and changes nothing. A store is opened for reading.
public final class PolicyEvaluation {
    /// What is asked.
    public struct Question: Sendable {
        /// Logs of events and of recommendations.
        public var events: [String]
        /// A log of items, read first.
        public var catalog: String?
        /// Policies to evaluate.
        public var policies: [PolicySource]
        /// The one that the others are compared with.
        public var against: PolicySource?
        /// `nil`: margin where the cost of nearly all is known, else revenue.
        public var reward: Reward?
        /// What one decision can bring, where that has bounds: for exact intervals.
        public var rewards: ClosedRange<Double>?
        /// Discounts within this of a fixed one count for it, by their nearness.
        public var kernel: Double?
        /// Whether propensities are densities, of a discount's hundredth.
        public var isDensity = false

        /// Everything else has its default.
        public init(events: [String], policies: [PolicySource]) {
            self.events = events
            self.policies = policies
        }
    }

    /// Where snapshots are, and what rules hold.
    public struct Setting {
        /// A store's folder.
        public var store: String?
        /// Folder of the base; the one of the snapshot's configuration where `nil`.
        public var base: String?
        /// `nil`: the store's, and where there is no store any discount is allowed.
        public var configuration: Configuration?

        /// By default nothing is known.
        public init() {}
    }

    private let question: Question
    private let sources: [PolicySource]
    private let reference: Int?
    private let wiring: Wiring
    private let rules: PolicyRules
    private let kernel: DepthKernel?
    private let store: SnapshotStore?
    private var snapshots: [Int: SnapshotPolicy] = [:]
    private var files: [Int: PolicyFile] = [:]
    private var tracks: [RewardEvaluation] = []
    private var holdouts = 0
    private var learnedBefore = 0

    /// Margins count where the cost is known of at least this share of decisions.
    private static let costShareMin = 0.99

    /// - Throws: where a policy, a file or a snapshot is not there, or the question has no meaning.
    public init(_ question: Question, in setting: Setting = Setting()) throws {
        DamageExit.install()
        self.question = question
        var sources = question.policies
        if let against = question.against, !sources.contains(against) { sources.append(against) }
        self.sources = sources
        reference = question.against.flatMap { sources.firstIndex(of: $0) }
        store = try setting.store.map { try SnapshotStore.open(path: $0, mode: .readOnly) }
        for (index, source) in sources.enumerated() {
            switch source {
            case .snapshot(let reference):
                guard let store else { throw PolicyQuestionError.noStore(source.name) }
                snapshots[index] = try SnapshotPolicy(
                    store: store, snapshot: reference, base: setting.base)
            case .file(let path): files[index] = try PolicyFile(path)
            case .logged, .uniform, .fixed: break
            }
        }
        wiring = try Self.wiring(setting, store, snapshots.min { $0.key < $1.key }?.value)
        let pricing = wiring.pricingConfiguration()
        rules = try PolicyRules(
            pricing, hold: setting.configuration != nil || store != nil)
        kernel = try Self.kernel(question, rules)
        try requireMeaning()
        var settings = OffPolicyEvaluation.Settings()
        settings.rewards = question.rewards
        for reward in question.reward.map({ [$0] }) ?? [.margin, .revenue] {
            var own = settings
            if reward == .conversion { own.rewards = own.rewards ?? 0...1 }
            tracks.append(
                RewardEvaluation(
                    reward,
                    OffPolicyEvaluation(
                        policies: sources.map(\.name), reference: reference, settings: own),
                    offerCost: pricing.offerCost))
        }
    }

    private static func wiring(
        _ setting: Setting, _ store: SnapshotStore?, _ snapshot: SnapshotPolicy?
    ) throws -> Wiring {
        if let configuration = setting.configuration { return Wiring(configuration: configuration) }
        if let snapshot { return snapshot.wiring }
        guard let store else { return Wiring(configuration: Configuration()) }
        let record = try store.resolve("head")
        return Wiring(
            configuration: try Configuration(
                stored: try store.texts(of: record).configuration, place: "snapshot \(record.id)"))
    }

    private static func kernel(_ question: Question, _ rules: PolicyRules) throws -> DepthKernel? {
        guard let bandwidth = question.kernel else { return nil }
        do throws(OffPolicyError) {
            return try DepthKernel(
                bandwidth: bandwidth, range: question.isDensity ? 0...rules.deepest : 0...1)
        } catch {
            throw PolicyQuestionError.kernel(error.description)
        }
    }

    private func requireMeaning() throws(PolicyQuestionError) {
        if question.isDensity {
            guard kernel != nil else { throw .kernel("densities need a kernel's bandwidth") }
            for source in sources {
                switch source {
                case .logged, .fixed: continue
                case .uniform, .snapshot, .file:
                    throw .kernel("'\(source.name)' has no density; give logged or fixed:…")
                }
            }
        }
        if Set(question.policies).count < question.policies.count { throw .twice }
    }

    /// Reads the logs to their ends.
    ///
    /// - Throws: `BadLogLine` with file and line; `Interrupted` after a signal.
    public func run() throws -> PolicyEvaluationReport {
        StopSignal.install()
        let catalog = try [question.catalog].compactMap { $0 }.map { try LogReader(path: $0) }
        let events = try question.events.map { try LogReader(path: $0) }
        var progress = LogProgress("ope", catalog + events)
        let log = try DecisionLog(
            events, wiring,
            listener: .init(item: { [self] input in
                for index in snapshots.keys { try snapshots[index]?.learn(item: input) }
            }))
        try log.takeCatalog(catalog, wiring)
        while !StopSignal.isReceived, let decisions = try log.next() {
            for decision in decisions { try take(decision) }
            progress.update(eventsRead: log.counts.lines)
        }
        if StopSignal.isReceived { throw Interrupted(outcome: "nothing is concluded") }
        for decision in try log.drain() { try take(decision) }
        progress.finish(eventsRead: log.counts.lines)
        try store?.close()
        return report(log.counts)
    }

    private func take(_ decision: JoinedDecision) throws {
        var decision = decision
        if decision.isHoldout {
            holdouts += 1
            return
        }
        if decision.item.price == nil, decision.item.cost == nil {
            for (_, snapshot) in snapshots.sorted(by: { $0.key < $1.key }) {
                guard let known = try snapshot.item(decision.offer.itemID) else { continue }
                decision.item = known
                break
            }
        }
        // A policy must not be judged by what it has learned from.
        if snapshots.values.contains(where: { $0.record.eventTimeMs >= decision.tsMs }) {
            learnedBefore += 1
            return
        }
        var actions = try RowActions(decision)
        var masses: [[Int: Double]?] = []
        var wanted: [Double?] = []
        for (index, source) in sources.enumerated() {
            if question.isDensity {
                if case .fixed(let depth) = source {
                    wanted.append(try rules.delivered(depth, decision))
                } else {
                    wanted.append(nil)
                }
            } else {
                masses.append(try self.masses(index, source, decision, &actions))
            }
        }
        let cost = rules.cost(decision)
        var answers = RewardEvaluation.Answers.probabilities(masses)
        if question.isDensity, let kernel { answers = .wanted(wanted, kernel) }
        for index in tracks.indices {
            try tracks[index].take(decision, actions, answers, cost: cost)
        }
    }

    /// The probability of each of the row's actions; `nil`: what the log's policy did.
    private func masses(
        _ index: Int, _ source: PolicySource, _ decision: JoinedDecision,
        _ actions: inout RowActions
    ) throws -> [Int: Double]? {
        if source == .logged { return nil }
        // Where the item's rules leave the list price alone, every policy does.
        if decision.isRuled { return [actions.delivered: 1] }
        let own: PolicyActions
        switch source {
        case .logged: return nil
        case .uniform:
            own = PolicyActions(evenly: try possible(decision))
        case .fixed(let depth): own = try fixed(depth, decision)
        case .snapshot:
            guard let asked = try snapshots[index]?.actions(of: decision) else { return nil }
            own = asked
        case .file:
            guard let told = try files[index]?.actions(of: decision) else { return nil }
            own = told
        }
        return actions.add(own, decision)
    }

    /// The discounts that could have been given: those that the log tells, or the grid's.
    private func possible(_ decision: JoinedDecision) throws -> [Double] {
        try decision.actions?.filter { $0.propensity > 0 }.map(\.discount) ?? rules.grid(decision)
    }

    private func fixed(_ depth: Double, _ decision: JoinedDecision) throws -> PolicyActions {
        let delivered = try rules.delivered(depth, decision)
        guard let kernel else { return PolicyActions(certain: delivered) }
        let discounts = try possible(decision).sorted()
        guard let shares = kernel.probabilities(wanted: depth, of: discounts) else {
            return PolicyActions(certain: delivered)
        }
        return PolicyActions(discounts: discounts, probabilities: shares)
    }

    private func report(_ counts: DecisionCounts) -> PolicyEvaluationReport {
        var track = tracks[0]
        let asked = counts.decisions - holdouts - learnedBefore
        let known = 1 - Double(track.withoutCost) / Double(max(1, asked))
        var note: String?
        if question.reward == nil, known < Self.costShareMin {
            track = tracks[1]
            note =
                "revenue, since the cost of \(tracks[0].withoutCost) decisions' items is not known"
        }
        return PolicyEvaluationReport(
            reward: track.reward, rewardNote: note, log: counts, holdouts: holdouts,
            learnedBefore: learnedBefore, withoutCost: track.withoutCost,
            kernel: question.kernel, result: track.evaluation.report())
    }
}

/// What `tidemark ope` tells.
public struct PolicyEvaluationReport: Codable, Sendable {
    /// What a decision is to bring.
    public var reward: Reward
    /// Why it is that; `nil` where it was asked for or is the first choice.
    public var rewardNote: String?
    /// What the logs held.
    public var log: DecisionCounts
    /// Decisions for shoppers held out: no policy decides for them.
    public var holdouts: Int
    /// Decisions that a snapshot had learned from already.
    public var learnedBefore: Int
    /// Decisions left out since the item's cost is not known.
    public var withoutCost: Int
    /// The bandwidth by which fixed discounts were smoothed.
    public var kernel: Double?
    /// The estimates.
    public var result: OffPolicyReport

    enum CodingKeys: String, CodingKey {
        case reward, log, holdouts, kernel, result
        case rewardNote = "reward_note"
        case learnedBefore = "learned_before"
        case withoutCost = "without_cost"
    }

    /// JSON with sorted keys, indented.
    public func json() throws -> String { try reportJSON(self) }
}

/// A question about policies that has no meaning.
public enum PolicyQuestionError: Error, CustomStringConvertible, ClassifiedFailure {
    /// A snapshot was named, and no store.
    case noStore(String)
    /// The kernel does not fit.
    case kernel(String)
    /// A policy was named twice.
    case twice
    /// A shopper's total is money.
    case conversion

    /// Usage.
    public var failureKind: FailureKind { .usage }

    /// What is wrong with it.
    public var description: String {
        switch self {
        case .noStore(let policy): "policy '\(policy)' needs --store, the store of the snapshot"
        case .kernel(let reason): reason
        case .twice: "a policy is given twice"
        case .conversion: "what a shopper brings is margin or revenue, not conversion"
        }
    }
}
