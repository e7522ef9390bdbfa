import ArgumentParser
import Daemon
import Engine
import Records
import Terminal

/// `tidemark rank`: the offers worth showing together.
struct RankCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rank",
        abstract:
            "The offers that add most to the margin together, for a shopper or for a segment.",
        discussion: """
            Chosen among the given items; without any among those that the shopper looked at last, items with a \
            text like theirs, and for nobody in particular the items that are looked at most. Rules, budgets and \
            the bounds hold for all of them together. Without --user the answer is for shoppers without a history; \
            --segment makes a table of it for each segment. Nothing is drawn at random.
            """)

    @Option(help: ArgumentHelp("The store.", valueName: "folder"))
    var store: String
    @Option(
        help: ArgumentHelp("Snapshot to ask: an id, a tag, head, head~3, a time.", valueName: "ref")
    )
    var snapshot = "head"
    @Option(help: "The shopper; without one, somebody of whom nothing is known.")
    var user: String?
    @Option(parsing: .singleValue, help: "An item to choose from; may be repeated.")
    var item: [String] = []
    @Option(help: "Offers, at most.")
    var count = 10
    @Option(help: "Offers of one category, at most.")
    var perCategory: Int?
    @Option(help: "Offers of one brand, at most.")
    var perBrand: Int?
    @OptionGroup var base: SnapshotBase
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Circumstances of the visit, as clicks carry them in `context`; may be repeated.",
            valueName: "key=value"))
    var context: [ContextPair] = []
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "One more circumstance, by which a table is made; may be repeated, each is a table of its own.",
            valueName: "key=value"))
    var segment: [ContextPair] = []
    @Flag(help: "Ask for items that are seen and not yet clicked.")
    var view = false
    @Flag(help: "Print JSON: a list with an answer for each segment.")
    var json = false

    private struct Answer: Encodable {
        let segment: String?
        let ranking: Ranking

        func encode(to encoder: any Encoder) throws {
            try ranking.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(segment, forKey: .segment)
        }

        enum CodingKeys: CodingKey { case segment }
    }

    func run() throws {
        try reportingFailures {
            let inquiry = try Inquiry(store: store, snapshot: snapshot, base: base.folder)
            let segments: [ContextPair?] = segment.isEmpty ? [nil] : segment
            let answers = try segments.map { pair in
                let circumstances = (context + [pair].compactMap(\.self)).map(\.circumstance)
                return Answer(
                    segment: pair.map { "\($0.key)=\($0.value)" },
                    ranking: try inquiry.rank(
                        RankingRequest(
                            userID: user, itemIDs: item, count: count, perCategory: perCategory,
                            perBrand: perBrand, context: circumstances, isView: view)))
            }
            if json { return print(try jsonText(answers)) }
            for answer in answers { show(answer) }
        }
    }

    private func show(_ answer: Answer) {
        let ranking = answer.ranking
        if let segment = answer.segment { print(segment.printable) }
        if ranking.holdout { print("this shopper is held out: list prices only") }
        if !ranking.withoutPrice.isEmpty {
            print("without a price: " + ranking.withoutPrice.joined(separator: ", ").printable)
        }
        guard !ranking.offers.isEmpty else {
            return print("No discount of \(ranking.candidates) items is expected to pay.")
        }
        var table = TextTable([
            ("ITEM", .left), ("TITLE", .left), ("LIST", .right), ("PRICE", .right),
            ("OFF", .right), ("CONVERSION", .right), ("ADDS", .right), ("OFFER", .left),
            ("RULES", .left),
        ])
        for offer in ranking.offers {
            table.add(
                offer.itemID.printable, (offer.title ?? "").printable, fixed(offer.listPrice, 2),
                fixed(offer.price, 2), "\(fixed(100 * offer.discount, 1)) %",
                fixed(offer.expectedConversion, 5), fixed(offer.incrementalMargin, 4),
                offer.stands ? "stands" : "new",
                offer.rules.joined(separator: ", "))
        }
        print(table.rendered())
        print("\(ranking.offers.count) of \(ranking.candidates) items.")
    }
}
