import Engine
import Events
import Pricing
import Records
import SnapshotStore

/// A person's word about deep discounts of one item.
public struct ApprovalRequest: Codable, Sendable {
    /// The item's id.
    public var itemID: String
    /// The deepest discount, as a fraction of the list price; `nil` for who declines.
    public var upTo: Double?
    /// Whether none is approved.
    public var declines: Bool
    /// Until when it holds, by event time; a week where `nil`. Unit: milliseconds since 1970.
    public var untilMs: Int64?
    /// Why, for the record.
    public var reason: String
    /// Who says so, for the record.
    public var who: String

    /// - Throws: `RequestError.badRequest` for what can be no such word.
    public init(
        itemID: String, upTo: Double?, declines: Bool, untilMs: Int64?, reason: String, who: String
    ) throws {
        self.itemID = itemID
        self.upTo = upTo
        self.declines = declines
        self.untilMs = untilMs
        self.reason = reason
        self.who = who
        try check()
    }

    /// What comes by the socket was made by any program.
    func check() throws {
        guard EventLimits.isID(itemID) else { throw InquiryError.badID("an item", itemID) }
        try RequestError.require(reason: reason)
        guard declines || upTo != nil else {
            throw RequestError.badRequest("up_to: say up to which discount, as in 0.3")
        }
        guard !declines || upTo == nil else {
            throw RequestError.badRequest("who declines approves of no depth: leave out up_to")
        }
        if let upTo, !(upTo > 0 && upTo < 1) {
            throw RequestError.badRequest(
                "up_to: it must be a fraction of the list price above 0 and below 1, not \(upTo)")
        }
    }

    private static let usualMs: Int64 = 7 * 86_400_000
    private static let longestMs: Int64 = 366 * 86_400_000

    /// What is said.
    ///
    /// - Parameter nowMs: event time, from which it holds.
    func answer(atMs nowMs: Int64) throws -> Approval.Answer {
        let untilMs = untilMs ?? nowMs + Self.usualMs
        guard untilMs > nowMs, untilMs <= nowMs + Self.longestMs else {
            throw RequestError.badRequest(
                "until: it must be within a year from now, which is \(Timestamp.text(ms: nowMs)) by event time"
            )
        }
        return Approval.Answer(depth: upTo ?? 0, fromMs: nowMs, untilMs: untilMs)
    }
}

/// What waits for a person's word, and what was said, as `--json` prints it.
public struct ApprovalView: Codable, Sendable {
    /// By what waiting costs, the most first; then what was said, by item.
    public var approvals: [Entry]
    /// How many wait.
    public var waiting: Int
    /// How many may.
    public var waitingMax: Int

    enum CodingKeys: String, CodingKey {
        case approvals, waiting
        case waitingMax = "waiting_max"
    }

    /// One item.
    public struct Entry: Codable, Sendable {
        /// The item's id.
        public var itemID: String
        /// Its title; `nil`: not known.
        public var title: String?
        /// What waits; `nil`: nothing does.
        public var wish: Wish?
        /// What was said and holds; `nil`: nothing does.
        public var answer: Answer?

        enum CodingKeys: String, CodingKey {
            case title, wish, answer
            case itemID = "item_id"
        }
    }

    /// What decisions wished for and were not given.
    public struct Wish: Codable, Sendable {
        /// The deepest, as a fraction of the list price.
        public var discount: Double
        /// How many decisions.
        public var decisions: Int64
        /// What they would have been expected to add to the margin.
        public var incrementalMargin: Double
        /// The first, by event time.
        public var firstAt: String
        /// The last.
        public var lastAt: String

        enum CodingKeys: String, CodingKey {
            case discount, decisions
            case incrementalMargin = "incremental_margin"
            case firstAt = "first_at"
            case lastAt = "last_at"
        }
    }

    /// What a person said.
    public struct Answer: Codable, Sendable {
        /// The deepest discount; 0: declined.
        public var discount: Double
        /// From when, by event time.
        public var from: String
        /// Until when.
        public var until: String
    }

    /// - Parameters:
    ///   - state: the last commit's rows.
    ///   - ms: event time.
    public init(reading state: any StateReader, atMs ms: Int64) throws {
        approvals = try Engine.approvals(reading: state, atMs: ms).map {
            try Entry($0.itemID, $0.approval, atMs: ms, reading: state)
        }.sorted { a, b in
            let (first, second) = (a.wish?.incrementalMargin ?? -1, b.wish?.incrementalMargin ?? -1)
            return first == second ? a.itemID < b.itemID : first > second
        }
        waiting = approvals.count { $0.wish != nil }
        waitingMax = WaitingList.countMax
    }

    /// As of a store's last commit.
    public init(of store: SnapshotStore) throws {
        let ms = try store.status().eventTimeMs
        self = try store.withHead { try ApprovalView(reading: $0, atMs: ms) }
    }
}

extension ApprovalView.Entry {
    init(_ itemID: String, _ approval: Approval, atMs ms: Int64, reading state: any StateReader)
        throws
    {
        self.itemID = itemID
        title = try Item.stored(itemID, in: state)?.title
        wish = approval.wish.map {
            ApprovalView.Wish(
                discount: $0.depth, decisions: $0.decisions, incrementalMargin: $0.gain,
                firstAt: Timestamp.text(ms: $0.firstMs), lastAt: Timestamp.text(ms: $0.lastMs))
        }
        answer = approval.answer.flatMap {
            ms < $0.untilMs
                ? ApprovalView.Answer(
                    discount: $0.depth, from: Timestamp.text(ms: $0.fromMs),
                    until: Timestamp.text(ms: $0.untilMs))
                : nil
        }
    }
}

extension Learner {
    /// Takes a person's word, in one commit of its own, as an objection is taken.
    func approve(_ request: ApprovalRequest) throws -> ApprovalView.Entry {
        guard engine.configuration.pricing.rules.approval.isUsed else {
            throw RequestError.badRequest(
                "nothing waits for approval: neither pricing.approve_above nor pricing.approve_above_amount is set"
            )
        }
        try commitNow()
        let nowMs = engine.newestMs ?? wallTimeMs()
        let entry = try store.withHead { state in
            guard try Item.stored(request.itemID, in: state) != nil else {
                throw RequestError.badRequest(
                    "the catalogue does not know item '\(request.itemID)'")
            }
            let approval = try running.engine.approve(
                request.itemID, try request.answer(atMs: nowMs), reading: state)
            return try ApprovalView.Entry(
                request.itemID, approval, atMs: nowMs, reading: state)
        }
        let said = entry.answer.map { answer in
            answer.discount > 0
                ? "up to \(plain(answer.discount)) until \(answer.until)" : "until \(answer.until)"
        }
        commit.audit.append(
            AuditEntry(
                wallTimeMs: wallTimeMs(), who: request.who,
                action: request.declines ? "decline" : "approve",
                reason: "item \(request.itemID) \(said ?? ""): \(request.reason)"))
        // Where this commit finds no room, the next one has it, and comes before another batch.
        pace.tookRequest()
        try makeCommit(snapshot: nil)
        return entry
    }
}
