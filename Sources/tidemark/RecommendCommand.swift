import ArgumentParser
import Daemon

struct RecommendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recommend",
        abstract: "One decision from any snapshot, with its explanation.",
        discussion: "Nothing is drawn at random: the best discount under the rules is shown.")

    @Option(help: ArgumentHelp("The store.", valueName: "folder"))
    var store: String

    @Option(
        help: ArgumentHelp("Snapshot to ask: an id, a tag, head, head~3, a time.", valueName: "ref")
    )
    var snapshot = "head"

    @Option(help: "The shopper.")
    var user: String

    @Option(help: "The item.")
    var item: String

    @Option(help: "List price; the catalogue's, where it is left out.")
    var price: Double?

    @Option(
        help: ArgumentHelp(
            "Base model; the one of the store's configuration, where it is left out.",
            valueName: "folder"))
    var base: String?

    @Flag(help: "Print the recommendation as JSON.")
    var json = false

    func run() throws {
        try reportingFailures {
            let inquiry = try Inquiry(store: store, snapshot: snapshot, base: base)
            let answer = try inquiry.recommend(userID: user, itemID: item, price: price)
            print(json ? try jsonText(answer) : answer.summary())
        }
    }
}
