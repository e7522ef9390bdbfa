import ArgumentParser
import Daemon
import Records
import SnapshotStore
import Terminal

/// `tidemark shopper`: what is held of one shopper.
struct ShopperCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shopper", abstract: "What is held of one shopper.",
        subcommands: [Show.self, Object.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All that the store holds of a shopper, as JSON.",
            discussion: """
                As of the last commit, also beside a running daemon. An id that was joined to a shopper \
                (identify) shows that shopper, with all further ids. Every row about the shopper is there \
                as the store has it; what it says in words of people stands before. Snapshots have \
                earlier states of the same rows. Topics are not looked at.
                """)

        @Argument(help: "The shopper's id, as events carry it.") var user: String
        @OptionGroup var store: StoreArguments

        func run() throws {
            try store.run(.readOnly) { opened in
                print(try jsonText(try ShopperHoldings(of: user, in: opened)))
            }
        }
    }
}

extension ShopperCommand {
    /// `tidemark shopper object`: no personalised prices from now on.
    struct Object: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Note that a shopper objects to personalised prices.",
            discussion: """
                From now on the shopper is given list prices, for good: also after restarts, rollbacks and an \
                erasure. Offers that stand are ended. An event of type objection does the same. Works on the \
                daemon that has the store open, or with --url on one elsewhere; of several shards each knows \
                its own shoppers.
                """)

        @Argument(help: "The shopper's id, as events carry it.") var user: String
        @Option(help: "Why, for the audit; the shopper's id does not belong there.")
        var reason: String
        @OptionGroup var place: PlaceArguments
        @OptionGroup var audit: AuditArguments

        func run() throws {
            try reportingFailures {
                let request = try ObjectionRequest(userID: user, reason: reason, who: audit.who)
                if let remote = try place.remote() {
                    return try tell(
                        decoded(
                            try remote.post(
                                ["v1", "objections"],
                                ShopperBody(user: user, reason: reason, who: audit.who))))
                }
                guard let daemon = try DaemonConnection(store: place.store.path) else {
                    throw RequestError.noDaemon(store: place.store.path)
                }
                guard case .objected(let outcome) = try daemon.ask(.object(request)) else {
                    throw RequestError.badRequest("the daemon answered something else")
                }
                try tell(outcome)
            }
        }

        private func tell(_ outcome: ObjectionOutcome) throws {
            if place.json { return print(try jsonText(outcome)) }
            let ended =
                outcome.ended == 1 ? "1 offer was ended" : "\(outcome.ended) offers were ended"
            show(
                """
                \(outcome.isNew ? "The objection holds from now on" : "The shopper had objected before"), in commit \
                \(outcome.sequence); \(ended).

                Not reached:
                \(outcome.left.map { "- " + $0 }.joined(separator: "\n"))
                """)
        }
    }
}

/// What `/v1/erase` and `/v1/objections` are asked with.
private struct ShopperBody: Encodable {
    let user: String
    let reason: String
    let who: String
}

/// `tidemark erase`: has the daemon forget a shopper.
struct EraseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase", abstract: "Have the running daemon forget a shopper.",
        discussion: """
            Takes away the shopper's rows and destroys the key that they are sealed under, also in \
            snapshots; events of the shopper up to now are not learned any more. Says what went and what \
            could not be reached. An event of type erase does the same. Works on the daemon that has the \
            store open, or with --url on one elsewhere; of several shards each knows its own shoppers.
            """)

    @Argument(help: "The shopper's id, as events carry it.") var user: String
    @Option(help: "Why, for the audit; the shopper's id does not belong there.") var reason: String
    @OptionGroup var place: PlaceArguments
    @OptionGroup var audit: AuditArguments

    func run() throws {
        try reportingFailures {
            if let remote = try place.remote() {
                return try tell(
                    decoded(
                        try remote.post(
                            ["v1", "erase"], ShopperBody(user: user, reason: reason, who: audit.who)
                        )))
            }
            guard let daemon = try DaemonConnection(store: place.store.path) else {
                throw RequestError.noDaemon(store: place.store.path)
            }
            let store = try SnapshotStore.open(path: place.store.path, mode: .readOnly)
            let request: ErasureRequest
            do {
                request = try ErasureRequest(
                    userID: user, in: store, reason: reason, who: audit.who)
            } catch {
                try store.close()
                throw error
            }
            try store.close()
            guard case .erased(let outcome) = try daemon.ask(.erase(request)) else {
                throw RequestError.badRequest("the daemon answered something else")
            }
            try tell(outcome)
        }
    }

    private func tell(_ outcome: ErasureOutcome) throws {
        if place.json { return print(try jsonText(outcome)) }
        let rows = outcome.gone.reduce(0) { $0 + $1.rows }
        guard rows > 0 else {
            print(
                "Nothing was known of this shopper. Events up to \(Timestamp.text(ms: outcome.throughMs)) are not learned."
            )
            return
        }
        var table = TextTable([("TABLE", .left), ("ROWS", .right), ("BYTES", .right)])
        for count in outcome.gone {
            table.add(count.table, String(count.rows), String(count.bytes))
        }
        show(
            """
            The shopper's key is destroyed, in commit \(outcome.sequence). \(grouped(rows)) rows are gone, and unreadable in \
            \(outcome.snapshots) snapshots. Events up to \(Timestamp.text(ms: outcome.throughMs)) are not learned any more.

            \(table.rendered())

            Not reached:
            \(outcome.left.map { "- " + $0 }.joined(separator: "\n"))
            """)
    }
}
