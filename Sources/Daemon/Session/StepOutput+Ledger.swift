import Engine
import Events
import Pricing
import Records

extension StepOutput {
    /// Takes out what was published when the same records were learned before a rewind.
    mutating func drop(publishedBefore ledger: Ledger) {
        guard !ledger.publishedTo.isEmpty else { return }
        keep { !ledger.isPublished($1) }
        unusable.removeAll {
            ledger.isPublished(RecordPlace($0.record.position, $0.record.offset))
        }
    }

    /// Takes out what was decided for shoppers before they objected, in the same batch.
    mutating func dropBeforeObjections() {
        guard !objections.isEmpty else { return }
        let objectors = Set(objections.flatMap(\.userIDs))
        keep { offer, _ in
            !objectors.contains(offer.userID)
                || offer.rules.contains(PricingRule.objection.rawValue)
        }
    }

    private mutating func keep(_ holds: (Recommendation, RecordPlace) -> Bool) {
        let kept = recommendations.indices.filter { holds(recommendations[$0], askedFor[$0]) }
        recommendations = kept.map { recommendations[$0] }
        askedFor = kept.map { askedFor[$0] }
    }
}
