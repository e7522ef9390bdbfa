import ContinualLearning
import Foundation
import Records
import Testing

/// A stream of examples that a served and a candidate model predict, both off the truth by errors
/// of the same size, the candidate by more in one slice.
struct GateStream {
    var slices = 5
    var examples = 5_000
    /// Spread of both models' errors.
    var error = 0.1
    /// How many users there are, and how much each of them likes the one model better.
    var users = 100_000
    var userSpread = 0.0
    /// Added to the candidate's logit in slice 0.
    var bias = 0.0
    /// Added to the candidate's logit everywhere.
    var biasEverywhere = 0.0

    /// The first verdict that is not "wait", asking every 100 examples.
    func run(seed: UInt64, configuration: RefreshGate.Configuration) -> (RefreshGate.Verdict, Int) {
        var random = SeededRandom(seed: seed)
        var gate = RefreshGate(
            slices: (0..<slices).map { "slice \($0)" }, configuration: configuration)
        var taste: [UInt64: Double] = [:]
        for number in 1...examples {
            let user = random.next() % UInt64(users)
            let slice = Int(random.next() % UInt64(slices))
            let truth = -2 + 0.7 * random.normal()
            let label = random.unit() < 1 / (1 + exp(-truth))
            let likes = taste[user] ?? userSpread * random.normal()
            taste[user] = likes
            let candidate = truth + error * random.normal() + biasEverywhere
            gate.observe(
                served: truth + error * random.normal() + likes,
                candidate: candidate + (slice == 0 ? bias : 0) - likes, label: label,
                user: "\(user)", slices: ["slice \(slice)"])
            if number % 100 == 0 {
                let verdict = gate.verdict()
                if verdict.outcome != .wait { return (verdict, number) }
            }
        }
        return (gate.verdict(), examples)
    }
}

@Suite("Refresh gate")
struct RefreshGateTests {
    let patient = RefreshGate.Configuration(examplesMax: .max)

    @Test(
        "of candidates as good as what is served hardly any is rejected, and most are promoted",
        arguments: [
            GateStream(error: 0.05), GateStream(examples: 3_000, users: 300, userSpread: 0.2),
        ])
    func clean(_ stream: GateStream) {
        let verdicts = (0..<100).map { stream.run(seed: $0, configuration: patient).0 }
        let rejected = verdicts.count { $0.outcome == .reject }
        let promoted = verdicts.count { $0.outcome == .promote }
        #expect(rejected <= 2, "\(rejected) of 100 rejected")
        if stream.userSpread == 0 { #expect(promoted > 90, "\(promoted) of 100 promoted") }
    }

    // A bias of 0.65 costs 5 to 6 % of the log-loss here.

    @Test("harm of 5 % on one slice is caught, named, and never promoted")
    func harmOnSlice() {
        var examples = 0
        var named = 0
        for seed in 0..<20 as Range<UInt64> {
            let (verdict, number) = GateStream(examples: 20_000, bias: 0.65).run(
                seed: seed, configuration: patient)
            #expect(verdict.outcome == .reject, "seed \(seed)")
            #expect(verdict.slice == "slice 0" || verdict.slice == "all", "seed \(seed)")
            if verdict.slice == "slice 0" { named += 1 }
            examples += number
        }
        #expect(named >= 18, "the slice was named in \(named) of 20")
        #expect(examples / 20 < 8_000, "on average after \(examples / 20) examples")
    }

    @Test("harm of 5 % over everything is caught within a few thousand examples")
    func harmEverywhere() {
        for seed in 0..<20 as Range<UInt64> {
            let (verdict, number) = GateStream(biasEverywhere: 0.65).run(
                seed: seed, configuration: patient)
            #expect(verdict.outcome == .reject, "seed \(seed)")
            #expect(number < 5_000, "seed \(seed)")
        }
    }

    @Test("when the evidence runs out the configured verdict holds")
    func bound() {
        let stream = GateStream(slices: 1, examples: 400, users: 1_000)
        for bound in RefreshGate.BoundVerdict.allCases {
            for seed in 0..<10 as Range<UInt64> {
                let verdict = stream.run(
                    seed: seed,
                    configuration: .init(
                        margin: 1e-5, examplesMin: 100, examplesMax: 400, atBound: bound)
                ).0
                #expect(verdict.atBound && verdict.outcome != .wait)
                let harm = verdict.evidence[0].harm ?? .nan
                switch bound {
                case .promote: #expect(verdict.outcome == .promote)
                case .reject: #expect(verdict.outcome == .reject)
                case .better: #expect((verdict.outcome == .promote) == (harm <= 0))
                }
            }
        }
    }

    @Test("with no evidence to come, what is better over all but worse in a slice is given up")
    func lastLookSlice() {
        var random = SeededRandom(seed: 11)
        var gate = RefreshGate(slices: ["small"])
        for number in 0..<4_000 {
            let truth = random.normal()
            let label = random.unit() < stableLogistic(truth)
            let isSmall = number % 8 == 0
            gate.observe(
                served: isSmall ? truth : truth / 2, candidate: isSmall ? truth / 2 : truth,
                label: label, user: "\(number)", slices: isSmall ? ["small"] : [])
        }
        #expect(gate.verdict(isLast: true).outcome == .reject)
    }

    @Test("with no evidence to come, the clearly better is promoted, and of equals one in twenty")
    func lastLook() {
        var promoted = (better: 0, equal: 0)
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var better = RefreshGate(slices: [])
            var equal = RefreshGate(slices: [])
            for number in 0..<800 {
                let truth = random.normal()
                let label = random.unit() < stableLogistic(truth)
                // Served knows half of the truth; the one knows all of it, the other is served with noise.
                better.observe(
                    served: truth / 2, candidate: truth, label: label, user: "\(number)", slices: []
                )
                equal.observe(
                    served: truth + 0.3, candidate: truth - 0.3, label: label, user: "\(number)",
                    slices: [])
            }
            if better.verdict(isLast: true).outcome == .promote { promoted.better += 1 }
            if equal.verdict(isLast: true).outcome == .promote { promoted.equal += 1 }
        }
        #expect(promoted.better > 180)
        #expect((2...22).contains(promoted.equal))
    }

