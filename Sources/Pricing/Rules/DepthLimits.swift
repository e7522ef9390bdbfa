/// No delivered discount is deeper than a fraction of the list price.
public struct MaximumDepth: PriceRule {
    /// `maximum_depth`.
    public let name = PricingRule.maximumDepth
    /// In [0, 1).
    public let depth: Double

    /// Takes the depth as it is.
    public init(_ depth: Double) { self.depth = depth }

    /// A floor.
    public func limit(on facts: RuleFacts) -> PriceLimit { .floor(facts.item.price * (1 - depth)) }
}

/// The same for items of a category and what lies below it. Where several names hold, the smallest depth does.
public struct CategoryDepth: PriceRule {
    /// `category_depth`.
    public let name = PricingRule.categoryDepth
    /// Depths by category, each in [0, 1).
    public let depths: [String: Double]

    /// Takes the depths as they are.
    public init(_ depths: [String: Double]) { self.depths = depths }

    /// A floor, where a category is named.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        let category = facts.circumstances.category
        let least = depths.lazy.filter { GroupName.holds(category: category, in: $0.key) }
            .map(\.value).min()
        return least.map { .floor(facts.item.price * (1 - $0)) } ?? .free
    }
}

/// The same for items of a brand.
public struct BrandDepth: PriceRule {
    /// `brand_depth`.
    public let name = PricingRule.brandDepth
    /// Depths by brand, each in [0, 1).
    public let depths: [String: Double]

    /// Takes the depths as they are.
    public init(_ depths: [String: Double]) { self.depths = depths }

    /// A floor, where the brand is named.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        guard let depth = facts.circumstances.brand.flatMap({ depths[$0] }) else { return .free }
        return .floor(facts.item.price * (1 - depth))
    }
}

/// The same for single items.
public struct ItemDepth: PriceRule {
    /// `item_depth`.
    public let name = PricingRule.itemDepth
    /// Depths by item id, each in [0, 1).
    public let depths: [String: Double]

    /// Takes the depths as they are.
    public init(_ depths: [String: Double]) { self.depths = depths }

    /// A floor, where the item is named.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        guard let depth = depths[facts.circumstances.itemID] else { return .free }
        return .floor(facts.item.price * (1 - depth))
    }
}
