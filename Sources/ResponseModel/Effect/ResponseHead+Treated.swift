import Records

/// What a head of answers makes of a treatment, and how it forgets it.
extension ResponseHead {
    /// What the treatment of the row that is being learned adds to its logit, by the means before it.
    func treatedPart() -> Double {
        var sum = 0.0
        func mean(_ place: Int) -> Double {
            work.values[place] * posterior.core.block.mean[Int(work.positions[place])]
        }
        // Behind intercept and drift comes the item, whose entry is about the slope.
        sum += mean(GaussianCore.itemPlace)
        var place = GaussianCore.itemPlace + 1
        for effect in work.row.dense where posterior.dense.entry(effect.key) >= 0 {
            if FeatureRow.isStep(effect.group) || FeatureRow.isSlope(effect.group) {
                sum += mean(place)
            }
            place += 1
        }
        for effect in work.row.tail where FeatureRow.isSlope(effect.group) {
            sum += effect.value * tailEffect(posterior.tail.cell(effect.key), effect.group).mean
        }
        return sum
    }

    /// Forgets what was learned of answers to treatments, but for a share; levels stay.
    ///
    /// - Parameter kept: share of each mean that stays; in (0, 1). What is not known grows towards what was
    ///   not known at first, by one less its square.
    /// - Complexity: O(N^2), and a walk over the tail.
    mutating func forgetTreatments(kept: Double) {
        posterior.core.endBlock()
        present.events = 0
        scalarsAreDirty = true
        let fresh = 1 - kept * kept
        for entry in GaussianCore.firstText..<GaussianCore.firstText + dimension {
            posterior.core.fade(entry, factor: kept, variance: fresh * priors.text.variance)
        }
        for slot in posterior.slots.slots {
            posterior.core.fade(
                Int(slot.entry), factor: kept,
                variance: fresh * configuration.scale * configuration.itemVariance)
        }
        for effect in posterior.dense.effects
        where FeatureRow.isStep(effect.group) || FeatureRow.isSlope(effect.group) {
            posterior.core.fade(
                Int(effect.entry), factor: kept,
                variance: fresh * configuration.scale * effect.group.priorVariance)
        }
        posterior.tail.fade(kept: kept, priors.tau) { FeatureRow.isSlope($0) }
    }
}

extension Tail {
    /// Lets the mean of each effect of some groups shrink to a share, and its variance grow towards the prior's
    /// by one less the share's square.
    mutating func fade(kept: Double, _ tau: [Double], _ isMeant: (TailGroup) -> Bool) {
        let groups = Set(TailGroup.allCases.filter(isMeant).map(\.rawValue))
        let share = kept * kept
        for page in pages.indices {
            let cells = cellRange(page).filter { groups.contains(self.cells.groups[$0]) }
            guard !cells.isEmpty else { continue }
            for cell in cells {
                let prior = tau[Int(self.cells.groups[cell])]
                let precision = prior + self.cells.precision[cell]
                let faded = 1 / (share / precision + (1 - share) / prior)
                self.cells.precision[cell] = max(0, faded - prior)
                self.cells.eta[cell] *= kept / precision * faded
            }
            mark(Int32(page))
        }
    }
}