    @Test("the bounds shrink to the harm there is, which is the difference of the log-losses")
    func harm() throws {
        var gate = RefreshGate(slices: [])
        var random = SeededRandom(seed: 2)
        var (served, candidate) = (0.0, 0.0)
        for number in 0..<20_000 {
            let label = random.unit() < 0.2
            gate.observe(
                served: -1.4, candidate: -1, label: label, weight: 2, user: "\(number)", slices: [])
            served += log1p(exp(label ? 1.4 : -1.4))
            candidate += log1p(exp(label ? 1 : -1))
        }
        let all = try #require(gate.verdict().evidence.first)
        let truth = candidate / served - 1
        #expect(abs(try #require(all.harm) - truth) < 1e-9)
        let (lower, upper) = (try #require(all.lower), try #require(all.upper))
        #expect(lower < truth && truth < upper && upper - lower < 0.03)
        #expect(all.examples == 20_000 && all.users == 20_000)
    }

    @Test("what the candidate cannot predict speaks against it; unusable rows do not count")
    func nonFinite() {
        var gate = RefreshGate(slices: [])
        for number in 0..<2_000 {
            gate.observe(
                served: -1, candidate: number % 10 == 0 ? .nan : -1, label: number % 4 == 0,
                user: "\(number)", slices: [])
            gate.observe(served: .nan, candidate: -1, label: true, user: "x", slices: [])
            gate.observe(served: 1, candidate: 1, label: true, weight: .nan, user: "x", slices: [])
        }
        #expect(gate.examples == 2_000)
        #expect(gate.verdict().outcome == .reject)
    }

    @Test("a gate goes on from its bytes; damaged ones are refused")
    func bytes() throws {
        var gate = RefreshGate(slices: ["a", "b", "a"], candidate: 2)
        var random = SeededRandom(seed: 8)
        func feed(_ gate: inout RefreshGate, _ random: inout SeededRandom, _ count: Int) {
            for _ in 0..<count {
                let served = random.normal() - 2
                gate.observe(
                    served: served, candidate: served + 0.1 * random.normal(),
                    label: random.unit() < 0.1, user: "\(random.next() % 300)",
                    slices: [["a"], ["b"], ["a", "b", "c"]][Int(random.next() % 3)])
            }
        }
        feed(&gate, &random, 1_000)
        var twin = try RefreshGate(bytes: gate.bytes)
        var randomToo = random
        feed(&gate, &random, 1_000)
        feed(&twin, &randomToo, 1_000)
        #expect(gate.verdict() == twin.verdict())
        #expect(gate.bytes == twin.bytes)
        #expect(gate.verdict().evidence.map(\.slice) == ["all", "a", "b"])
        #expect(throws: ByteCodingError.self) {
            try RefreshGate(bytes: Array(gate.bytes.dropLast()))
        }
        #expect(throws: ByteCodingError.self) { try RefreshGate(bytes: [2] + gate.bytes) }
    }
}
