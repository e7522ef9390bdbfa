import Records

/// The owners that an exposure touches, as hashes.
struct FeatureOwners: Sendable {
    let user: UInt64
    let userID: String
    let item: UInt64
    let category: UInt64?
    let department: UInt64
    let hasDepartment: Bool
    let brand: UInt64?

    init(_ exposure: Exposure, _ item: ItemFeatures) {
        user = FeatureHash.owner(.user, exposure.user)
        userID = exposure.user
        self.item = FeatureHash.owner(.item, item.id)
        let named = item.category.flatMap { $0.isEmpty ? nil : $0 }
        category = named.map { FeatureHash.owner(.category, $0) }
        hasDepartment = named != nil
        // Items without a category share one department, for what prices are usual there.
        department = FeatureHash.owner(.department, named.map(Self.department) ?? "")
        brand = item.brand.flatMap { $0.isEmpty ? nil : FeatureHash.owner(.brand, $0) }
    }

    /// The first part of a category path.
    static func department(_ category: String) -> String {
        let bytes = category.utf8
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == 0x20 {
                let separator = bytes.index(after: index)
                if separator < bytes.endIndex,
                    bytes[separator] == 0x2f || bytes[separator] == 0x3e
                {
                    let after = bytes.index(after: separator)
                    if after < bytes.endIndex, bytes[after] == 0x20 {
                        return String(category[..<index])
                    }
                }
            }
            index = bytes.index(after: index)
        }
        return category
    }
}

/// An exposure as a sparse row: named effects and their values.
///
/// The intercept, the drift and the item's slot are not among them: every row has these.
struct FeatureRow: Sendable {
    /// An effect for the core; `first` and `second` say which promotions it is made of.
    struct Dense: Sendable {
        let key: UInt64
        let group: DenseGroup
        let value: Double
        var first: Int8 = -1
        var second: Int8 = -1
    }

    struct Sparse: Sendable {
        let key: UInt64
        let group: TailGroup
        /// Whose page the effect lives on; contexts own themselves.
        let owner: Tail.Owner
        let value: Double
        /// A promotion, or for `context` groups a context entry.
        var detail: Int8 = -1
        /// For effects that own themselves.
        var ownerHash: UInt64 = 0
    }

    /// Something that may lift the response: a flag, any discount, depth, a changed price.
    struct Promotion: Sendable {
        enum Kind: Sendable {
            case flag(context: Int8)
            case anyDiscount, depth, priceChange
        }
        let kind: Kind
        let hash: UInt64
        let value: Double
    }

    private(set) var dense: [Dense] = []
    private(set) var tail: [Sparse] = []
    private(set) var promotions: [Promotion] = []

    /// Prices further off than e^4 times the usual one say no more than that.
    static let priceLimit = 4.0

    /// Makes the row of an exposure.
    ///
    /// - Parameters:
    ///   - logPrice: log of the list price.
    ///   - usual: running means of the log price of the item and of its department.
    ///   - reader: what of the context counts, and how.
    mutating func build(
        _ exposure: Exposure, owners: FeatureOwners, logPrice: Double,
        usual: (item: Double, department: Double), reader: ContextReader
    ) {
        clear()
        let discounted = isDiscounted(exposure.discount)
        let depth = 3 * min(exposure.discount, 0.5)
        let bucket = UInt64(min(Int(exposure.discount * 10), 6))
        addContext(exposure, reader, owners)
        if discounted {
            addPromotion(.anyDiscount, FeatureHash.anyDiscount, 1, .anyDiscount)
            addPromotion(.depth, FeatureHash.depth, depth, .depth)
        }
        let change = Self.clamped(3 * (logPrice - usual.item))
        if abs(change) > 3e-3 {
            addPromotion(.priceChange, FeatureHash.priceChange, change, .priceChange)
        }
        if discounted { addDense(.bucket, bucket, 0, 1, -1, -1) }
        addPairs()
        addDense(.priceLevel, 0, 0, Self.clamped(logPrice - usual.department), -1, -1)
        addEntities(owners)
        addPromotionCrosses(owners)
        if discounted {
            addTail(.itemBucket, .item, owners.item, bucket, 1)
        }
        addUserCrosses(owners)
    }

    mutating func clear() {
        dense.removeAll(keepingCapacity: true)
        tail.removeAll(keepingCapacity: true)
        promotions.removeAll(keepingCapacity: true)
    }

