import Engine
import Records

extension StepOutput {
    /// Takes out what was published when the same records were learned before a rewind.
    mutating func drop(publishedBefore ledger: Ledger) {
        guard !ledger.publishedTo.isEmpty else { return }
        let kept = recommendations.indices.filter { !ledger.isPublished(askedFor[$0]) }
        recommendations = kept.map { recommendations[$0] }
        askedFor = kept.map { askedFor[$0] }
        unusable.removeAll {
            ledger.isPublished(RecordPlace($0.record.position, $0.record.offset))
        }
    }
}
