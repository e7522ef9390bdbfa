import OffPolicy
import Records
import Testing

@Suite struct DepthKernelTests {
    @Test("a smoothed policy's density has mass 1, at the ends of the range too")
    func mass() throws {
        let kernel = try DepthKernel(bandwidth: 0.1, range: 0...0.5)
        for wanted in [0, 0.03, 0.25, 0.5] {
            let steps = 100_000
            let sum = (0..<steps).reduce(0.0) {
                $0 + kernel.density((Double($1) + 0.5) / Double(steps), wanted: wanted)
            }
            #expect(abs(sum / Double(steps) - 1) < 1e-3, "\(wanted): \(sum / Double(steps))")
        }
    }

    @Test(
        "over a grid the probabilities sum to 1, are largest near what is wanted, and none is far")
    func grid() throws {
        let kernel = try DepthKernel(bandwidth: 0.08)
        let depths = [0, 0.05, 0.1, 0.15, 0.2, 0.4]
        let shares = try #require(kernel.probabilities(wanted: 0.12, of: depths))
        #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
        #expect(shares[2] > shares[3] && shares[3] > shares[1] && shares[1] > 0)
        #expect(shares[0] == 0 && shares[4] == 0 && shares[5] == 0)
        #expect(kernel.probabilities(wanted: 0.3, of: depths) == nil)
    }

    @Test(
        "kernel DR finds the value of a depth that was drawn from a density, within bias and chance"
    )
    func continuous() throws {
        var random = SeededRandom(seed: 7)
        let kernel = try DepthKernel(bandwidth: 0.06, range: 0...0.5)
        var evaluation = OffPolicyEvaluation(policies: ["fixed:0.23"])
        // Sales rise with depth, margin falls: 0.4 + d sold at a margin of 1 - d.
        func value(_ depth: Double) -> Double { (0.4 + depth) * (1 - depth) }
        for number in 0..<40_000 {
            let depth = 0.5 * random.unit()
            let sold = random.unit() < 0.4 + depth
            let reward = sold ? 1 - depth : 0
            let term = try kernel.term(
                depth: depth, density: 2, wanted: 0.23, prediction: { 0.3 * (1 - $0) })
            let row = LoggedDecision(
                shopper: "u\(number)",
                actions: [.init(label: 0, propensity: 0.02, prediction: 0.3 * (1 - depth))],
                delivered: 0, reward: reward)
            try evaluation.observe(row, terms: [term])
        }
        let policy = evaluation.report().policies[0]
        let found = try #require(policy.value)
        #expect(abs(policy.meanWeight - 1) < 0.05)
        #expect(abs(found.mean - value(0.23)) < 0.02, "\(found.mean) for \(value(0.23))")
        let interval = try #require(found.interval)
        #expect(interval.high - interval.low < 0.05)
    }

    @Test("a bandwidth and a density must be above 0")
    func bad() throws {
        #expect(throws: OffPolicyError.self) { try DepthKernel(bandwidth: 0) }
        let kernel = try DepthKernel(bandwidth: 0.1)
        #expect(throws: OffPolicyError.self) {
            try kernel.term(depth: 0.1, density: 0, wanted: 0.1, prediction: { _ in 0 })
        }
    }
}
