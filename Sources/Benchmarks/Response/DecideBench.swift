import ArgumentParser
import Engine
import Pricing
import Records
import ResponseModel
import Terminal

/// `bench decide`: how many decisions a second are made, and how many are learned.
struct DecideBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decide",
        abstract: "Decisions a second on one core, and updates with personal answers.",
        discussion: """
            Learns a made-up grocer's stream of own decisions, head and answers to discounts together, \
            and then decides eleven depths for shoppers and items of that stream. Vectors are there; \
            items have their slots. No peer.
            """)

    @Option(help: "How many events are learned, and how many decisions are made.")
    var events = 50_000

    @Option(help: "The seed of the stream.")
    var seed: UInt64 = 1

    @Option(help: "Length of the items' vectors.")
    var dimension = 384

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard events >= 2000 else { throw ValidationError("--events must be 2000 or more.") }
        guard (1...4096).contains(dimension) else {
            throw ValidationError("--dimension must be from 1 to 4096.")
        }
    }

    func run() throws {
        let result: DecideResult
        do { result = try measure() } catch { throw ExitStatus.bug.failure("\(error)") }
        print(json ? try jsonText([result]) : result.table)
    }

    private func measure() throws -> DecideResult {
        var stream = ResponseStream(.grocery, seed: seed, dimension: dimension)
        let examples = (0..<events).map { _ in stream.next() }
        var head = ResponseHead(name: "bench", dimension: dimension)
        var effect = EffectModel(dimension: dimension)
        let learning = try measured {
            for example in examples {
                let exposure = example.exposure
                let isOffer = exposure.discount > 0
                let bare =
                    isOffer ? try head.logit(exposure.at(discount: 0), item: example.item) : nil
                let served = try head.learn(exposure, item: example.item, label: example.label)
                try effect.learn(
                    exposure, item: example.item, label: example.label, served: served.logit,
                    base: bare ?? served.logit, choice: .ours(nil))
            }
        }
        let (known, answers) = (head, effect)
        let policy = try DiscountPolicy(PricingConfiguration())
        let depths = policy.configuration.depths
        var random = SeededRandom(seed: seed)
        var discounted = 0
        let deciding = try measured {
            for example in examples {
                let bare = example.exposure.at(discount: 0)
                let answer = try answers.answer(bare, item: example.item)
                let demand = try answers.demand(
                    bare, item: example.item,
                    base: try known.predict(bare, item: example.item), discounts: depths,
                    answer: answer)
                let decision = try policy.decide(
                    item: ItemOffer(price: bare.price, cost: bare.price * 0.4),
                    demand: demand.map {
                        DemandPoint(depth: $0.discount, probability: $0.probability)
                    }, holdout: false,
                    draws: PricingDraws(explore: random.unit(), depth: random.unit()),
                    unknown: UnknownAnswer(answer))
                if decision.discount > 0 { discounted += 1 }
            }
        }
        let count = Double(events)
        return DecideResult(
            events: events, updates_per_second: count / learning.wall,
            updates_per_cpu_second: count / learning.cpu,
            decisions_per_second: count / deciding.wall,
            decisions_per_cpu_second: count / deciding.cpu,
            discounted: Double(discounted) / count)
    }
}

private struct DecideResult: Encodable {
    let events: Int
    let updates_per_second: Double
    let updates_per_cpu_second: Double
    let decisions_per_second: Double
    let decisions_per_cpu_second: Double
    let discounted: Double

    var table: String {
        var table = TextTable([("", .left), ("a second", .right), ("of processor time", .right)])
        table.add(
            "updates of head and answers", grouped(Int(updates_per_second)),
            grouped(Int(updates_per_cpu_second)))
        table.add(
            "decisions of eleven depths", grouped(Int(decisions_per_second)),
            grouped(Int(decisions_per_cpu_second)))
        return table.rendered()
    }
}
