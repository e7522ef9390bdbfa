import Engine
import Events
import Records

/// Which offers have been published and still stand, so that one that says nothing new is not
/// published again before it expires; and what of a commit is worth publishing.
///
/// Part of the ledger, not of the learned state: what shoppers were told does not go back when
/// learning does. After a rewind, an offer is published again only where it differs from what the
/// shopper was told.
package struct PublishedOffers {
    package static let table = StateTable("offers", .ledger, keys: .owner)
    /// Offers remembered for a shopper, at most; one forgotten is merely published once more.
    private static let offersMax = 32

    /// What a shopper goes by. A new id, expectation or snapshot alone is not worth a message.
    private struct Offer: Equatable {
        let itemID: String
        let listPrice: Double
        let price: Double
        let expiresMs: Int64

        func says(the other: Offer) -> Bool {
            listPrice == other.listPrice && price == other.price
        }
    }

    /// Shoppers that the learned state has forgotten; their rows go with the coming commit.
    private var unseen: Set<RowOwner> = []
    /// The shoppers that the coming commit touches.
    private var changed: [String: [Offer]] = [:]
    /// What the coming commit publishes, the newest of each shopper and item, in order.
    private var pending: [Recommendation?] = []
    private var places: [Pair: Int] = [:]
    /// Recommendations of this run that said something new, and those that did not.
    private(set) var published = 0
    private(set) var unchanged = 0

    package init() {}

    private struct Pair: Hashable {
        let user: [UInt8]
        let item: [UInt8]

        init(_ recommendation: Recommendation) {
            user = Array(recommendation.userID.utf8)
            item = Array(recommendation.itemID.utf8)
        }
    }

    /// Takes a recommendation in.
    ///
    /// - Parameter state: the last commit's rows.
    /// - Returns: whether it says something new.
    @discardableResult
    package mutating func offer(
        _ recommendation: Recommendation, reading state: any StateReader
    ) throws -> Bool {
        let issuedMs = recommendation.issuedMs
        let new = Offer(
            itemID: recommendation.itemID, listPrice: recommendation.listPrice,
            price: recommendation.price, expiresMs: recommendation.expiresMs)
        var offers = try known(recommendation.userID, state)
        if let told = offers.first(where: { $0.itemID == new.itemID }),
            told.says(the: new), told.expiresMs > issuedMs
        {
            unchanged += 1
            return false
        }
        offers.removeAll { $0.itemID == new.itemID || $0.expiresMs <= issuedMs }
        offers.append(new)
        if offers.count > Self.offersMax { offers.removeFirst() }
        changed[recommendation.userID] = offers
        let pair = Pair(recommendation)
        if let place = places[pair] { pending[place] = nil }
        places[pair] = pending.count
        pending.append(recommendation)
        published += 1
        return true
    }

    /// Counts recommendations of a run that sends none.
    mutating func count(unsent count: Int) { published += count }

    /// Forgets what was published to a shopper who was not seen for so long that all of it has expired.
    package mutating func forget(unseen owner: RowOwner) { unseen.insert(owner) }

    package mutating func forget(_ userID: String) {
        changed[userID] = []
        for index in pending.indices where pending[index]?.userID == userID { pending[index] = nil }
    }

    private func known(_ userID: String, _ state: any StateReader) throws -> [Offer] {
        if let offers = changed[userID] { return offers }
        guard let row = try state.value(Self.table, Self.key(userID)) else { return [] }
        var reader = ByteReader(row)
        let offers = try reader.array { r throws(ByteCodingError) in
            Offer(
                itemID: try r.string(), listPrice: try r.double(), price: try r.double(),
                expiresMs: try r.integer())
        }
        try reader.finish()
        return offers
    }

    /// Gives out what the commit publishes, and the rows that say so.
    package mutating func collect(into changes: inout StateChanges) -> [Recommendation] {
        for owner in unseen.sorted() { changes.remove(Self.table, owner.bytes) }
        for (userID, offers) in changed.sorted(by: { $0.key < $1.key }) {
            guard !offers.isEmpty else {
                changes.remove(Self.table, Self.key(userID))
                continue
            }
            var writer = ByteWriter()
            writer.array(offers) { writer, offer in
                writer.string(offer.itemID)
                writer.double(offer.listPrice)
                writer.double(offer.price)
                writer.integer(offer.expiresMs)
            }
            changes.put(
                Self.table, Self.key(userID), writer.bytes, owner: RowOwner(user: userID))
        }
        let messages = pending.compactMap(\.self)
        (unseen, changed, pending, places) = ([], [:], [], [:])
        return messages
    }

    /// A user id may be longer than a key can be.
    private static func key(_ userID: String) -> [UInt8] {
        RowOwner(user: userID).bytes
    }
}
