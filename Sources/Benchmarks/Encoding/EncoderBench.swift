import ArgumentParser
import Encoder
import Foundation
import Tensor
import Terminal

/// `bench encoder`: how fast texts become vectors, beside the matrix products alone.
struct EncoderBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encoder",
        abstract: "Texts encoded a second, beside the speed of the matrix products alone.",
        discussion: """
            All figures are medians of runs that take turns. "Padded work" is sequences of one \
            length, as a framework without packing computes them; titles are encoded at their own \
            lengths.
            """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var size: BatchOptions

    @Option(help: "Titles to encode as well: a text file, a line each.", completion: .file())
    var titles: String?

    @Flag(help: "Add a row for each elementwise kernel.")
    var kernels = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let base = try model.load()
        var rows = try forwardRows(base)
        if let titles { rows += try titleRows(base, try model.lines(titles)) }
        if kernels { rows += try KernelBench.rows(rounds: size.rounds) }
        print(try json ? jsonText(BenchReport(base, rows)) : BenchReport(base, rows).text)
    }

    private func forwardRows(_ base: BaseModel) throws -> [BenchRow] {
        let sequences = size.sequences(base)
        let encoder = try TextEncoder(
            base: base, adapters: nil, maxTokens: size.tokens, threads: size.threads)
        let ours = try ForwardProducts(base, base.numerics, threads: size.threads)
        let library = try ForwardProducts(base, Numerics.library(), threads: size.threads)
        let seconds = try Measuring.medians(
            [
                TimedCase(name: "ours") { ours.run() },
                TimedCase(name: "library") { library.run() },
                TimedCase(name: "forward") { _ = try encoder.vectors(sequences: sequences) },
            ], rounds: size.rounds)
        let rates = [ours, library].enumerated().map { $1.operations / seconds[$0] * 1e-9 }
        let best = max(rates[0], rates[1])
        let forward = ForwardProducts.operations(base, sequences.map(\.count)) / seconds[2] * 1e-9
        let shape = "\(size.batch) × \(size.tokens) tokens, \(size.threads) threads"
        let products = zip([ours, library], rates).map { products, rate in
            BenchRow(
                name: "matrix products alone", value: rate, unit: "GFLOP/s",
                note: "\(products.platform), the forward pass's shapes")
        }
        return products + [
            BenchRow(
                name: "forward, padded work", value: Double(size.batch) / seconds[2],
                unit: "texts/s", note: shape),
            BenchRow(
                name: "forward, padded work", value: forward, unit: "GFLOP/s",
                note: String(
                    format: "%.1f %% of the faster products alone", 100 * forward / best)),
        ]
    }

    private func titleRows(_ base: BaseModel, _ titles: [String]) throws -> [BenchRow] {
        let some = Array(titles.prefix(2_000))
        let cold = try TextEncoder(base: base, adapters: nil, threads: size.threads)
        let warm = try TextEncoder(
            base: base, adapters: nil, threads: size.threads, prefixCacheBytes: 1 << 30)
        let seconds = try Measuring.medians(
            [
                TimedCase(name: "cold") { _ = try cold.encode(some) },
                TimedCase(name: "warm") { _ = try warm.encode(some) },
            ], rounds: size.rounds)
        let distinct = "\(some.count) titles, \(Set(some).count) distinct"
        return [
            BenchRow(
                name: "titles, packed", value: Double(some.count) / seconds[0], unit: "texts/s",
                note: distinct),
            BenchRow(
                name: "titles, cached", value: Double(some.count) / seconds[1], unit: "texts/s",
                note: "no adapters: the whole encoder is a frozen prefix"),
        ]
    }
}

/// How much a bench does at once.
struct BatchOptions: ParsableArguments {
    @Option(help: "Texts in a batch.")
    var batch = 64

    @Option(help: "Tokens in a text.")
    var tokens = 32

    @Option(help: "Threads.")
    var threads = 2

    @Option(help: "Timed runs of each case; the median counts.")
    var rounds = 9

    func validate() throws {
        guard (1...10_000).contains(batch) else {
            throw ValidationError("--batch must be between 1 and 10000.")
        }
        guard (2...512).contains(tokens) else {
            throw ValidationError("--tokens must be between 2 and 512.")
        }
        guard (1...256).contains(threads) else {
            throw ValidationError("--threads must be between 1 and 256.")
        }
        guard (1...1_000).contains(rounds) else {
            throw ValidationError("--rounds must be between 1 and 1000.")
        }
    }

