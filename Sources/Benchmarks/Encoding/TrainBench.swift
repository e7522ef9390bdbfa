import ArgumentParser
import Encoder
import Foundation
import Tensor
import Terminal

/// `bench train`: how fast LoRA trains, on all layers and on the top ones with a warm cache.
struct TrainBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "LoRA training steps: texts a second.",
        discussion: """
            A step is forward, a loss's gradient, backward and AdamW, with LoRA of the given rank on \
            query and value. All figures are medians of runs that take turns.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var size: BatchOptions

    @Option(help: "LoRA's rank.")
    var rank = 8

    @Option(help: "Titles to train on as well: a text file, a line each.", completion: .file())
    var titles: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...256).contains(rank) else {
            throw ValidationError("--rank must be between 1 and 256.")
        }
    }

    func run() throws {
        let base = try model.load()
        let report = BenchReport(base, try rows(base))
        print(try json ? jsonText(report) : report.text)
    }

    private func rows(_ base: BaseModel) throws -> [BenchRow] {
        let sequences = size.sequences(base)
        let all = try trainee(base, layers: 0..<base.layerCount)
        let top = try trainee(base, layers: AdapterConfiguration.topLayers(2, of: base))
        var cases = [
            TimedCase(name: "all layers, padded work") { try all.step(sequences) },
            TimedCase(name: "top two layers, padded work") { try top.step(sequences) },
        ]
        if let titles {
            let lines = try model.lines(titles)
            let groups = stride(from: 0, to: min(lines.count, 32 * size.batch), by: size.batch)
                .map { Array(lines[$0..<min($0 + size.batch, lines.count)]) }
            let titled = try trainee(base, layers: AdapterConfiguration.topLayers(2, of: base))
            for group in groups { try titled.warm(group) }
            var next = 0
            cases.append(
                TimedCase(name: "top two layers, titles") {
                    // As many texts as the other cases have, so that the rates compare.
                    try titled.step(groups[next % groups.count])
                    next += 1
                })
        }
        let seconds = try Measuring.medians(cases, rounds: size.rounds)
        return zip(cases, seconds).map { timed, time in
            BenchRow(
                name: "LoRA step, " + timed.name, value: Double(size.batch) / time,
                unit: "texts/s",
                note: timed.name.hasSuffix("titles")
                    ? "packed, prefix cache warm, \(size.threads) threads"
                    : "\(size.batch) × \(size.tokens) tokens, \(size.threads) threads")
        }
    }

    private func trainee(_ base: BaseModel, layers: Range<Int>) throws -> Trainee {
        let adapters = try Adapters(
            configuration: .init(rank: rank, layers: layers), base: base, seed: 1)
        return try Trainee(base, adapters, threads: size.threads)
    }
}
