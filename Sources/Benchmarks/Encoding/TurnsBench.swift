import ArgumentParser
import ContinualLearning
import Encoder
import Foundation
import Records
import Tensor
import Terminal

/// `bench turns`: the encoder's cases one at a time, so that another program can take turns.
struct TurnsBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "turns",
        abstract: "Runs one timed case for each line it reads: deploy/bench/peers takes turns so.",
        discussion: """
            Reads the names of cases, a line each, from standard input: warm, products, library, \
            forward, train_all, train_top, titles, refresh. Answers each with a line of JSON: the seconds it \
            took and, for training, the loss. The plan is a JSON object: base, threads, sequences \
            (of token ids), batches (of titles), adapters_all and adapters_top (folders in PEFT's \
            layout). Training is AdamW at its defaults on half the squared distance of the vectors \
            from (-0.05, 0, 0.05, …); a refresh is all of a refresh's training: both encodings of \
            the plan's texts, the text weights and the passes.
            """,
        shouldDisplay: false)

    @Argument(help: "The file with the plan.", completion: .file())
    var plan: String

    func run() throws {
        try reportingFailures {
            let data = try Data(contentsOf: URL(fileURLWithPath: plan))
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let cases = try TurnsCases(try decoder.decode(TurnsPlan.self, from: data))
            while let name = readLine() {
                guard let turn = try cases.run(name) else {
                    throw ExitStatus.usage.failure("there is no case '\(name)'")
                }
                let line = try JSONText.text(turn) + "\n"
                FileHandle.standardOutput.write(Data(line.utf8))
            }
        }
    }
}

/// What both sides compute with.
struct TurnsPlan: Decodable {
    let base: String
    let threads: Int
    let sequences: [[Int32]]
    let batches: [[String]]
    let adaptersAll: String
    let adaptersTop: String
    let refresh: Refresh?

    /// Texts with their counts, in the order in which they came, and what is trained on them.
    struct Refresh: Decodable {
        let adapters: String
        let learningRate: Double
        let texts: [String]
        let trials: [Double]
        let positives: [Double]
        let bornHours: [Double]
        let passes: Int
        let chunk: Int
    }
}

/// One run of a case.
struct Turn: Encodable {
    var seconds = 0.0
    var loss: Double?
    var gflops: Double?
}

private final class TurnsCases {
    private let plan: TurnsPlan
    private let base: BaseModel
    private let encoder: TextEncoder
    private let products, library: ForwardProducts
    private let all, top, titled: Trainee
    private var nextBatch = 0

    init(_ plan: TurnsPlan) throws {
        self.plan = plan
        base = try BaseModel.load(directory: plan.base)
        encoder = try TextEncoder(base: base, adapters: nil, threads: plan.threads)
        products = try ForwardProducts(base, base.numerics, threads: plan.threads)
        library = try ForwardProducts(base, Numerics.library(), threads: plan.threads)
        let allLayers = try Adapters.load(directory: plan.adaptersAll, base: base)
        let topLayers = try Adapters.load(directory: plan.adaptersTop, base: base)
        all = try Trainee(base, allLayers, threads: plan.threads)
        top = try Trainee(base, topLayers, threads: plan.threads)
        titled = try Trainee(base, topLayers, threads: plan.threads)
    }

    /// - Returns: `nil` for a name it does not know.
    func run(_ name: String) throws -> Turn? {
        switch name {
        case "warm":
            return try timed { _ in for batch in plan.batches { try titled.warm(batch) } }
        case "products": return try timed { $0.gflops = run(products) }
        case "library": return try timed { $0.gflops = run(library) }
        case "forward":
            return try timed { _ in _ = try encoder.vectors(sequences: plan.sequences) }
        case "train_all": return try timed { $0.loss = try all.step(plan.sequences) }
        case "train_top": return try timed { $0.loss = try top.step(plan.sequences) }
        case "titles":
            let batch = plan.batches[nextBatch % plan.batches.count]
            nextBatch += 1
            return try timed { $0.loss = try titled.step(batch) }
        case "refresh":
            guard let texts = plan.refresh else { return nil }
            return try refresh(texts)
        default: return nil
        }
    }

    /// The loss is that of the texts under the adapters that came out, which takes no part in the time.
    private func refresh(_ texts: TurnsPlan.Refresh) throws -> Turn {
        let evidence = texts.texts.indices.map {
            TextEvidence(
                text: texts.texts[$0], trials: texts.trials[$0], positives: texts.positives[$0],
                bornHours: texts.bornHours[$0])
        }
        var configuration = RefreshConfiguration(epochs: texts.passes, batchTexts: texts.chunk)
        configuration.folds = 1
        configuration.guards = [.clip]
        let adapters = try Adapters.load(directory: texts.adapters, base: base)
        let job = RefreshJob(
            evidence: evidence,
            start: RefreshStart(
                adapters: adapters,
                optimizer: AdamW(.init(learningRate: texts.learningRate), for: adapters)),
            seed: 1, configuration: configuration)
        var result: RefreshResult?
        var turn = try timed { _ in
            result = try job.run(
                base: base, maxTokens: base.maxTokens, threads: plan.threads,
                prefixCacheBytes: 1 << 30, isCancelled: { false })
        }
        guard let vectors = result?.vectors else { return turn }
        turn.loss = try TextRegression.loss(
            evidence, vectors: evidence.map { vectors[$0.text] ?? [] }, chunk: texts.chunk,
            prior: configuration.prior)
        return turn
    }

    /// Runs products; the operations go where the rate will be.
    private func run(_ products: ForwardProducts) -> Double {
        products.run()
        return products.operations * 1e-9
    }

    private func timed(_ body: (inout Turn) throws -> Void) throws -> Turn {
        var turn = Turn()
        let clock = ContinuousClock()
        let start = clock.now
        try body(&turn)
        turn.seconds = (clock.now - start).inSeconds
        turn.gflops = turn.gflops.map { $0 / turn.seconds }
        return turn
    }
}