    /// Sequences of one length, all different, the same at every call.
    func sequences(_ base: BaseModel) -> [[Int32]] {
        var state: UInt64 = 1
        return (0..<batch).map { _ in
            (0..<tokens).map { place in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                if place == 0 { return base.tokenizer.classificationId }
                return Int32(UInt64(base.shape.vocabularySize) * (state >> 40) >> 24)
            }
        }
    }
}

/// What a bench of the encoder prints.
struct BenchReport: Encodable {
    let base: String
    let platform: String
    let kernels: String
    let rows: [BenchRow]

    init(_ model: BaseModel, _ rows: [BenchRow]) {
        base = model.name
        platform = "\(model.numerics.platform)"
        kernels = "\(Kernels.best.level)"
        self.rows = rows
    }

    var text: String {
        "\(base) on \(platform), \(kernels) kernels\n\(BenchRow.table(rows))"
    }
}

/// The matrix products of a forward pass and nothing else: what the hardware and its kernels give.
final class ForwardProducts: Sendable {
    /// Floating-point operations of one run, all threads together.
    let operations: Double
    let platform: NumericPlatform
    private let threads: Int
    private let numerics: Numerics
    /// Each thread's own, so that none waits for another's cache lines.
    private let work: [Work]
    private static let rows = 512
    private static let repeats = 8

    /// One thread's matrices, in one buffer.
    private struct Work {
        let products: [(x: Matrix, w: Multiplier, c: MutableMatrix)]
        let buffer: FloatBuffer
        let padding: FloatBuffer
    }

    init(_ base: BaseModel, _ numerics: Numerics, threads: Int) throws {
        let (hidden, inner) = (base.shape.hiddenSize, base.shape.intermediateSize)
        let shapes = [(hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden)]
        self.threads = threads
        self.numerics = numerics
        platform = numerics.platform
        let once = shapes.reduce(0.0) { $0 + 2 * Double(Self.rows * $1.0 * $1.1) }
        operations = once * Double(Self.repeats * threads)
        work = try (0..<threads).map { _ in try Self.work(numerics, shapes) }
    }

    private static func work(_ numerics: Numerics, _ shapes: [(Int, Int)]) throws -> Work {
        func plan(
            _ arena: inout Arena
        ) -> [(x: MutableMatrix, matrix: MutableMatrix, w: Multiplier, c: MutableMatrix)] {
            shapes.map { inner, columns in
                let matrix = arena.take(columns, inner)
                let w = numerics.place(matrix.read, transposed: true, in: &arena)
                return (arena.take(rows, inner), matrix, w, arena.take(rows, columns))
            }
        }
        var measure = Arena.measuring
        _ = plan(&measure)
        let padding = shapes.map { numerics.paddingFloats(inner: $0.0, columns: $0.1) }.max() ?? 0
        guard let buffer = FloatBuffer(count: measure.used),
            let padding = FloatBuffer(count: padding)
        else { throw ExitStatus.unavailable.failure("the system refuses memory") }
        var arena = Arena(buffer)
        let products = plan(&arena).map { part in
            part.x.fill(0.5)
            part.matrix.fill(0.25)
            numerics.fill(part.w, from: part.matrix.read)
            return (x: part.x.read, w: part.w, c: part.c)
        }
        return Work(products: products, buffer: buffer, padding: padding)
    }

    func run() {
        let (numerics, work) = (numerics, work)
        Measuring.onThreads(threads) { thread in
            let mine = work[thread]
            for _ in 0..<Self.repeats {
                for (x, w, c) in mine.products {
                    numerics.multiplyRows(x, by: w, into: c, padding: mine.padding)
                }
            }
        }
    }

    /// Operations of the products in a forward pass over texts of these lengths.
    static func operations(_ base: BaseModel, _ lengths: [Int]) -> Double {
        let (hidden, inner) = (base.shape.hiddenSize, base.shape.intermediateSize)
        let perToken = 2.0 * Double(4 * hidden * hidden + 2 * hidden * inner)
        return Double(base.layerCount)
            * lengths.reduce(0.0) { sum, tokens in
                sum + Double(tokens) * perToken + 4 * Double(tokens * tokens * hidden)
            }
    }
}
