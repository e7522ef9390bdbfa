/// Shoppers whose updates were reduced by the movement limit of a shopper's day, those with the most: an id that
/// many guests share is found by it.
///
/// It is no part of the state: it begins anew with every start.
public struct BoundedShoppers: Sendable {
    /// Ids that are counted at a time. One more takes the place of the one with the fewest, with its count.
    static let idsMax = 64

    private var counts: [String: Int] = [:]

    mutating func note(_ userID: String) {
        if let known = counts[userID] {
            counts[userID] = known + 1
        } else if counts.count < Self.idsMax {
            counts[userID] = 1
        } else if let least = counts.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            counts[least.key] = nil
            counts[userID] = least.value + 1
        }
    }

    mutating func forget(_ userID: String) { counts[userID] = nil }

    /// Those with the most, with how often at most.
    public func most(_ countMax: Int) -> [(userID: String, updates: Int)] {
        largest(countMax, counts).map { ($0, counts[$0] ?? 0) }
    }
}
