import ArgumentParser
import ContinualLearning
import Foundation
import Records
import Terminal

/// `bench gate`: how often the gate of a refresh is wrong, and how soon it is right.
struct GateBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "Wrong rejections, power and time to promotion of the gate of a refresh.",
        discussion: """
            Each gate judges one candidate on a stream of its own, at the examples at which the daemon \
            asks: after lora.judge_events, then at twice as many each time. Served model and candidate \
            are off the truth by errors of the same size; a harmed candidate is off by more in one slice \
            of five, so that this slice's log-loss is larger by the given share.
            """)

    @Option(help: "Gates of each kind.")
    var gates = 500

    @Option(help: "Fresh examples at which a candidate is first judged.")
    var judgeEvents = 2_000

    @Option(help: "Users whose examples go together.")
    var users = 20_000

    @Option(help: "The first stream's seed.")
    var seed: UInt64 = 1

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard gates >= 10, judgeEvents >= 500, users >= 30 else {
            throw ValidationError("--gates from 10, --judge-events from 500, --users from 30.")
        }
    }

    func run() throws {
        let results = [0, 0.01, 0.02, 0.05].map { harm in
            let stream = GateTrial(harm: harm, judgeEvents: judgeEvents, users: users)
            return GateRates(
                harm: harm, (0..<UInt64(gates)).map { stream.run(seed: seed &+ $0 &* 7919) })
        }
        print(json ? try jsonText(results) : GateRates.table(results))
    }
}

/// Candidates of one kind.
struct GateTrial {
    private static let slices = (0..<5).map { "slice \($0)" }
    private static let error = 0.1
    let judgeEvents: Int
    let users: Int
    /// Added to the candidate's logit in the first slice.
    private let bias: Double

    struct Verdict {
        let outcome: RefreshGate.Outcome
        let slice: String?
        let examples: Int
        let atBound: Bool
    }

    init(harm: Double, judgeEvents: Int, users: Int) {
        self.judgeEvents = judgeEvents
        self.users = users
        // Loss grows with the bias, so that the one of the wanted harm is found by halving.
        let plain = Self.expectedLoss(bias: 0)
        var (low, high) = (0.0, 4.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if Self.expectedLoss(bias: middle) < plain * (1 + harm) {
                low = middle
            } else {
                high = middle
            }
        }
        bias = harm == 0 ? 0 : low
    }

    /// Mean log-loss of a model whose logit is off by `bias` and noise, over the truths there are.
    private static func expectedLoss(bias: Double) -> Double {
        var sum = 0.0
        var mass = 0.0
        for place in -40...40 {
            let u = Double(place) / 10
            let truth = -2 + 0.7 * u
            for noise in [-1.732, 0, 1.732] {
                let weight = exp(-u * u / 2) * (noise == 0 ? 2.0 / 3 : 1.0 / 6)
                let logit = truth + bias + error * noise
                let p = 1 / (1 + exp(-truth))
                sum += weight * (log(1 + exp(logit)) - p * logit)
                mass += weight
            }
        }
        return sum / mass
    }

    func run(seed: UInt64) -> Verdict {
        var random = SeededRandom(seed: StableHash.of("gate", seed: seed))
        var gate = RefreshGate(slices: Self.slices)
        var judgeAt = judgeEvents
        while true {
            let user = random.next() % UInt64(users)
            let slice = Int(random.next() % UInt64(Self.slices.count))
            let truth = -2 + 0.7 * random.normal()
            gate.observe(
                served: truth + Self.error * random.normal(),
                candidate: truth + Self.error * random.normal() + (slice == 0 ? bias : 0),
                label: random.unit() < 1 / (1 + exp(-truth)), user: "\(user)",
                slices: [Self.slices[slice]])
            guard gate.examples >= judgeAt else { continue }
            let verdict = gate.verdict()
            if verdict.outcome != .wait {
                return Verdict(
                    outcome: verdict.outcome, slice: verdict.slice, examples: gate.examples,
                    atBound: verdict.atBound)
            }
            judgeAt *= 2
        }
    }
}

struct GateRates: Encodable {
    let harm: Double
    let gates: Int
    let promoted: Int
    let rejected: Int
    /// Rejected by evidence of harm, not for want of evidence of none.
    let rejectedByEvidence: Int
    /// Upper bound of the rate of rejections by evidence, at 95 %.
    let rejectedUpperBound: Double
    /// Upper bound of the rate of promotions, at 95 %.
    let promotedUpperBound: Double
    /// Of those rejected by evidence, how many name the harmed slice.
    let namedSlice: Int
    let medianExamples: Int

    init(harm: Double, _ verdicts: [GateTrial.Verdict]) {
        self.harm = harm
        gates = verdicts.count
        let rejections = verdicts.filter { $0.outcome == .reject }
        let evident = rejections.filter { !$0.atBound }
        promoted = verdicts.count - rejections.count
        rejected = rejections.count
        rejectedByEvidence = evident.count
        rejectedUpperBound = Self.upperBound(evident.count, of: verdicts.count)
        promotedUpperBound = Self.upperBound(promoted, of: verdicts.count)
        namedSlice = evident.count { $0.slice == "slice 0" }
        medianExamples = verdicts.map(\.examples).sorted()[verdicts.count / 2]
    }

    /// Clopper and Pearson's one-sided 95 % bound.
    private static func upperBound(_ hits: Int, of count: Int) -> Double {
        guard hits < count else { return 1 }
        func atMost(_ rate: Double) -> Double {
            var term = pow(1 - rate, Double(count))
            var sum = term
            for k in 0..<hits {
                term *= Double(count - k) / Double(k + 1) * rate / (1 - rate)
                sum += term
            }
            return sum
        }
        var (low, high) = (Double(hits) / Double(count), 1.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if atMost(middle) > 0.05 { low = middle } else { high = middle }
        }
        return high
    }

    static func table(_ results: [GateRates]) -> String {
        var table = TextTable([
            ("harm of one slice", .left), ("gates", .right), ("promoted", .right),
            ("at most", .right), ("rejected", .right), ("by evidence", .right),
            ("at most", .right), ("naming the slice", .right), ("examples, median", .right),
        ])
        for result in results {
            table.add(
                result.harm == 0 ? "none" : "\(fixed(100 * result.harm, 0)) % of its log-loss",
                "\(result.gates)", "\(result.promoted)",
                fixed(100 * result.promotedUpperBound, 1) + " %", "\(result.rejected)",
                "\(result.rejectedByEvidence)", fixed(100 * result.rejectedUpperBound, 1) + " %",
                result.harm == 0 ? "–" : "\(result.namedSlice)", grouped(result.medianExamples))
        }
        return table.rendered() + "\n\"At most\": upper bound of the rate, at 95 %."
    }
}