    private static func clamped(_ value: Double) -> Double {
        max(-priceLimit, min(priceLimit, value))
    }

    private mutating func addContext(
        _ exposure: Exposure, _ reader: ContextReader, _ owners: FeatureOwners
    ) {
        reader.read(exposure.context) { index, value in
            let place = Int8(clamping: index)
            switch value {
            case .flag(let hash): addPromotion(.flag(context: place), hash, 1, .flag)
            case .measure(let hash, let measure): addMeasure(hash, measure, place)
            case .text(let hash):
                let alone = FeatureHash.cross(Int(TailGroup.context.rawValue), hash)
                tail.append(
                    Sparse(
                        key: alone, group: .context, owner: .context, value: 1, detail: place,
                        ownerHash: hash))
                addTail(.itemContext, .item, owners.item, hash, 1, detail: place)
            }
        }
    }

    /// A line, and bends at the mean and one standard deviation on either side of it.
    private mutating func addMeasure(_ hash: UInt64, _ measure: Double, _ place: Int8) {
        let parts = [measure, max(0, measure), max(0, measure - 1), max(0, -measure - 1)]
        for (bend, value) in parts.enumerated() {
            addDense(.measure, hash, UInt64(bend), value, place, Int8(bend))
        }
    }

    /// A promotion has an effect of its own in the core, and crosses by `addPromotionCrosses`.
    private mutating func addPromotion(
        _ kind: Promotion.Kind, _ hash: UInt64, _ value: Double, _ group: DenseGroup
    ) {
        let index = Int8(promotions.count)
        promotions.append(Promotion(kind: kind, hash: hash, value: value))
        addDense(group, hash, 0, value, index, -1)
    }

    mutating func addDense(
        _ group: DenseGroup, _ first: UInt64, _ second: UInt64, _ value: Double, _ firstIndex: Int8,
        _ secondIndex: Int8
    ) {
        guard value != 0 else { return }
        let key = FeatureHash.dense(group, first, second)
        dense.append(
            Dense(key: key, group: group, value: value, first: firstIndex, second: secondIndex))
    }

    /// Flags with each other and with the discount.
    private mutating func addPairs() {
        for (i, first) in promotions.enumerated() {
            guard case .flag = first.kind else { break }
            for j in promotions.indices.dropFirst(i + 1) {
                let second = promotions[j]
                if case .priceChange = second.kind { continue }
                addDense(
                    .pair, first.hash, second.hash, first.value * second.value, Int8(i), Int8(j))
            }
        }
    }

    mutating func addTail(
        _ group: TailGroup, _ owner: Tail.Owner, _ hash: UInt64, _ second: UInt64, _ value: Double,
        detail: Int8 = -1
    ) {
        let key = FeatureHash.cross(Int(group.rawValue), hash, second)
        tail.append(Sparse(key: key, group: group, owner: owner, value: value, detail: detail))
    }

    private mutating func addEntities(_ owners: FeatureOwners) {
        addTail(.user, .user, owners.user, 0, 1)
        if let category = owners.category { addTail(.category, .category, category, 0, 1) }
        if owners.hasDepartment { addTail(.department, .department, owners.department, 0, 1) }
        if let brand = owners.brand { addTail(.brand, .brand, brand, 0, 1) }
    }

    private mutating func addPromotionCrosses(_ owners: FeatureOwners) {
        for (index, promotion) in promotions.enumerated() {
            let (hash, value) = (promotion.hash, promotion.value)
            let detail = Int8(index)
            addTail(.itemPromotion, .item, owners.item, hash, value, detail: detail)
            addTail(.userPromotion, .user, owners.user, hash, value, detail: detail)
            if owners.hasDepartment {
                addTail(
                    .departmentPromotion, .department, owners.department, hash, value,
                    detail: detail)
            }
        }
    }

    private mutating func addUserCrosses(_ owners: FeatureOwners) {
        addTail(.userItem, .user, owners.user, owners.item, 1)
        if let category = owners.category {
            addTail(.userCategory, .user, owners.user, category, 1)
        }
        if owners.hasDepartment {
            addTail(.userDepartment, .user, owners.user, owners.department, 1)
        }
        if let brand = owners.brand { addTail(.userBrand, .user, owners.user, brand, 1) }
        if !promotions.isEmpty { addTail(.userItemPromotion, .user, owners.user, owners.item, 1) }
    }
}
