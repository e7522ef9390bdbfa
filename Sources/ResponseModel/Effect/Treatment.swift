import Records

/// What was done to the price of a row, as a model of answers to discounts counts it.
///
/// Of a discount that we decided ourselves it is the discount: the choice rests on what the model knew,
/// and the rows that it knew it from are in the posterior. Of another's it is what goes beyond the
/// discount to be expected of such a row.
struct Treatment: Sendable, Hashable {
    enum Evidence: Sendable, Hashable {
        /// Decided by us, whether for a discount or for none.
        case decided
        /// Another's choice, of which nothing is known.
        case observed
        /// Another's choice, with its propensity.
        case logged
    }

    /// Any discount at all.
    var step: Double
    /// In -log(1 - discount).
    var depth: Double
    var evidence: Evidence

    /// Whether it is a discount that we decided.
    var isOwnOffer: Bool { evidence == .decided && step > 0 }

    static let none = Treatment(step: 0, depth: 0, evidence: .decided)
}

extension FeatureRow {
    /// Makes the row of an answer to a discount: level and slope of everything that may differ in them.
    ///
    /// The item's entry of the core is not among them; its value is the treatment's depth, so that
    /// what the text says is about the answer as well.
    mutating func build(
        _ exposure: Exposure, _ item: ItemFeatures, treatment: Treatment, owners: FeatureOwners,
        reader: ContextReader
    ) {
        clear()
        switch treatment.evidence {
        case .decided: break
        case .observed: addDense(.evidence, 1, 0, 1, -1, -1)
        case .logged: addDense(.evidence, 2, 0, 1, -1, -1)
        }
        let depth = treatment.depth
        if treatment.evidence != .decided { addDense(.observedStep, 0, 0, treatment.step, -1, -1) }
        addDense(.answerStep, 0, 0, treatment.step, -1, -1)
        addDense(.answerSlope, 0, 0, depth, -1, -1)
        reader.read(exposure.context) { index, value in
            let (hash, size) =
                switch value {
                case .flag(let hash), .text(let hash): (hash, 1.0)
                case .measure(let hash, let measure): (hash, measure)
                }
            addDense(.contextLevel, hash, 0, size, Int8(clamping: index), -1)
            addDense(.contextSlope, hash, 0, size * depth, Int8(clamping: index), -1)
        }
        if let category = owners.category {
            addDense(.categoryLevel, category, 0, 1, -1, -1)
            addDense(.categorySlope, category, 0, depth, -1, -1)
        }
        addTail(.user, .user, owners.user, 0, 1)
        addTail(.itemLevel, .item, owners.item, 0, 1)
        guard depth != 0 else { return }
        addTail(.userSlope, .user, owners.user, 0, depth)
        if let brand = owners.brand { addTail(.brandSlope, .brand, brand, 0, depth) }
    }

    /// Whether a dense effect counts for any discount.
    static func isStep(_ group: DenseGroup) -> Bool {
        group == .answerStep || group == .observedStep
    }

    /// Whether a dense effect counts times the depth.
    static func isSlope(_ group: DenseGroup) -> Bool {
        group == .answerSlope || group == .contextSlope || group == .categorySlope
    }

    static func isSlope(_ group: TailGroup) -> Bool { group == .userSlope || group == .brandSlope }
}

extension FeatureHash {
    /// What a text of a context is named by; `nil` for one that is empty.
    static func context(_ key: String, _ text: String) -> UInt64? {
        guard !text.isEmpty else { return nil }
        return StableHash.of(key, text, seed: UInt64(Tail.Owner.context.rawValue))
    }
}
