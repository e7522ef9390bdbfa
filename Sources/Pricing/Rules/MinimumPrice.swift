/// No discounted price lies below what the maker allows to be advertised.
///
/// Said by the catalogue for an item, by the configuration for a brand; where both are there, both hold. The
/// list price is the shop's own and stays as it is.
public struct MinimumPrice: PriceRule {
    /// `minimum_price`.
    public let name = PricingRule.minimumPrice
    /// By brand, as fractions of the list price in (0, 1].
    public let brandShares: [String: Double]

    /// Takes the shares as they are.
    public init(brandShares: [String: Double] = [:]) { self.brandShares = brandShares }

    /// A floor, where there is any.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        let circumstances = facts.circumstances
        let ofBrand = circumstances.brand.flatMap { brandShares[$0] }.map { $0 * facts.item.price }
        guard let floor = [circumstances.minimumPrice, ofBrand].compactMap({ $0 }).max(), floor > 0
        else { return .free }
        return .floor(floor)
    }
}
