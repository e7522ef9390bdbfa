import ArgumentParser
import Encoder
import Engine
import Simulator
import Terminal

/// `bench margin`: what the engine's offers earn in a closed loop.
struct MarginBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "margin",
        abstract: "What the offers earn, in worlds whose shoppers answer to them.",
        discussion: """
            The daemon's own step prices simulated visits, in process; shoppers buy or not by what they \
            are offered, and what they do comes back by event time. Each run is held against no \
            discount, each fixed discount (the best in hindsight) and an oracle who knows the truth, all \
            counted in expectation at the same visits.

            Shares are of the oracle's margin over that of no discount; given away is what was lost \
            against no discount. Calibration is over the second half of the visits: what recommendations \
            said over the truth (of discounted ones for incremental margin), and the slope of the truth \
            on it over deciles. Adapters stay as they are.
            """)

    @OptionGroup var model: ModelOptions

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "Visits of a run.")
    var visits = 20_000

    @Option(help: "Event time that they are spread over, in days.")
    var days = 28.0

    @Option(help: "Runs of each world, by seed.")
    var seeds = 3

    @Option(help: "The first seed.")
    var firstSeed: UInt64 = 1

    @Option(
        parsing: .upToNextOption,
        help: "Worlds: sensitive, none, harmful, thresholds, classes, sudden.")
    var worlds: [String] = PriceAnswer.allCases.map(\.rawValue)

    @Option(
        help: """
            Another program that prices the same visits, on the same random numbers: a command that talks \
            as deploy/bench/margin_peer.py does. May be repeated.
            """)
    var peer: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard visits >= 100, seeds >= 1, days > 0 else {
            throw ValidationError(
                "--visits must be 100 or more, --seeds 1 or more, --days above 0.")
        }
        for name in worlds where PriceAnswer(rawValue: name) == nil {
            throw ValidationError("--worlds \(name): there is no such world.")
        }
    }

    func run() throws {
        let base = try model.load()
        let embedding = try BaseEmbedding(base)
        let settings = try options.load()
        var engine = try settings.engine(base)
        engine.refresh.events = 0
        var results: [MarginResult] = []
        for answer in worlds.compactMap(PriceAnswer.init(rawValue:)) {
            for seed in firstSeed..<firstSeed + UInt64(seeds) {
                do {
                    results += try trials(answer, seed, engine, embedding, base)
                } catch let error as PeerError {
                    throw ExitStatus.unavailable.failure(error.description)
                } catch {
                    throw ExitStatus.bug.failure("\(error)")
                }
            }
        }
        print(json ? try jsonText(results) : MarginResult.table(results))
    }

    /// The engine's run, then that of each peer.
    private func trials(
        _ answer: PriceAnswer, _ seed: UInt64, _ engine: EngineConfiguration,
        _ embedding: BaseEmbedding, _ base: BaseModel
    ) throws -> [MarginResult] {
        var configuration = WorldConfiguration(pricing: engine.pricing, answer: answer)
        configuration.changesAtMs = MarginTrial.startMs + Int64(days * 43_200_000)
        let world = try World(seed: seed, configuration: configuration)
        let trial = MarginTrial(world: world, visits: visits, days: days)
        let own = try EnginePricer(world, engine, embedding: embedding, base: base)
        let board = try trial.run(own) { own.isMeasured = $0 }
        var results = [MarginResult(own.name, world, board: board, calibration: own.calibration)]
        for command in peer {
            let other = try PeerPricer(command, world)
            results.append(MarginResult(other.name, world, board: try trial.run(other)))
            other.close()
        }
        return results
    }
}
