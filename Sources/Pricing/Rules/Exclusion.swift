/// Items, categories and brands that are never discounted.
public struct Exclusion: PriceRule {
    /// `excluded`.
    public let name = PricingRule.excluded
    /// Item ids.
    public let items: Set<String>
    /// Categories, each with what lies below it.
    public let categories: Set<String>
    /// Brands.
    public let brands: Set<String>

    /// Takes the names as they are.
    public init(items: Set<String>, categories: Set<String>, brands: Set<String>) {
        self.items = items
        self.categories = categories
        self.brands = brands
    }

    /// Bars what is listed.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        let circumstances = facts.circumstances
        let isListed =
            items.contains(circumstances.itemID)
            || circumstances.brand.map(brands.contains) ?? false
            || categories.contains { GroupName.holds(category: circumstances.category, in: $0) }
        return isListed ? .barred : .free
    }
}
