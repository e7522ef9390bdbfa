import ArgumentParser
import OffPolicy
import Records
import Simulator
import Terminal

/// `bench ope`: whether off-policy estimates are as sure as they say, over logs whose truth is known.
struct OpeBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ope",
        abstract: "Coverage of off-policy intervals over simulated logs.",
        discussion: """
            Every log has a world of its own: 1,500 to 20,000 decisions, a policy that favours a depth by \
            item and explores 10 to 60 % of the time, shoppers with one to five decisions each. Five \
            policies are evaluated on each; their true value at these very decisions is known.
            """)

    @Option(help: "How many logs.")
    var logs = 1000

    @Option(help: "The first log's seed.")
    var seed: UInt64 = 1

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...100_000).contains(logs) else {
            throw ValidationError("--logs must be from 1 to 100000.")
        }
    }

    func run() throws {
        var result = OpeResult()
        do {
            for log in 0..<logs { try Self.evaluate(seed: seed &+ UInt64(log), into: &result) }
        } catch { throw ExitStatus.bug.failure("\(error)") }
        print(json ? try jsonText(result.rows) : result.table)
    }

    private static let fixed = [0, 2, 5]

    private static func evaluate(seed: UInt64, into result: inout OpeResult) throws {
        var world = DecisionWorld(seed: seed)
        let depths = DecisionWorld.depths
        let count = Double(depths.count)
        let even = depths.map { _ in 1 / count }
        let certain = fixed.map { place in depths.indices.map { $0 == place ? 1.0 : 0 } }
        let names = ["uniform", "softer"] + fixed.map { "fixed:\(depths[$0])" }
        var settings = OffPolicyEvaluation.Settings()
        // A purchase's margin in units of the largest.
        settings.rewards = -1...1
        var evaluation = OffPolicyEvaluation(
            policies: names + ["logged"], reference: names.count, settings: settings)
        var model = RewardModel()
        let margins = DecisionWorld.margins.map { $0 / DecisionWorld.margins[0] }
        var truths = [Double](repeating: 0, count: names.count)
        var logged = 0.0
        for _ in 0..<world.decisionCount {
            let decision = world.next()
            let (item, shopper) = ("\(decision.item)", "\(decision.shopper)")
            let context = model.context(item: item, shopper: shopper)
            let actions = depths.indices.map {
                LoggedDecision.Action(
                    label: 5 * $0, propensity: decision.propensities[$0],
                    prediction: margins[$0] * model.predict(context, depth: depths[$0]))
            }
            let softer = decision.propensities.map { 0.5 * $0 + 0.5 / count }
            let policies = [even, softer] + certain
            let units = decision.purchased ? 1.0 : 0
            let row = LoggedDecision(
                shopper: shopper, actions: actions, delivered: decision.delivered,
                reward: units * margins[decision.delivered])
            try evaluation.observe(row, policies.map { $0 } + [nil])
            model.learn(
                context, item: item, shopper: shopper, depth: depths[decision.delivered],
                units: units)
            let earned = zip(decision.conversions, margins).map { $0 * $1 }
            for (index, policy) in policies.enumerated() {
                truths[index] += zip(policy, earned).reduce(0) { $0 + $1.0 * $1.1 }
            }
            logged += zip(decision.propensities, earned).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let size = Double(world.decisionCount)
        result.take(evaluation.report(), truths.map { $0 / size }, logged: logged / size)
    }
}

/// Coverage by band of effective sample.
private struct OpeResult {
    struct Band: Encodable {
        let effective_sample: String
        var intervals = 0
        var held = 0
        var truth_below = 0
        var truth_above = 0
        var anytime_held = 0
        var exact_held = 0
        /// Of the exact sequence against the interval, in the mean.
        var exact_width = 0.0
        var anytime_width = 0.0
        var comparisons = 0
        var comparisons_held = 0
    }

    struct Rows: Encodable {
        let bands: [Band]
        let refused: [String: Int]
    }

    private static let edges = [200.0, 400, 800, 1600, 3200]
    private var bands = edges.indices.map { index in
        let low = grouped(Int(edges[index]))
        let high = index + 1 < edges.count ? " to \(grouped(Int(edges[index + 1])))" : " and more"
        return Band(effective_sample: low + high)
    }
    private var refused: [String: Int] = [:]

    mutating func take(_ report: OffPolicyReport, _ truths: [Double], logged: Double) {
        for (index, truth) in truths.enumerated() {
            let policy = report.policies[index]
            for refusal in policy.refusals { refused[refusal.reason.rawValue, default: 0] += 1 }
            guard let value = policy.value, let interval = value.interval else { continue }
            let band = Self.edges.lastIndex { policy.effectiveSample >= $0 } ?? 0
            bands[band].intervals += 1
            if interval.contains(truth) { bands[band].held += 1 }
            if truth < interval.low { bands[band].truth_below += 1 }
            if truth > interval.high { bands[band].truth_above += 1 }
            let width = interval.high - interval.low
            if let anytime = value.anytime {
                if anytime.contains(truth) { bands[band].anytime_held += 1 }
                bands[band].anytime_width += (anytime.high - anytime.low) / width
            }
            if let exact = value.anytimeExact {
                if exact.contains(truth) { bands[band].exact_held += 1 }
                bands[band].exact_width += (exact.high - exact.low) / width
            }
            if let difference = report.comparisons[index].difference?.interval {
                bands[band].comparisons += 1
                if difference.contains(truth - logged) { bands[band].comparisons_held += 1 }
            }
        }
    }

    var rows: Rows { Rows(bands: bands, refused: refused) }

    var table: String {
        var table = TextTable([
            ("effective sample", .left), ("intervals", .right), ("hold the truth", .right),
            ("truth below", .right), ("above", .right), ("at any look", .right),
            ("exact", .right), ("widths", .right), ("differences, 99 %", .right),
        ])
        func share(_ part: Int, _ whole: Int) -> String {
            fixed(whole > 0 ? 100 * Double(part) / Double(whole) : nil, 1) + " %"
        }
        for band in bands where band.intervals > 0 {
            let count = Double(band.intervals)
            table.add(
                band.effective_sample, grouped(band.intervals), share(band.held, band.intervals),
                share(band.truth_below, band.intervals), share(band.truth_above, band.intervals),
                share(band.anytime_held, band.intervals), share(band.exact_held, band.intervals),
                "1 : \(fixed(band.anytime_width / count, 2)) : \(fixed(band.exact_width / count, 2))",
                share(band.comparisons_held, band.comparisons))
        }
        let why = refused.sorted { $0.key < $1.key }.map { "\(grouped($0.value)) for \($0.key)" }
        return table.rendered() + "\n\nrefused: "
            + (why.isEmpty ? "none" : why.joined(separator: ", "))
    }
}
