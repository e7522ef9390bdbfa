import Events
import Pricing
import Records
import ResponseModel

/// Which offers are worth showing together: the question.
public struct RankingQuestion: Sendable {
    /// The shopper; `nil` for one of whom nothing is known.
    public var userID: String?
    /// The items to choose from; where empty, those that the shopper and others looked at last.
    public var itemIDs: [String] = []
    /// How many, and how many of a kind.
    public var slate: Slate
    /// Circumstances of the visit, as a click would carry them.
    public var context: [Event.Attribute] = []
    /// Whether the items are seen and not clicked yet.
    public var isView = false

    /// Candidates that are asked about, at most.
    public static let candidatesMax = 64

    /// About the items that are looked at.
    public init(userID: String?, slate: Slate) {
        self.userID = userID
        self.slate = slate
    }
}

/// One of the offers that are worth showing.
public struct RankedOffer: Codable, Sendable, Equatable {
    /// The item.
    public var itemID: String
    /// `nil`: not known.
    public var title: String?
    /// `nil`: not known.
    public var category: String?
    /// `nil`: not known.
    public var brand: String?
    /// The catalogue's price.
    public var listPrice: Double
    /// The price to be shown.
    public var price: Double
    /// As it may be announced.
    public var discount: Double
    /// Probability of a purchase at `price`.
    public var expectedConversion: Double
    /// The same at `listPrice`.
    public var baselineConversion: Double
    /// What the discount is expected to add to the margin.
    public var incrementalMargin: Double
    /// Rules that bound.
    public var rules: [String]
    /// Whether it was made before and still stands: then it is shown as it was made.
    public var stands: Bool

    enum CodingKeys: String, CodingKey {
        case title, category, brand, price, discount, rules, stands
        case itemID = "item_id"
        case listPrice = "list_price"
        case expectedConversion = "expected_conversion"
        case baselineConversion = "baseline_conversion"
        case incrementalMargin = "incremental_margin"
    }
}

/// The offers that are worth showing together.
public struct Ranking: Codable, Sendable, Equatable {
    /// Whether the shopper is one who never gets a discount.
    public var holdout: Bool
    /// The most worth first. Only discounts that are expected to add to the margin are among them.
    public var offers: [RankedOffer] = []
    /// How many items were asked about.
    public var candidates = 0
    /// Items that the catalogue has no price of.
    public var withoutPrice: [String] = []

    enum CodingKeys: String, CodingKey {
        case holdout, offers, candidates
        case withoutPrice = "without_price"
    }
}

extension Engine {
    /// Of a shopper of whom nothing is known: no event can carry it.
    private static let nobody = ""
    /// Items whose texts are compared with what a shopper looked at last.
    private static let comparedMax = 512

    /// The offers that add most to the margin together, under the bounds, the rules and the budgets.
    ///
    /// Nothing is drawn at random, and nothing is remembered of having been asked. Without a limit that offers
    /// share, the sum is the largest there is. With budgets or caps, offers are taken one by one, each of the best
    /// slate that is left, and what it may cost is reserved before the next is asked about: together they keep
    /// to every limit.
    /// - Parameter state: where the rules' ledger is, and what is known of the shopper.
    /// - Complexity: a decision for each candidate; with shared limits one for each candidate and offer.
    public func rank(
        _ question: RankingQuestion, atMs ts: Int64, embedding: any TextEmbedding,
        reading state: any StateReader
    ) throws -> Ranking {
        var ledger = ruleLedger
        ledger.attach(state)
        let userID = try question.userID.map { try stream.shopperID($0, in: state) } ?? Self.nobody
        var ranking = Ranking(
            holdout: question.userID != nil && isHoldout(userID))
        let shopper =
            try question.userID.map { try self.shopper($0, reading: state) } ?? ShopperState()
        var left: [Event.Offer] = []
        for itemID in try candidates(question, shopper, embedding) {
            let item = try stream.catalog.peek(itemID)
            guard let price = item?.price else {
                ranking.withoutPrice.append(itemID)
                continue
            }
            guard question.userID == nil || isLive(userID, category: item?.category) else {
                continue
            }
            left.append(
                Event.Offer(
                    userID: userID, itemID: itemID, price: price,
                    context: stream.contextKeys.known(question.context)))
        }
        ranking.candidates = left.count
        var taken: [Slate.Candidate] = []
        while taken.count < question.slate.count, !left.isEmpty, !ranking.holdout {
            var asked: [AskedOffer] = []
            for offer in left {
                asked.append(
                    try ask(
                        offer, isView: question.isView, atMs: ts,
                        standing: shopper.offer(of: offer.itemID, atMs: ts),
                        isHoldout: ranking.holdout, embedding, &ledger))
            }
            let chosen = question.slate.choose(asked.map(\.candidate), beside: taken)
            guard sharesLimits else {
                ranking.offers = chosen.map { asked[$0].ranked }
                break
            }
            guard let first = chosen.first else { break }
            let best = asked[first]
            ranking.offers.append(best.ranked)
            taken.append(best.candidate)
            left.remove(at: first)
            // One that stands was counted when it was made.
            if best.quote.held == nil {
                ledger.note(
                    best.sight, discount: best.quote.decision.depth,
                    price: best.quote.decision.price)
            }
            ledger.reserve(
                best.sight, best.quote.decision, quantity: best.quote.demand[0].expectedQuantity,
                expiresMs: best.quote.held?.expiresMs
                    ?? expiryMs(of: best.quote.decision, best.sight.circumstances))
        }
        return ranking
    }

