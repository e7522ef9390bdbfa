import Encoder
import Engine
import Records
import SnapshotStore

/// What moved between two snapshots, in the model's own terms: every tensor that is learned, and the
/// discount that would be recommended for the items seen most.
public struct SnapshotMoves: Codable, Sendable {
    /// How far one tensor moved.
    public struct Tensor: Codable, Sendable {
        /// Of an adapter's matrix, or like `click.mean` of a head's posterior.
        public let name: String
        /// Euclidean norm in the earlier snapshot; `nil` where it does not have it.
        public let before: Double?
        /// The same in the later snapshot.
        public let after: Double?
        /// Norm of the difference; `nil` where it cannot be taken.
        public let change: Double?
    }

    /// How the offer for one item moved.
    public struct Item: Codable, Sendable {
        /// The item's id.
        public let itemID: String
        /// From the later snapshot's catalogue; `nil`: not known.
        public let title: String?
        /// Examples of it in replay memory, those counted that it stands for.
        public let examples: Double
        /// The list price that the earlier snapshot's catalogue has.
        public let priceBefore: Double?
        /// The later snapshot's list price: what both discounts are recommended at.
        public let price: Double
        /// The earlier snapshot's discount, a fraction of `price`.
        public let discountBefore: Double
        /// The later snapshot's discount.
        public let discountAfter: Double
        /// Probability of a purchase at the earlier discount, by the earlier snapshot.
        public let conversionBefore: Double
        /// Probability of a purchase at the later discount, by the later snapshot.
        public let conversionAfter: Double

        enum CodingKeys: String, CodingKey {
            case title, examples, price
            case itemID = "item_id"
            case priceBefore = "price_before"
            case discountBefore = "discount_before"
            case discountAfter = "discount_after"
            case conversionBefore = "conversion_before"
            case conversionAfter = "conversion_after"
        }
    }

    /// The adapters' matrices, then the heads' means and covariances.
    public let tensors: [Tensor]
    /// Snapshots whose catalogue and memory are those of today: their own cannot be had any more.
    public let stateOfToday: [String]
    /// As for a shopper of whom nothing is known, without the hold-out.
    public let items: [Item]

    enum CodingKeys: String, CodingKey {
        case tensors, items
        case stateOfToday = "state_of_today"
    }

    /// - Parameters:
    ///   - base: folder of the base; the configured one where `nil`.
    ///   - itemCount: How many of the items seen most.
    public init(
        from: String, to: String, of store: SnapshotStore, base: String?, itemCount: Int
    ) throws {
        let before = try SnapshotEngine(store: store, snapshot: from, base: base)
        let after = try SnapshotEngine(store: store, snapshot: to, base: base)
        tensors =
            Self.tensors(before.engine.adapters.tensors, after.engine.adapters.tensors)
            + (try Self.posteriors(before.record, after.record, store))
        stateOfToday = try [before, after].map(\.record.id).filter { id in
            try !store.snapshot(id).isRewindable
        }
        let seen = after.engine.itemsSeen().prefix(itemCount)
        items = try seen.compactMap { itemID, examples in
            let item = try after.engine.item(itemID)
            guard let price = item?.price, price > 0 else { return nil }
            let (old, new) = (
                try before.quote(itemID, price: price), try after.quote(itemID, price: price)
            )
            return Item(
                itemID: itemID, title: item?.title, examples: examples,
                priceBefore: try before.engine.item(itemID)?.price, price: price,
                discountBefore: old.discount, discountAfter: new.discount,
                conversionBefore: old.expectedConversion, conversionAfter: new.expectedConversion)
        }
    }

    private static func tensors(
        _ before: [AdapterTensor], _ after: [AdapterTensor]
    ) -> [Tensor] {
        let old = Dictionary(before.map { ($0.name, $0.values.map(Double.init)) }) { $1 }
        let new = Dictionary(after.map { ($0.name, $0.values.map(Double.init)) }) { $1 }
        return pairs(old, new, order: (before + after).map(\.name))
    }

    /// The heads' posterior means, and their covariances' triangles.
    private static func posteriors(
        _ before: SnapshotRecord, _ after: SnapshotRecord, _ store: SnapshotStore
    ) throws -> [Tensor] {
        func read(_ record: SnapshotRecord) throws -> [String: [Double]] {
            try store.withSnapshot(record.id) { _, state in
                var found: [String: [Double]] = [:]
                for label in Label.allCases.map(\.rawValue) {
                    let head = StateTable("\(label).head", .weights)
                    if let row = try state.value(head, Array("mean".utf8)) {
                        var reader = ByteReader(row)
                        found["\(label).mean"] = try reader.doubles()
                    }
                    try state.forEach(StateTable("\(label).covariance", .weights)) { _, row in
                        var reader = ByteReader(row)
                        found["\(label).covariance", default: []] += try reader.doubles()
                    }
                }
                return found
            }
        }
        let (old, new) = (try read(before), try read(after))
        return pairs(old, new, order: Set(old.keys).union(new.keys).sorted())
    }

    private static func pairs(
        _ old: [String: [Double]], _ new: [String: [Double]], order: [String]
    ) -> [Tensor] {
        var seen: Set<String> = []
        return order.filter { seen.insert($0).inserted }.map { name in
            let (a, b) = (old[name], new[name])
            var change: Double?
            // A core grows with the effects it takes in: what it did not have yet was nothing.
            if let a, let b {
                let count = max(a.count, b.count)
                change = norm(
                    (0..<count).map {
                        (index: Int) -> Double in
                        (index < b.count ? b[index] : 0) - (index < a.count ? a[index] : 0)
                    })
            }
            return Tensor(name: name, before: a.map(norm), after: b.map(norm), change: change)
        }
    }

    private static func norm(_ values: [Double]) -> Double {
        values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}

extension SnapshotEngine {
    /// The offer to a shopper of whom nothing is known and who is not held out.
    fileprivate func quote(_ itemID: String, price: Double) throws -> Recommendation {
        var quote: Recommendation
        var number = 0
        repeat {
            quote = try engine.inquire(
                OfferQuestion(
                    userID: "a shopper unknown \(number)", itemID: itemID, price: price,
                    atMs: record.eventTimeMs),
                embedding: embedding
            ).0
            number += 1
        } while quote.holdout && number < 100
        return quote
    }
}
