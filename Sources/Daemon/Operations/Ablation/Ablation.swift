import ContinualLearning
import Engine
import Foundation
import Records

/// Learns one log in several ways, to tell what each part is worth on it.
public final class Ablation {
    private let wiring: Wiring
    private let events: String
    private let catalog: String?
    private let phaseField: String?
    private let chosen: [String]?

    /// - Parameters:
    ///   - phaseField: the text field that names a row's phase. With it a fifth of each phase is kept
    ///     apart and scored; without, the log is one phase, scored as it is learned.
    ///   - runs: the variants to run besides default, naive and joint; all where `nil`.
    public init(
        _ configuration: Configuration, events: String, catalog: String?, phaseField: String?,
        runs: [String]?
    ) {
        wiring = Wiring(configuration: configuration)
        self.events = events
        self.catalog = catalog
        self.phaseField = phaseField
        chosen = runs
    }

    /// Every name that `runs` may have.
    public static func names(_ configuration: Configuration) -> [String] {
        variants(configuration).map(\.name)
    }

    private static func variants(_ configuration: Configuration) -> [AblationVariant] {
        AblationVariant.required
            + [AblationVariant.otherAdapters(than: configuration.lora.method)]
            + AblationVariant.guards(Set(configuration.guards.enabled))
    }

    /// Runs every variant, one after the other.
    ///
    /// - Throws: `AblationError` for a log that cannot be used, and what learning throws.
    public func run() throws -> AblationReport {
        StopSignal.install()
        let log = try AblationLog(
            events: events, catalog: catalog, phaseField: phaseField, limits: wiring.eventLimits)
        let learner = try AblationLearner(log, base: try wiring.loadBase(), wiring: wiring)
        let wanted = chosen.map { Set($0 + ["default", "naive", "joint"]) }
        let variants = Self.variants(wiring.configuration).filter {
            wanted?.contains($0.name) ?? true
        }
        var report = AblationReport(
            phases: log.phases, learned: log.learned.map(\.count),
            heldOut: log.heldOut.map(\.count),
            runs: [:], platform: try wiring.platform())
        var reference: [ServedPrediction] = []
        var bar = ProgressBar("ablate")
        for (number, variant) in variants.enumerated() {
            let started = ContinuousClock.now
            let outcome = try learner.run(variant) { done, all in
                let share = Double(done) / Double(max(1, all))
                bar.update(
                    fraction: (Double(number) + share) / Double(variants.count), note: variant.name)
            }
            report.runs[variant.name] = AblationReport.Run(
                variant.summary, outcome, against: Self.compare(outcome.predictions, reference),
                wallSeconds: started.duration(to: .now).inSeconds)
            if reference.isEmpty { reference = outcome.predictions }
        }
        bar.finish(note: "\(variants.count) runs")
        return report
    }

    private static func compare(
        _ predictions: [ServedPrediction], _ reference: [ServedPrediction]
    ) -> PairedReport? {
        guard !reference.isEmpty, predictions.count == reference.count else { return nil }
        var paired = PairedDifference()
        for (row, other) in zip(predictions, reference) {
            guard row.eventID == other.eventID, row.head == other.head else { return nil }
            paired.observe(
                logit: row.logit, reference: other.logit, label: row.label, weight: row.weight,
                item: row.itemID, user: row.userID)
        }
        return paired.report
    }
}
