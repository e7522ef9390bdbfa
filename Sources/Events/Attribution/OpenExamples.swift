import Records

/// An example that a purchase may still label.
struct OpenExample: ShopperRow {
    enum PurchaseLabel: UInt8, Sendable {
        case unknown, negative, positive
    }

    var opening: LabelledExample.Opening
    var openedBy: String
    var tsMs: Int64
    var offer: Event.Offer
    /// Of the last click, whether or not it came in time to be a label.
    var clickedMs: Int64?
    /// Of the first one.
    var firstClickMs: Int64?
    /// Of the last view, click or decision.
    var touchedMs: Int64
    /// An example that a click opened has no click label to wait for.
    var awaitsClick: Bool
    var purchaseLabel = PurchaseLabel.unknown
    /// Of the first purchase.
    var purchasedMs: Int64?
    /// What was predicted when a label was learned that may still change.
    var servedLogit: Double?

    var rowUser: String? { offer.userID }

    /// The same offer as far as the event tells: price, discount, and the recommendation if named.
    func isSameOffer(as other: Event.Offer) -> Bool {
        guard offer.price == other.price, offer.discount == other.discount else { return false }
        return other.recommendationID == nil
            || offer.recommendationID.isExactly(other.recommendationID)
    }
}

/// The open examples, numbered in the order of their opening, found by pair and recommendation.
struct OpenExamples: Sendable {
    static let table = StateTable("join.open", .keyed)

    struct Pair: Hashable, Sendable {
        let user: ExactText
        let item: ExactText

        init(_ offer: Event.Offer) {
            user = ExactText(offer.userID)
            item = ExactText(offer.itemID)
        }
    }

    private var rows = TrackedRows<OpenExample>()
    /// The numbers of a pair's examples, ascending, and of a recommendation's.
    private var byPair: [Pair: [UInt64]] = [:]
    private var byRecommendation: [ExactText: [UInt64]] = [:]
    /// The number the next example gets. Numbers ascend with event time, so each deadline comes in
    /// their order too, and a cursor a kind of deadline takes a timer's place.
    private(set) var nextNumber: UInt64 = 0

    init() {}

    var count: Int { rows.count }

    subscript(number: UInt64) -> OpenExample? { rows[number] }

    func numbers(of offer: Event.Offer) -> [UInt64] { byPair[Pair(offer)] ?? [] }

    /// The newest example of a recommendation, if it is of the same user and item.
    func number(recommendation: String?, for offer: Event.Offer) -> UInt64? {
        guard let recommendation, let numbers = byRecommendation[ExactText(recommendation)] else {
            return nil
        }
        let pair = Pair(offer)
        return numbers.last { number in rows[number].map { Pair($0.offer) == pair } ?? false }
    }

    mutating func insert(_ example: OpenExample) -> UInt64 {
        let number = nextNumber
        nextNumber += 1
        rows.insert(number, example)
        index(example, number)
        return number
    }

    private mutating func index(_ example: OpenExample, _ number: UInt64) {
        byPair[Pair(example.offer), default: []].append(number)
        if let recommendation = example.offer.recommendationID {
            byRecommendation[ExactText(recommendation), default: []].append(number)
        }
    }

    mutating func update<R>(_ number: UInt64, _ body: (inout OpenExample) -> R) -> R? {
        rows.update(number, body)
    }

    @discardableResult
    mutating func remove(_ number: UInt64) -> OpenExample? {
        guard let example = rows.remove(number) else { return nil }
        byPair.removeNumber(number, at: Pair(example.offer))
        if let recommendation = example.offer.recommendationID {
            byRecommendation.removeNumber(number, at: ExactText(recommendation))
        }
        return example
    }

    /// Makes the examples of one shopper those of another.
    ///
    /// - Returns: an offer of each item that there were examples of.
    mutating func move(shopper old: String, to new: String) -> [Event.Offer] {
        let numbers = rows.move(user: old, to: new) { $0.offer.userID = new }
        var touched: [Event.Offer] = []
        var known: Set<Pair> = []
        for number in numbers {
            guard let offer = rows[number]?.offer else { continue }
            var before = offer
            before.userID = old
            byPair.removeNumber(number, at: Pair(before))
            let pair = Pair(offer)
            let place = byPair[pair]?.firstIndex { $0 > number } ?? byPair[pair]?.count ?? 0
            byPair[pair, default: []].insert(number, at: place)
            if known.insert(pair).inserted { touched.append(offer) }
        }
        return touched
    }

    /// The examples of a user, ascending. Complexity: O(n).
    func numbers(ofUser userID: String) -> [UInt64] {
        let user = ExactText(userID)
        return byPair.filter { $0.key.user == user }.flatMap(\.value).sorted()
    }
}

extension Dictionary where Value == [UInt64] {
    /// Takes `number` out of the list at `key`, and the list with its last number.
    mutating func removeNumber(_ number: UInt64, at key: Key) {
        guard let index = index(forKey: key) else { return }
        // The oldest goes first as a rule.
        if let place = values[index].firstIndex(of: number) { values[index].remove(at: place) }
        if values[index].isEmpty { remove(at: index) }
    }
}

// MARK: State

extension OpenExamples {
    mutating func collectChanges(into changes: inout StateChanges) {
        rows.collect(Self.table, into: &changes) { example, writer in
            writer.integer(example.opening.rawValue)
            writer.string(example.openedBy)
            writer.integer(example.tsMs)
            writer.offer(example.offer)
            writer.optional(example.clickedMs) { $0.integer($1) }
            writer.integer(example.touchedMs)
            writer.bool(example.awaitsClick)
            writer.integer(example.purchaseLabel.rawValue)
            writer.optional(example.purchasedMs) { $0.integer($1) }
            writer.optional(example.servedLogit) { $0.double($1) }
            writer.optional(example.firstClickMs) { $0.integer($1) }
        }
    }

    func writeClock(_ writer: inout ByteWriter) { writer.integer(nextNumber) }

    init(from reader: some StateReader, clock: inout ByteReader) throws {
        nextNumber = try clock.integer()
        rows = try TrackedRows(Self.table, from: reader) { row throws(ByteCodingError) in
            let opening = try row.integer(UInt8.self)
            guard let opening = LabelledExample.Opening(rawValue: opening) else {
                throw .badValue(at: 0, "\(opening) where an opening should be")
            }
            var example = OpenExample(
                opening: opening, openedBy: try row.string(), tsMs: try row.integer(),
                offer: try row.offer(), touchedMs: 0, awaitsClick: false)
            example.clickedMs = try row.optional { r throws(ByteCodingError) in try r.integer() }
            example.touchedMs = try row.integer()
            example.awaitsClick = try row.bool()
            let label = try row.integer(UInt8.self)
            guard let label = OpenExample.PurchaseLabel(rawValue: label) else {
                throw .badValue(at: row.position - 1, "\(label) where a label should be")
            }
            example.purchaseLabel = label
            example.purchasedMs = try row.optional { r throws(ByteCodingError) in try r.integer() }
            example.servedLogit = try row.optional { r throws(ByteCodingError) in try r.double() }
            // Rows of earlier versions end here.
            if row.remaining > 0 {
                example.firstClickMs = try row.optional { r throws(ByteCodingError) in
                    try r.integer()
                }
            }
            return example
        }
        for number in rows.numbers {
            if let example = rows[number] { index(example, number) }
        }
    }
}
