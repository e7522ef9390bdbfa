import Events
import Foundation
import Pricing
import Simulator
import Terminal

/// Another program that prices the visits of a trial, over its standard input and output.
///
/// A JSON object a line: it is asked with `decide` (visits), `depths` and `learn` (visits whose outcome is
/// known by now), and answers with `actions`, an index of `depths` for each visit. It is told of a visit
/// half a day of event time after it, when nobody buys any more.
final class PeerPricer: VisitPricer {
    let name: String
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var received = Data()
    private let policy: DiscountPolicy
    private let items: [String: CatalogueItem]
    /// Visits whose outcome is open, in the order of their time.
    private var open: [(id: String, tsMs: Int64, gain: Double)] = []
    private var units: [String: Int] = [:]

    /// The longest that a shopper takes to buy.
    private static let outcomeMs: Int64 = 43_200_000

    private struct Visit: Encodable {
        let id: String
        let user: String
        let item: String
        let title: String
        let category: String
        let brand: String
        let price: Double
        let cost: Double?
        let context: [String: String]
    }

    private struct Outcome: Encodable {
        let id: String
        /// Margin of what was bought. Units: the shop's currency.
        let margin: Double
        let units: Int
    }

    private struct Question: Encodable {
        let learn: [Outcome]
        let decide: [Visit]
        let depths: [Double]
    }

    private struct Reply: Decodable {
        let actions: [Int]
    }

    /// - Parameter command: words, separated by spaces; the first is a program.
    init(_ command: String, _ world: World) throws {
        name = command.split(separator: " ").suffix(1).joined()
        policy = try DiscountPolicy(world.configuration.pricing)
        items = Dictionary(uniqueKeysWithValues: world.items.map { ($0.id, $0) })
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command.split(separator: " ").map(String.init)
        process.standardInput = input
        process.standardOutput = output
        // A peer that has ended is an error to tell, not a signal to die of.
        _ = signal(SIGPIPE, SIG_IGN)
        do { try process.run() } catch {
            throw PeerError(command: command, reason: "it cannot be started: \(error)")
        }
    }

    func close() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func price(_ events: [Event]) throws -> [ReceivedOffer] {
        var clicks: [(event: Event, offer: Event.Offer, item: CatalogueItem)] = []
        for event in events {
            switch event.body {
            case .purchase(let purchase):
                if let id = purchase.offer.recommendationID { units[id] = Int(purchase.quantity) }
            case .click(let offer):
                if let item = items[offer.itemID] { clicks.append((event, offer, item)) }
            default: break
            }
        }
        guard let last = clicks.last else { return [] }
        let depths = policy.configuration.depths
        let answer = try ask(
            Question(
                learn: settled(by: last.event.tsMs),
                decide: clicks.map { visit($0.event, $0.offer, $0.item) }, depths: depths))
        guard answer.actions.count == clicks.count,
            answer.actions.allSatisfy(depths.indices.contains)
        else { throw PeerError(command: name, reason: "it answered other visits than asked") }
        return try zip(clicks, answer.actions).compactMap { click, action in
            // It keeps to the shop's rules as everybody does.
            let price = try policy.delivered(depth: depths[action], item: click.item.offer)
            open.append((click.event.eventID, click.event.tsMs, price.price - click.item.cost))
            return ReceivedOffer(
                recommendationID: click.event.eventID, userID: click.offer.userID,
                itemID: click.offer.itemID, discount: price.discount, price: price.price,
                expiresAtMs: click.event.tsMs)
        }
    }

    private func visit(_ event: Event, _ offer: Event.Offer, _ item: CatalogueItem) -> Visit {
        var context: [String: String] = [:]
        for entry in offer.context {
            if case .text(let text) = entry.value { context[entry.key] = text }
        }
        return Visit(
            id: event.eventID, user: offer.userID, item: offer.itemID, title: item.title,
            category: item.category, brand: item.brand, price: item.price,
            cost: item.costIsKnown ? item.cost : nil, context: context)
    }

    /// What came of the visits that nobody will buy after any more.
    private func settled(by nowMs: Int64) -> [Outcome] {
        let due = open.prefix { $0.tsMs + Self.outcomeMs <= nowMs }
        open.removeFirst(due.count)
        return due.map { visit in
            let bought = units.removeValue(forKey: visit.id) ?? 0
            return Outcome(id: visit.id, margin: Double(bought) * visit.gain, units: bought)
        }
    }

    private func ask(_ question: Question) throws -> Reply {
        do {
            try input.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(question) + [10])
            while true {
                if let end = received.firstIndex(of: 10) {
                    defer { received = Data(received[(end + 1)...]) }
                    return try JSONDecoder().decode(Reply.self, from: received[..<end])
                }
                let more = output.fileHandleForReading.availableData
                if more.isEmpty { throw PeerError(command: name, reason: "it has ended") }
                received.append(more)
            }
        } catch let error as PeerError {
            throw error
        } catch {
            throw PeerError(command: name, reason: "\(error)")
        }
    }
}

/// A peer that does not do what is asked.
struct PeerError: Error, CustomStringConvertible {
    let command: String
    let reason: String

    var description: String { "peer '\(command)': \(reason)" }
}