    /// Whether an offer of one item may take from what is left for others.
    private var sharesLimits: Bool {
        let caps = configuration.pricing.rules.caps
        return !configuration.pricing.budgets.isEmpty || caps[.shopper] != nil
            || caps[.category] != nil
    }

    /// The items to choose from, each once: those given, or the shopper's last and those with a text most like
    /// theirs among the items that are looked at most.
    private func candidates(
        _ question: RankingQuestion, _ shopper: ShopperState, _ embedding: any TextEmbedding
    ) throws -> [String] {
        var known: Set<String> = []
        guard question.itemIDs.isEmpty else {
            return question.itemIDs.filter { known.insert($0).inserted }
        }
        let recent = Array(shopper.recentItems.reversed())
        known.formUnion(recent)
        let seen = itemsSeen().lazy.map(\.itemID).filter { !known.contains($0) }
        let room = RankingQuestion.candidatesMax - recent.count
        guard !recent.isEmpty else { return Array(seen.prefix(room)) }
        var middle = [Float](repeating: 0, count: stream.catalog.silent.count)
        for itemID in recent {
            let vector = try stream.catalog.look(at: itemID, with: embedding).features.vector
            for d in middle.indices { middle[d] += vector[d] }
        }
        var near: [(itemID: String, likeness: Float)] = []
        for itemID in seen.prefix(Self.comparedMax) {
            let vector = try stream.catalog.look(at: itemID, with: embedding).features.vector
            var likeness: Float = 0
            for d in middle.indices { likeness += middle[d] * vector[d] }
            near.append((itemID, likeness))
        }
        near.sort { (-$0.likeness, $0.itemID) < (-$1.likeness, $1.itemID) }
        return recent + near.prefix(room).map(\.itemID)
    }
}

/// What would be offered of one item, before it is known which are shown.
struct AskedOffer {
    let item: Item?
    let sight: RuleLedger.Sight
    let quote: Quote

    /// Without a known cost no discount is decided, so there is nothing to gain.
    var candidate: Slate.Candidate {
        let decision = quote.decision
        let isOffer = decision.depth > 0 && decision.expectedMargin != nil
        return Slate.Candidate(
            worth: isOffer ? decision.incrementalMargin : 0, category: item?.category,
            brand: item?.brand)
    }

    var ranked: RankedOffer {
        let decision = quote.decision
        return RankedOffer(
            itemID: sight.circumstances.itemID, title: item?.title, category: item?.category,
            brand: item?.brand, listPrice: decision.listPrice, price: decision.price,
            discount: decision.discount, expectedConversion: decision.expectedConversion,
            baselineConversion: decision.baselineConversion,
            incrementalMargin: decision.incrementalMargin, rules: decision.rules.map(\.rawValue),
            stands: decision.isHeld)
    }
}
