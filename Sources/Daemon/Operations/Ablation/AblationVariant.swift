import ContinualLearning
import Encoder
import Engine

/// One way of learning that is compared with the others.
struct AblationVariant: Sendable {
    let name: String
    /// What it is, in a line.
    let summary: String
    var usesTexts = true
    /// All phases so far at once, in random order, instead of one after the other.
    var isJoint = false
    let configure: @Sendable (inout EngineConfiguration) -> Void

    /// Those that every ablation has, `default` first, since others are compared with it.
    static let required: [AblationVariant] = [
        AblationVariant(name: "default", summary: "as configured") { _ in },
        AblationVariant(name: "naive", summary: "adapters refreshed without any guard") {
            $0.setGuards([])
        },
        AblationVariant(
            name: "joint", summary: "as configured, on all phases so far, shuffled", isJoint: true
        ) { _ in },
        AblationVariant(name: "frozen", summary: "no refresh: frozen texts") {
            $0.refresh.events = 0
        },
        AblationVariant(
            name: "identities", summary: "no texts at all: identities alone", usesTexts: false
        ) { $0.refresh.events = 0 },
    ]

    /// Adapters of the other kind, in all places where they can be.
    static func otherAdapters(than configured: AdapterConfiguration.Kind) -> AblationVariant {
        let kind: AdapterConfiguration.Kind = configured == .lora ? .houlsby : .lora
        let summary =
            kind == .lora
            ? "as configured, with low-rank adapters (Hu et al. 2021)"
            : "as configured, with bottleneck adapters (Houlsby et al. 2019)"
        return AblationVariant(name: kind.rawValue, summary: summary) {
            $0.adapters = AdapterConfiguration(
                kind: kind, rank: $0.adapters.rank, alpha: $0.adapters.alpha,
                targets: kind.targets, layers: $0.adapters.layers)
        }
    }

    /// Each guard alone, and left out of (or added to) those configured.
    static func guards(_ enabled: Set<Guard>) -> [AblationVariant] {
        Guard.allCases.flatMap { one in
            let isIn = enabled.contains(one)
            return [
                AblationVariant(name: "only-\(one.rawValue)", summary: "\(one.rawValue) alone") {
                    $0.setGuards([one])
                },
                AblationVariant(
                    name: "\(isIn ? "without" : "with")-\(one.rawValue)",
                    summary: "as configured, \(isIn ? "without" : "with") \(one.rawValue)"
                ) { $0.setGuards(isIn ? enabled.subtracting([one]) : enabled.union([one])) },
            ]
        }
    }
}

extension EngineConfiguration {
    /// Puts exactly these guards in force.
    mutating func setGuards(_ guards: Set<Guard>) {
        refresh.guards = guards
        if !guards.contains(.clip) { refresh.optimizer.gradientClip = nil }
    }
}
