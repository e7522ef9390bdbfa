import ArgumentParser
import Encoder
import Foundation
import Tensor

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
        let all = try Trainee(base, layers: 0..<base.layerCount, self)
        let top = try Trainee(base, layers: AdapterConfiguration.topLayers(2, of: base), self)
        var cases = [
            TimedCase(name: "all layers, padded work") { try all.step(sequences) },
            TimedCase(name: "top two layers, padded work") { try top.step(sequences) },
        ]
        if let titles {
            let lines = try model.lines(titles)
            let groups = stride(from: 0, to: min(lines.count, 32 * size.batch), by: size.batch)
                .map { Array(lines[$0..<min($0 + size.batch, lines.count)]) }
            let titled = try Trainee(
                base, layers: AdapterConfiguration.topLayers(2, of: base), self)
            for group in groups { try titled.step(group) }
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

    /// Adapters in training, with everything a step needs.
    private final class Trainee {
        private let encoder: TextEncoder
        private var adapters: Adapters
        private var optimizer: AdamW
        private var gradient: AdapterGradient

        init(_ base: BaseModel, layers: Range<Int>, _ bench: TrainBench) throws {
            adapters = try Adapters(
                configuration: .init(rank: bench.rank, layers: layers), base: base, seed: 1)
            encoder = try TextEncoder(
                base: base, adapters: adapters, maxTokens: 256, threads: bench.size.threads,
                prefixCacheBytes: 1 << 30)
            optimizer = AdamW(.init(), for: adapters)
            gradient = AdapterGradient(adapters)
        }

        func step(_ texts: [String]) throws {
            try unsafe encoder.trainStep(texts: texts, into: &gradient, upstream: Self.pull)
            try finish()
        }

        func step(_ sequences: [[Int32]]) throws {
            gradient = try unsafe encoder.trainStep(sequences: sequences, upstream: Self.pull)
            try finish()
        }

        private func finish() throws {
            optimizer.step(&adapters, gradient)
            try encoder.setAdapters(adapters)
        }

        /// d(loss)/d(vector) of a loss that pulls every vector towards one direction.
        private static func pull(
            _ vectors: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
        ) {
            for index in 0..<gradient.count {
                unsafe gradient[index] = vectors[index] - 0.05 * Float(index % 3 - 1)
            }
        }
    }
}
