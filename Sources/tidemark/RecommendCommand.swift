import ArgumentParser
import Daemon
import Records
import Terminal

struct RecommendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recommend",
        abstract: "Decisions from any snapshot, with their explanation.",
        discussion: """
            Nothing is drawn at random: the best discount under the rules is shown, and what is \
            expected at every depth.

            --questions answers a file of questions, one JSON object a line, as POST \
            /v1/recommend takes them: {"user": "ada", "item": "kettle", "price": 20, "context": \
            {"tier": "gold"}, "view": false}; price, context and view may be left out. The answers \
            are JSON, a line each, in the same order.
            """)

    @Option(help: ArgumentHelp("The store.", valueName: "folder"))
    var store: String

    @Option(
        help: ArgumentHelp("Snapshot to ask: an id, a tag, head, head~3, a time.", valueName: "ref")
    )
    var snapshot = "head"

    @Option(help: "The shopper.")
    var user: String?

    @Option(help: "The item.")
    var item: String?

    @Option(help: "List price; the catalogue's, where it is left out.")
    var price: Double?

    @OptionGroup var base: SnapshotBase

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Circumstances of the visit, as clicks carry them in `context`; may be repeated.",
            valueName: "key=value"))
    var context: [ContextPair] = []

    @Flag(
        help: ArgumentHelp(
            "Ask for an item that is seen and not yet clicked: conversion and margin are those of a view."
        ))
    var view = false

    @Option(
        help: ArgumentHelp(
            "Questions, one a line, instead of --user and --item; - for standard input.",
            valueName: "file"))
    var questions: String?

    @Flag(help: "Print the recommendation as JSON.")
    var json = false

    /// Questions that one look at the store answers; whoever writes them one by one waits for each answer.
    private var chunk: Int { questions == "-" ? 1 : 100 }

    func validate() throws {
        guard questions != nil else {
            guard user != nil, item != nil else {
                throw ValidationError("Give --user and --item, or --questions.")
            }
            return
        }
        guard user == nil, item == nil, price == nil, context.isEmpty, !view else {
            throw ValidationError(
                "With --questions each line says its user, item, price, context and view.")
        }
    }

    func run() throws {
        try reportingFailures {
            let inquiry = try Inquiry(store: store, snapshot: snapshot, base: base.folder)
            if let questions { return try answer(try QuestionFile(questions), inquiry) }
            guard let user, let item else { return }
            let answer = try inquiry.recommend(
                userID: user, itemID: item, price: price,
                context: context.map { ($0.key, $0.value) }, isView: view)
            print(json ? try jsonText(answer) : answer.summary(isView: view))
        }
    }
}

extension RecommendCommand {
    private func answer(_ file: QuestionFile, _ inquiry: Inquiry) throws {
        while true {
            let asked = try file.next(chunk)
            if asked.isEmpty { return }
            for (answer, question) in zip(try inquiry.recommend(asked.map(\.question)), asked) {
                switch answer {
                case .success(let explanation): print(try JSONText.text(explanation))
                case .failure(let error):
                    throw BadLogLine(place: question.place, reason: error.description)
                }
            }
        }
    }
}

/// One entry of a visit's context on the command line.
struct ContextPair: ExpressibleByArgument {
    let key: String
    let value: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else {
            return nil
        }
        key = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }

    var circumstance: Question.Circumstance { Question.Circumstance(key, value) }
}

extension Explanation {
    /// The answer in plain words.
    func summary(isView: Bool) -> String {
        let offer = recommendation
        let name = title.map { "\($0) (\(offer.itemID))" } ?? offer.itemID
        var lines = ["\(name) for \(offer.userID), by snapshot \(offer.snapshot)"]
        if !itemKnown { lines.append("the catalogue does not know this item") }
        if !isLive {
            lines.append("in shadow: no offers on it are made to this shopper (pricing.live)")
        }
        if offer.discount > 0 {
            lines.append(
                "offer \(fixed(100 * offer.discount, 1)) % off: \(fixed(offer.price, 2)) instead of \(fixed(offer.listPrice, 2))"
            )
        } else {
            lines.append("offer no discount: \(fixed(offer.listPrice, 2))")
        }
        if !offer.rules.isEmpty { lines.append("rules: " + offer.rules.joined(separator: ", ")) }
        if offer.holdout { lines.append("this shopper is held out: list prices only") }
        lines.append(
            "expected margin a \(isView ? "view" : "visit") \(fixed(offer.expectedMargin, 4)), of which the discount adds \(fixed(offer.incrementalMargin, 4)); \(fixed(offer.expectedQuantity, 2)) units a purchase"
        )
        lines.append(
            "\(clicks) clicks and \(purchases) purchases known of this shopper"
                + (recentItems.isEmpty
                    ? "" : "; last seen at " + recentItems.joined(separator: ", ")))
        var table = TextTable([
            ("discount", .right), ("conversion", .right), ("sd of the logit", .right),
            ("expected margin", .right),
        ])
        for depth in demand {
            table.add(
                "\(fixed(100 * depth.discount, 0)) %", fixed(depth.conversion, 5),
                fixed(depth.logitDeviation, 2), fixed(depth.margin, 4))
        }
        let reasons = offer.reasons.map { "\(fixed($0.logit, 2))  \($0.name)" }
        return
            (lines.map(\.printable) + ["", table.rendered(), ""] + reasons.map(\.printable))
            .joined(separator: "\n")
    }
}
