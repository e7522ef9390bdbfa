import ArgumentParser

/// `tidemark bench`: figures of the parts, on this machine.
package struct BenchCommand: ParsableCommand {
    /// One subcommand for each part.
    package static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures the parts on this machine.",
        subcommands: [
            DecodeBench.self, HeadBench.self, EffectBench.self, MarginBench.self,
            DecideBench.self, BudgetBench.self, OpeBench.self, GateBench.self,
            PoisonBench.self,
            ConflictBench.self,
            EncoderBench.self,
            TrainBench.self, StoreBench.self, DelayBench.self, TurnsBench.self,
            PipelineBench.self, SoakBench.self, HTTPBench.self,
        ])

    /// Nothing was given yet.
    package init() {}
}
