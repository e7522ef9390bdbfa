import ArgumentParser
import LearnedWorlds
import Pricing
import ResponseModel
import Simulator
import Terminal

/// `bench effect`: how well the causal slope is found in worlds where discounts are not random.
struct EffectBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "effect",
        abstract: "The effect of discounts found in worlds with planted confounding.",
        discussion: """
            Each world is learned once. The effect of a discount of 30 % on the logit is then asked of the \
            plain model (the head's own association) and of the effect model, and both are held against \
            the truth; and each pair of shopper and item is priced, at a cost of half the price.

            In the world of marginal clickers rows are views, and the effect is that on whether a view is \
            bought; "plain" is what the clicked views alone say of it, and pred/obs the purchases predicted, \
            before they were learned, over those that came.
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
        for hasEffect in [true, false] {
            for seed in 1...UInt64(seeds) {
                let world = WindowWorld(hasEffect: hasEffect, seed: seed)
                do {
                    results.append(try WindowTrial(world).run(views: visits, seed: seed))
                } catch { throw ExitStatus.bug.failure("\(error)") }
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
    /// Purchases predicted over those observed, of views.
    let calibration: Double?

    /// The discount whose effect is asked for, and the rows it is asked of.
    static let depth = 0.3
    static let asked = 400

    fileprivate init(
        world: String, seed: UInt64, truth: Double, plain: Double, effect: EffectModel,
        priced: Priced, calibration: Double? = nil
    ) {
        let uncut = effect.unconstrained(Self.depth)
        self.world = world
        self.seed = seed
        self.truth = truth
        self.plain = plain
        found = effect.served(Self.depth)
        unconstrained = uncut.mean
        deviation = uncut.deviation
        discounted = priced.discounted
        wrongly = priced.wrongly
        marginShare = priced.share
        self.calibration = calibration
    }

    static func table(_ results: [EffectResult]) -> String {
        var table = TextTable([
            ("world", .left), ("seed", .right), ("true effect", .right), ("plain", .right),
            ("found", .right), ("uncut ± sd", .right), ("discounted", .right),
            ("wrongly", .right), ("margin of best", .right), ("pred/obs", .right),
        ])
        for result in results {
            table.add(
                result.world, "\(result.seed)", fixed(result.truth, 3), fixed(result.plain, 3),
                fixed(result.found, 3),
                "\(fixed(result.unconstrained, 3)) ± \(fixed(result.deviation, 3))",
                fixed(100 * result.discounted, 1) + " %", fixed(100 * result.wrongly, 1) + " %",
                fixed(100 * result.marginShare, 1) + " %", fixed(result.calibration, 3))
        }
        return table.rendered()
    }
}

/// One world, learned and asked.
struct EffectTrial {
    private let world: ConfoundedWorld

    init(_ world: ConfoundedWorld) { self.world = world }

    func run(visits: Int, seed: UInt64) throws -> EffectResult {
        let learned = try LearnedWorld(world, visits: visits, keeping: EffectResult.asked)
        let priced = Priced(
            try learned.decisions().map { row, discount in
                (
                    row.price, discount,
                    ConfoundedWorld.depths.map { learned.world.conversion(row, discount: $0) }
                )
            })
        let kind = world.slope == 0 ? "no effect" : "effect"
        return EffectResult(
            world: "\(world.confounding.rawValue), \(kind)", seed: seed,
            truth: learned.world.marginalEffect(EffectResult.depth),
            plain: try learned.plainEffect(EffectResult.depth), effect: learned.effect,
            priced: priced)
    }
}

/// A shop window, learned and asked.
struct WindowTrial {
    private let world: WindowWorld

    init(_ world: WindowWorld) { self.world = world }

    func run(views: Int, seed: UInt64) throws -> EffectResult {
        let learned = try LearnedWindow(world, views: views, keeping: EffectResult.asked)
        let priced = Priced(
            try learned.decisions().map { view, discount in
                (
                    view.price, discount,
                    WindowWorld.depths.map { world.chances(view, discount: $0).purchase }
                )
            })
        return EffectResult(
            world: "marginal clickers, \(world.hasEffect ? "effect" : "no effect")", seed: seed,
            truth: world.effect(EffectResult.depth, learned.last).views,
            plain: learned.clickedEffect.unconstrained(EffectResult.depth).mean,
            effect: learned.effect, priced: priced,
            calibration: learned.predicted / learned.observed)
    }
}

/// What decisions come to under the truth, where items cost half their price.
private struct Priced {
    private(set) var discounted = 0.0
    private(set) var wrongly = 0.0
    private(set) var share = 0.0

    /// - Parameter decisions: list price, discount chosen, and the true conversion at each depth.
    init(_ decisions: [(price: Double, discount: Double, conversions: [Double])]) {
        var (earned, best) = (0.0, 0.0)
        let each = 1 / Double(decisions.count)
        for (price, discount, conversions) in decisions {
            let margins = zip(ConfoundedWorld.depths, conversions).map { depth, conversion in
                (price * (1 - depth) - price / 2) * conversion
            }
            let chosen = ConfoundedWorld.depths.lastIndex { $0 <= discount + 1e-6 } ?? 0
            if chosen > 0 { discounted += each }
            if margins[chosen] < margins[0] { wrongly += each }
            earned += margins[chosen]
            best += margins.max() ?? 0
        }
        share = earned / best
    }
}
