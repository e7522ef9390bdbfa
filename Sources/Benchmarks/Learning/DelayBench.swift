import ArgumentParser
import Encoder
import Foundation
import Simulator
import Terminal

/// `bench delay`: what late purchases cost, by the way they are learned.
struct DelayBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delay",
        abstract: "What late purchases cost, by learning.delayed_feedback.",
        discussion: """
            Simulated visits whose purchases come up to a day late (40 % within minutes, the rest \
            over ten hours on average), with known probabilities. Each way of learning is held \
            against an oracle that is told every outcome at once: by log-loss, calibration (mean \
            prediction by mean truth) and regret (margin a visit that the best discount would have \
            earned). In the calm world demand moves with the seasons; in the restless one \
            everything sells more for a day and a half, then less. Gaps are means over seeds with \
            95 % intervals; below zero is better than the oracle.
            """)

    @OptionGroup var model: ModelOptions

    @Option(help: "Visits a seed, over ten days.")
    var visits = 12_000

    @Option(help: "Worlds to run.")
    var seeds = 5

    @Option(help: "Minutes that elapsed_time waits.")
    var elapsed = 60

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard visits >= 1000 else { throw ValidationError("--visits must be 1000 or more.") }
        guard (2...100).contains(seeds) else {
            throw ValidationError("--seeds must be from 2 to 100.")
        }
        guard (1...1439).contains(elapsed) else {
            throw ValidationError("--elapsed must be from 1 to 1439.")
        }
    }

    func run() throws {
        let base = try model.load()
        let embedding = try BaseEmbedding(base)
        var rows: [DelayRow] = []
        for (name, shift) in [("calm", 0.0), ("restless", 0.6)] {
            rows += try measure(name, shift: shift, base, embedding)
        }
        print(json ? try jsonText(rows) : DelayRow.table(rows))
    }

    private func measure(
        _ name: String, shift: Double, _ base: BaseModel, _ embedding: BaseEmbedding
    ) throws -> [DelayRow] {
        var results: [DelayTrial.Learner: [DelayTrial.Result]] = [:]
        for seed in 1...seeds {
            let days = 10.0
            var plan = DelayedStream.Plan(
                startMs: 1_750_000_000_000, gapMs: days * 86_400_000 / Double(visits),
                windowMs: 86_400_000)
            plan.shift = shift
            let trial = DelayTrial(
                world: try World(seed: UInt64(seed)), plan: plan, visits: visits,
                elapsedMs: Int64(elapsed) * 60_000, embedding: embedding, base: base)
            for learner in DelayTrial.Learner.allCases {
                results[learner, default: []].append(try trial.run(learner))
            }
        }
        let oracle = results[.oracle] ?? []
        return DelayTrial.Learner.allCases.map { learner in
            DelayRow(name, learner, results[learner] ?? [], oracle)
        }
    }
}

private struct DelayRow: Encodable {
    let world: String
    let learner: String
    let excessLogLoss: SeedMean
    let calibration: SeedMean
    let regret: SeedMean
    let logLossGap: SeedMean
    let calibrationGap: SeedMean
    let regretGap: SeedMean

    enum CodingKeys: String, CodingKey {
        case world, learner, calibration, regret
        case excessLogLoss = "excess_log_loss"
        case logLossGap = "log_loss_gap"
        case calibrationGap = "calibration_gap"
        case regretGap = "regret_gap"
    }

    init(
        _ world: String, _ learner: DelayTrial.Learner, _ results: [DelayTrial.Result],
        _ oracle: [DelayTrial.Result]
    ) {
        func gaps(_ value: (DelayTrial.Result) -> Double) -> SeedMean {
            SeedMean(zip(results, oracle).map { value($0) - value($1) })
        }
        self.world = world
        self.learner = learner.rawValue
        excessLogLoss = SeedMean(results.map(\.excessLogLoss))
        calibration = SeedMean(results.map(\.calibration))
        regret = SeedMean(results.map(\.regret))
        logLossGap = gaps(\.excessLogLoss)
        // How much further from 1 than the oracle's.
        calibrationGap = gaps { abs($0.calibration - 1) }
        regretGap = gaps(\.regret)
    }

    static func table(_ rows: [DelayRow]) -> String {
        var table = TextTable([
            ("world", .left), ("learned", .left), ("log-loss gap", .right),
            ("calibration", .right), ("calibration gap", .right), ("regret gap", .right),
            ("regret", .right),
        ])
        for row in rows {
            table.add(
                row.world, row.learner, row.logLossGap.text(5),
                String(format: "%.3f", row.calibration.mean), row.calibrationGap.text(3),
                row.regretGap.text(4), String(format: "%.4f", row.regret.mean))
        }
        return table.rendered()
    }
}
