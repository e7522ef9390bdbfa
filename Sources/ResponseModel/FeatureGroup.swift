/// Effects with a place in the core, by the prior variance they share.
enum DenseGroup: UInt8, CaseIterable, Sendable {
    /// A context entry that is on.
    case flag
    /// Any discount at all: the step at zero.
    case anyDiscount
    /// Discount depth, three units at 100 %, level from 50 %.
    case depth
    /// Depth in tenths, the last bucket from 60 %.
    case bucket
    /// A flag with another flag, with any discount, with depth.
    case pair
    /// Log price against the department's usual one.
    case priceLevel
    /// Log price against the item's usual one.
    case priceChange
    /// Of the answer to discounts: the level of a kind of evidence, any discount at all of another's
    /// choice and of any choice, depth, and level and depth of a context entry and of a category.
    case evidence, observedStep, answerStep, answerSlope
    case contextLevel, contextSlope, categoryLevel, categorySlope
    /// A measure of the context, and its bends.
    case measure

    var priorVariance: Double {
        switch self {
        case .flag, .anyDiscount, .depth: 0.15
        case .bucket: 0.03
        case .pair, .priceLevel: 0.06
        case .priceChange: 0.3
        case .evidence: 0.25
        case .observedStep: 0.04
        case .answerStep: 0.002
        case .answerSlope: 2
        case .contextLevel, .categoryLevel: 0.05
        case .contextSlope, .categorySlope: 0.7
        case .measure: 0.15
        }
    }
}

/// Effects of the tail, by the prior variance they share.
package enum TailGroup: UInt8, CaseIterable, Sendable {
    case user, category, department, brand
    /// Crosses with a promotion: a flag, any discount, depth, a changed price.
    case itemPromotion, departmentPromotion, userPromotion
    case itemBucket
    case userItem, userCategory, userDepartment, userBrand
    /// User and item while there is any promotion.
    case userItemPromotion
    /// A text of the context, alone and with the item.
    case context, itemContext
    /// A dense effect that found no room in the core.
    case overflow
    /// Of the answer to discounts: an item's level, and how much users and brands answer to depth.
    case itemLevel, userSlope, brandSlope

    /// Groups whose effects are of one user alone, as bits.
    static let ofUser = bits([
        .user, .userPromotion, .userItem, .userCategory, .userDepartment, .userBrand,
        .userItemPromotion, .userSlope,
    ])
    /// Groups whose effects are of one item alone and of all users.
    static let ofItem = bits([.itemPromotion, .itemBucket, .itemContext, .itemLevel])

    private static func bits(_ groups: [TailGroup]) -> UInt32 {
        groups.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    }

    /// What the estimate of the group's prior variance starts from.
    var priorVariance: Double {
        switch self {
        case .user, .userCategory, .userDepartment, .userItemPromotion: 0.03
        case .category: 0.09
        // Response rates of departments differ by factors, not by per cent.
        case .department: 0.7
        case .brand, .itemBucket: 0.03
        case .itemPromotion, .userItem: 0.045
        case .departmentPromotion, .context: 0.06
        case .userPromotion, .userBrand: 0.015
        case .itemContext: 0.03
        case .overflow: 0.06
        case .itemLevel: 0.05
        case .userSlope: 1.5
        case .brandSlope: 0.1
        }
    }
}
