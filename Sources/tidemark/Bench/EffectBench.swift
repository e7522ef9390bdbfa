import ArgumentParser
import Pricing
import ResponseModel
import Simulator

/// `bench effect`: how well the causal slope is found in worlds where discounts are not random.
struct EffectBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "effect",
        abstract: "The effect of discounts found in worlds with planted confounding.",
        discussion: """
            Each world is learned once. The effect of a discount of 30 % on the logit is then asked of the \
            plain model (the head's own association) and of the effect model, and both are held against \
            the truth; and each pair of shopper and item is priced, at a cost of half the price.
            """)

    @Option(help: "Visits in each world.")
    var visits = 200_000

    @Option(help: "Worlds of each kind, by seed.")
    var seeds = 3

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard visits >= 1000, seeds >= 1 else {
            throw ValidationError("--visits must be 1000 or more, --seeds 1 or more.")
        }
    }

    func run() throws {
        var results: [EffectResult] = []
        for confounding in ConfoundedWorld.Confounding.allCases {
            for (step, slope) in [(0.1, 2.0), (0, 0)] {
                for seed in 1...UInt64(seeds) {
                    let world = ConfoundedWorld(confounding, step: step, slope: slope, seed: seed)
                    do {
                        results.append(try EffectTrial(world).run(visits: visits, seed: seed))
                    } catch { throw ExitStatus.bug.failure("\(error)") }
                }
            }
        }
        print(json ? try jsonText(results) : EffectResult.table(results))
    }
}

struct EffectResult: Encodable {
    let world: String
    let seed: UInt64
    let truth: Double
    let plain: Double
    let found: Double
    let unconstrained: Double
    let deviation: Double
    /// Share of pairs that would get a discount, and of those where the truth loses by it.
    let discounted: Double
    let wrongly: Double
    /// True margin of the prices chosen over that of the best prices in hindsight.
    let marginShare: Double

    static func table(_ results: [EffectResult]) -> String {
        var table = TextTable([
            ("world", .left), ("seed", .right), ("true effect", .right), ("plain", .right),
            ("found", .right), ("uncut ± sd", .right), ("discounted", .right),
            ("wrongly", .right), ("margin of best", .right),
        ])
        for result in results {
            table.add(
                result.world, "\(result.seed)", fixed(result.truth, 3), fixed(result.plain, 3),
                fixed(result.found, 3),
                "\(fixed(result.unconstrained, 3)) ± \(fixed(result.deviation, 3))",
                fixed(100 * result.discounted, 1) + " %", fixed(100 * result.wrongly, 1) + " %",
                fixed(100 * result.marginShare, 1) + " %")
        }
        return table.rendered()
    }
}

/// One world, learned and asked.
struct EffectTrial {
    private let world: ConfoundedWorld
    private static let depth = 0.3
    private static let asked = 400

    init(_ world: ConfoundedWorld) { self.world = world }

    func run(visits: Int, seed: UInt64) throws -> EffectResult {
        let learned = try LearnedWorld(world, visits: visits, keeping: Self.asked)
        let uncut = learned.effect.unconstrained(Self.depth)
        let priced = try price(learned)
        let kind = world.slope == 0 ? "no effect" : "effect"
        return EffectResult(
            world: "\(world.confounding.rawValue), \(kind)", seed: seed,
            truth: learned.world.marginalEffect(Self.depth),
            plain: try learned.plainEffect(Self.depth), found: learned.effect.served(Self.depth),
            unconstrained: uncut.mean, deviation: uncut.deviation, discounted: priced.discounted,
            wrongly: priced.wrongly, marginShare: priced.share)
    }

    /// What the decisions come to under the truth.
    private func price(_ learned: LearnedWorld) throws -> (
        discounted: Double, wrongly: Double, share: Double
    ) {
        var (discounted, wrongly, earned, best) = (0.0, 0.0, 0.0, 0.0)
        for (row, discount) in try learned.decisions() {
            let margins = ConfoundedWorld.depths.map { depth in
                (row.price * (1 - depth) - row.price / 2)
                    * learned.world.conversion(row, discount: depth)
            }
            let chosen = ConfoundedWorld.depths.lastIndex { $0 <= discount + 1e-6 } ?? 0
            if chosen > 0 { discounted += 1 }
            if margins[chosen] < margins[0] { wrongly += 1 }
            earned += margins[chosen]
            best += margins.max() ?? 0
        }
        let count = Double(learned.last.count)
        return (discounted / count, wrongly / count, earned / best)
    }
}
