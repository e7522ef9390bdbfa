import ArgumentParser
import Daemon
import Records
import Terminal

/// `tidemark approvals`: what waits for a person's word.
struct ApprovalsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvals",
        abstract: "Items whose deep discounts wait for a person's word, and what was said.",
        discussion: """
            Discounts deeper than pricing.approve_above, or that give away more than \
            pricing.approve_above_amount, are not offered before 'tidemark approve' says so. The most that \
            waiting costs comes first. As of the last commit.
            """)

    @OptionGroup var place: PlaceArguments

    func run() throws {
        try reportingFailures {
            if let remote = try place.remote() {
                return try tell(decoded(try remote.get(["v1", "approvals"])))
            }
            try place.store.run(.readOnly) { try tell(ApprovalView(of: $0)) }
        }
    }

    private func tell(_ view: ApprovalView) throws {
        if place.json { return print(try jsonText(view)) }
        guard !view.approvals.isEmpty else { return print("Nothing waits for approval.") }
        var table = TextTable([
            ("ITEM", .left), ("TITLE", .left), ("WISHED", .right), ("DECISIONS", .right),
            ("MARGIN", .right), ("SAID", .left),
        ])
        for entry in view.approvals {
            table.add(
                entry.itemID, entry.title ?? "",
                entry.wish.map { share($0.discount) } ?? "",
                entry.wish.map { grouped(Int($0.decisions)) } ?? "",
                entry.wish.map { fixed($0.incrementalMargin, 2) } ?? "",
                entry.answer.map(Self.text) ?? "")
        }
        print(table.rendered())
        print("\(view.waiting) of at most \(view.waitingMax) wait.")
    }

    static func text(_ answer: ApprovalView.Answer) -> String {
        let what = answer.discount > 0 ? "up to \(share(answer.discount))" : "declined"
        return "\(what) until \(SnapshotText.time(answer.until))"
    }
}

private func share(_ depth: Double) -> String { fixed(100 * depth, 1) + " %" }

/// `tidemark approve`: a person's word.
struct ApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Approve of deep discounts of an item, or decline them.",
        discussion: """
            From the next decision on discounts of the item may be as deep as that, until the time is over. All \
            other rules hold as ever: price, cost and stock are those of the moment of the decision. Works on the \
            daemon that has the store open, or with --url on one elsewhere; of several shards ask each.
            """)

    @Argument(help: "The item's id.") var item: String
    @Option(help: "The deepest discount, as in 0.3; needed but with --decline.")
    var upTo: Double?
    @Flag(help: "Approve of none: nothing of the item is listed again before the time is over.")
    var decline = false
    @Option(help: "Until when, by event time: 2026-11-23T12:00:00Z. Without it for a week.")
    var until: String?
    @Option(help: "Why, for the audit.") var reason: String
    @OptionGroup var place: PlaceArguments
    @OptionGroup var audit: AuditArguments

    private struct Body: Encodable {
        let up_to: Double?
        let decline: Bool
        let until: String?
        let reason: String
        let who: String
    }

    func validate() throws {
        guard decline != (upTo != nil) else {
            throw ValidationError("say --up-to DISCOUNT, as in 0.3, or --decline")
        }
        if let until, Timestamp.milliseconds(until) == nil {
            throw ValidationError("--until must be a time like 2026-11-23T12:00:00Z")
        }
    }

    func run() throws {
        try reportingFailures {
            let request = try ApprovalRequest(
                itemID: item, upTo: upTo, declines: decline,
                untilMs: until.flatMap(Timestamp.milliseconds), reason: reason, who: audit.who)
            if let remote = try place.remote() {
                return try tell(
                    decoded(
                        try remote.post(
                            ["v1", "approvals", item],
                            Body(
                                up_to: upTo, decline: decline, until: until, reason: reason,
                                who: audit.who))))
            }
            guard let daemon = try DaemonConnection(store: place.store.path) else {
                throw RequestError.noDaemon(store: place.store.path)
            }
            guard case .answered(let entry) = try daemon.ask(.approve(request)) else {
                throw RequestError.badRequest("the daemon answered something else")
            }
            try tell(entry)
        }
    }

    private func tell(_ entry: ApprovalView.Entry) throws {
        if place.json { return print(try jsonText(entry)) }
        print("\(entry.itemID): \(entry.answer.map(ApprovalsCommand.text) ?? "nothing is said")")
    }
}
