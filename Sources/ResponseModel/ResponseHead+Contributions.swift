extension ResponseHead {
    /// What a prediction is made of: its parts on the logit scale, the largest first.
    ///
    /// The parts add up to the prediction's logit. Parts below a thousandth are left out.
    public func contributions(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> [(name: String, logit: Double)] {
        try Self.check(exposure, item, dimension: dimension)
        let situation = try Situation(exposure, item, self)
        var row = FeatureRow()
        situation.build(&row, exposure, self)
        let factor = Query(row, situation, self).values[1]
        let drift = factor * posterior.core.presentMean(GaussianCore.drift)
        var parts = [
            (name: "base level", logit: posterior.core.presentMean(GaussianCore.intercept)),
            (name: "recent level", logit: drift),
        ]
        let total = presentMean(situation.entry, situation.prior)
        var text = 0.0
        for (d, value) in item.vector.enumerated() where value != 0 {
            text += Double(value) * posterior.core.presentMean(GaussianCore.firstText + d)
        }
        if dimension > 0 { parts.append((name: "item's text", logit: text)) }
        parts.append((name: "item itself", logit: total - text))
        for effect in row.dense {
            let entry = posterior.dense.entry(effect.key)
            let mean =
                entry >= 0
                ? posterior.core.presentMean(Int(entry))
                : tailEffect(posterior.tail.cell(effect.key), .overflow).mean
            parts.append((name: row.name(effect, exposure, item), logit: effect.value * mean))
        }
        for effect in row.tail {
            let mean = tailEffect(posterior.tail.cell(effect.key), effect.group).mean
            parts.append((name: row.name(effect, exposure, item), logit: effect.value * mean))
        }
        if let calibration = reading.calibration {
            parts = parts.map { ($0.name, calibration.factor * $0.logit) }
            parts[0].logit += calibration.spreadPart
            parts.append((name: "calibration", logit: calibration.levelPart))
        }
        return parts.filter { abs($0.logit) >= 1e-3 }.sorted {
            (-abs($0.logit), $0.name) < (-abs($1.logit), $1.name)
        }
    }
}

extension FeatureRow {
    /// A name for people, like `display × depth`.
    func name(_ effect: Dense, _ exposure: Exposure, _ item: ItemFeatures) -> String {
        switch effect.group {
        case .flag, .anyDiscount, .depth, .priceChange:
            return name(promotion: effect.first, exposure)
        case .bucket:
            let tenth = min(Int(exposure.discount * 10), 6)
            return tenth == 6 ? "discount of 60 % or more" : "discount of \(tenth)0 to \(tenth)9 %"
        case .pair:
            let first = name(promotion: effect.first, exposure)
            return "\(first) × \(name(promotion: effect.second, exposure))"
        case .priceLevel:
            return "price level"
        case .evidence: return "kind of evidence"
        case .observedStep, .answerStep: return "any discount"
        case .answerSlope: return "depth of discount"
        case .contextLevel, .contextSlope:
            return context(effect.first, exposure)
        case .categoryLevel, .categorySlope: return item.category ?? ""
        case .measure:
            let part = ["", ", above its mean", ", far above it", ", far below its mean"]
            return exposure.context[Int(effect.first)].key + part[Int(effect.second)]
        }
    }

    func name(_ effect: Sparse, _ exposure: Exposure, _ item: ItemFeatures) -> String {
        let category = item.category ?? ""
        let department = FeatureOwners.department(category)
        func promotion() -> String { name(promotion: effect.detail, exposure) }
        switch effect.group {
        case .user: return "user"
        case .category: return "category \(category)"
        case .department: return "department \(department)"
        case .brand: return "brand \(item.brand ?? "")"
        case .itemPromotion: return "item × \(promotion())"
        case .departmentPromotion: return "department \(department) × \(promotion())"
        case .userPromotion: return "user × \(promotion())"
        case .itemBucket: return "item × discount step"
        case .userItem: return "user × item"
        case .userCategory: return "user × category \(category)"
        case .userDepartment: return "user × department \(department)"
        case .userBrand: return "user × brand \(item.brand ?? "")"
        case .userItemPromotion: return "user × item × promotion"
        case .context: return context(effect.detail, exposure)
        case .itemContext: return "item × \(context(effect.detail, exposure))"
        case .overflow: return "other"
        case .itemLevel: return "item"
        case .userSlope: return "user × depth"
        case .brandSlope: return "brand \(item.brand ?? "") × depth"
        }
    }

    private func context(_ index: Int8, _ exposure: Exposure) -> String {
        let entry = exposure.context[Int(index)]
        guard case .text(let text) = entry.value else { return entry.key }
        return "\(entry.key) = \(text)"
    }

    private func name(promotion index: Int8, _ exposure: Exposure) -> String {
        switch promotions[Int(index)].kind {
        case .flag(let context): exposure.context[Int(context)].key
        case .anyDiscount: "any discount"
        case .depth: "discount depth"
        case .priceChange: "price against the item's usual one"
        }
    }
}
