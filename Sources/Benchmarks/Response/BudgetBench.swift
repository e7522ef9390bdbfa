import ArgumentParser
import Foundation
import Simulator
import Terminal

/// `bench budgets`: how well a campaign's budget is used, against the best that could have been done with it.
struct BudgetBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budgets",
        abstract: "What a budget brings, paced and not, against the optimum in hindsight.",
        discussion: """
            A campaign of two weeks whose budget is a share of what the best discounts would give away. Demand is \
            known to the decisions, so that the use of the budget alone is measured; answers differ from visit to \
            visit. The optimum is the linear relaxation of the multiple-choice knapsack over all visits, which no \
            policy can exceed. Unpaced, a budget is spent as fast as it can be. Three shards have a third of the \
            limit each, and visits come to them by chance.
            """)

    @Option(help: "Visits of the campaign.")
    var visits = 50_000

    @Option(help: "Worlds of each kind.")
    var seeds = 5

    @Option(help: "The budget, as a share of what the best discounts would give away.")
    var share = 0.4

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (100...10_000_000).contains(visits), (2...1_000).contains(seeds),
            share > 0, share <= 10
        else {
            throw ValidationError(
                "--visits must be from 100 to 10000000, --seeds from 2 to 1000, --share above 0 and at most 10."
            )
        }
    }

    func run() throws {
        var rows: [BudgetRow] = []
        do {
            for shape in BudgetWorld.Shape.allCases { rows += try Self.rows(shape, self) }
        } catch { throw ExitStatus.bug.failure("\(error)") }
        print(json ? try jsonText(rows) : BudgetRow.table(rows))
    }

    private static func rows(
        _ shape: BudgetWorld.Shape, _ bench: BudgetBench
    ) throws -> [BudgetRow] {
        var trials: [[BudgetTrial]] = [[], [], []]
        for seed in 1...UInt64(bench.seeds) {
            let world = BudgetWorld(seed: seed, visits: bench.visits, shape: shape)
            let limit = Int64(bench.share * world.optimum(limit: nil).cents)
            let best = world.optimum(limit: limit).margin
            func trial(_ outcomes: [BudgetWorld.Outcome], within limits: [Int64]) -> BudgetTrial {
                BudgetTrial(
                    spent: Double(outcomes.reduce(0) { $0 + $1.spent }) / Double(limit),
                    margin: outcomes.reduce(0) { $0 + $1.margin } / best,
                    isWithin: zip(outcomes, limits).allSatisfy { $0.most <= $1 })
            }
            let unpaced = try world.run(limit: limit, isPaced: false)
            let paced = try world.run(limit: limit, isPaced: true)
            trials[0].append(trial([unpaced], within: [limit]))
            trials[1].append(trial([paced], within: [limit]))
            let limits = (0..<3).map { limit / 3 + ($0 < limit % 3 ? 1 : 0) }
            let parts = try limits.enumerated().map { shard, part in
                try world.part(shard, of: 3).run(limit: part, isPaced: true)
            }
            trials[2].append(trial(parts, within: limits))
        }
        return zip(["unpaced", "paced", "paced, three shards"], trials).map { policy, trials in
            BudgetRow(
                visits: shape.rawValue, policy: policy, spent: SeedMean(trials.map(\.spent)),
                margin: SeedMean(trials.map(\.margin)),
                leastSpent: trials.map(\.spent).min() ?? 0,
                isNeverAbove: trials.allSatisfy(\.isWithin))
        }
    }
}

/// One policy in one world, as shares of the limit and of the optimum.
private struct BudgetTrial {
    let spent: Double
    let margin: Double
    let isWithin: Bool
}

/// One policy over all worlds of a kind.
private struct BudgetRow: Encodable {
    let visits: String
    let policy: String
    let spent: SeedMean
    let margin: SeedMean
    let leastSpent: Double
    let isNeverAbove: Bool

    enum CodingKeys: String, CodingKey {
        case visits, policy, spent, margin
        case leastSpent = "least_spent"
        case isNeverAbove = "never_above"
    }

    static func table(_ rows: [BudgetRow]) -> String {
        func percent(_ mean: SeedMean) -> String {
            String(format: "%.2f ± %.2f %%", 100 * mean.mean, 100 * mean.halfWidth)
        }
        var table = TextTable([
            ("visits", .left), ("policy", .left), ("spent of the limit", .right),
            ("least", .right), ("ever above", .left), ("margin of the optimum", .right),
        ])
        for row in rows {
            table.add(
                row.visits, row.policy, percent(row.spent),
                String(format: "%.2f %%", 100 * row.leastSpent), row.isNeverAbove ? "no" : "YES",
                percent(row.margin))
        }
        return table.rendered()
    }
}
