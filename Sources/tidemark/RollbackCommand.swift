import ArgumentParser
import Daemon
import Foundation
import Records
import SnapshotStore
import Terminal

/// `tidemark rollback`: goes back to a snapshot.
struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Go back to a snapshot and learn on from there.",
        discussion: """
            The snapshot is verified first; then the change is made in one step, or not at all. Works \
            on a store and, through the socket in its folder, on the daemon that has it open; with --url \
            on a daemon elsewhere.

            Without --rewind the snapshot's weights are in service again, at today's offsets. With \
            --rewind the whole learned state goes back, offsets too, and the stream is learned again \
            from there, without what --skip names. What is learned a second time is not published a \
            second time: publishing goes on where it stopped. Money spent, messages sent and the audit \
            never go back.
            """)

    @Argument(help: "Which snapshot: id, tag, head~1, @TIME, offset:TOPIC:PARTITION:N …")
    var reference: String

    @Option(help: "Why, for the audit.")
    var reason: String?

    @Flag(help: "Take the whole learned state back, and learn its stream again.")
    var rewind = false

    @OptionGroup var skip: SkipOptions

    @Flag(help: "Only tell what would happen.")
    var dryRun = false

    @Flag(help: "List the store's tables with the rows that change, too.")
    var verbose = false

    @OptionGroup var place: PlaceArguments
    @OptionGroup var audit: AuditArguments

    func validate() throws {
        if !dryRun, (reason ?? "").isEmpty {
            throw ValidationError("--reason \"…\" is required: the audit must say why")
        }
        if !rewind, !skip.texts.isEmpty {
            throw ValidationError(
                "--skip goes with --rewind: only what is learned again can be skipped")
        }
    }

    func run() throws {
        let request = RollbackRequest(
            reference: reference, rewind: rewind, skips: skip.texts, dryRun: dryRun,
            reason: reason ?? "", who: audit.who)
        try reportingFailures {
            if let remote = try place.remote() {
                return try show(try decoded(try remote.post(["v1", "rollback"], Body(request))))
            }
            let store = place.store
            if let daemon = try DaemonConnection(store: store.path) {
                guard case .rollback(let outcome) = try daemon.ask(.rollback(request)) else {
                    throw RequestError.badRequest("the daemon answered something else")
                }
                return try show(outcome)
            }
            try store.run(dryRun ? .readOnly : .readWrite) { opened in
                try show(try request.perform(on: opened))
            }
        }
    }

    private func show(_ outcome: RollbackOutcome) throws {
        if place.json { print(try jsonText(outcome)) } else { Terminal.show(outcome.text(verbose)) }
    }
}

/// A request as it goes over HTTP.
private struct Body: Encodable {
    let ref: String
    let rewind: Bool
    let skip: [String]
    let dry_run: Bool
    let reason: String?
    let who: String

    init(_ request: RollbackRequest) {
        ref = request.reference
        rewind = request.rewind
        skip = request.skips
        dry_run = request.dryRun
        reason = request.reason.isEmpty ? nil : request.reason
        who = request.who
    }
}

extension RollbackOutcome {
    fileprivate func text(_ isVerbose: Bool) -> String {
        var parts: [String] = []
        let verb = dryRun ? "would go" : "went"
        parts.append(
            "The \(rewind ? "learned state" : "weights") \(verb) back"
                + (head.map { " from snapshot \($0)" } ?? "")
                + " to snapshot \(target), taken \(Timestamp.text(ms: targetTakenMs)), "
                + "\(commitsSince) commits ago. It was verified"
                + (dryRun ? "; nothing was changed." : "."))
        parts.append(isVerbose ? tableOfRows : rowsInShort)
        if !offsets.isEmpty {
            var table = TextTable([("PARTITION", .left), ("NOW", .right), ("THEN", .right)])
            for row in offsets {
                table.add("\(row.topic):\(row.partition)", String(row.now), String(row.then))
            }
            parts.append(table.rendered())
        }
        if !skips.isEmpty {
            let ranges = skips.joined(separator: ", ")
            parts.append("Never learned again: \(ranges).")
        }
        if rewind {
            parts.append(
                "The stream is \(dryRun ? "then " : "")learned again from there; nothing is published twice."
            )
        }
        if let snapshot {
            let took = tookMs.map { String(format: " It took %.0f ms.", $0) } ?? ""
            parts.append("The new head is snapshot \(snapshot).\(took)")
        }
        return parts.joined(separator: "\n\n")
    }

    /// How many rows go back, by what they are about.
    private var rowsInShort: String {
        func count(_ isMeant: (Table) -> Bool) -> Int {
            tables.filter(isMeant).reduce(0) {
                $0 + $1.rowsChanged + $1.rowsAdded + $1.rowsRemoved
            }
        }
        func isItems(_ table: Table) -> Bool { table.name.hasPrefix("items") }
        func isShoppers(_ table: Table) -> Bool { table.name == "shoppers" }
        func isWeights(_ table: Table) -> Bool { table.kind == "weights" }
        let counts = [
            (count(isShoppers), "of shoppers"), (count(isItems), "of items"),
            (count(isWeights), "of the weights"),
            (count { !isItems($0) && !isShoppers($0) && !isWeights($0) }, "of other state"),
        ].filter { $0.0 > 0 }.map { "\(grouped($0.0)) \($0.1)" }
        guard !counts.isEmpty else { return "No row differs." }
        return "Rows that \(dryRun ? "would go" : "went") back: \(counts.joined(separator: ", ")); "
            + "--verbose lists them by table."
    }

    private var tableOfRows: String {
        var table = TextTable([
            ("TABLE", .left), ("ROWS CHANGED", .right), ("ADDED", .right), ("REMOVED", .right),
            ("SIZE", .right),
        ])
        for row in tables {
            table.add(
                row.name, String(row.rowsChanged), String(row.rowsAdded),
                String(row.rowsRemoved), SnapshotText.megabytes(row.bytes))
        }
        return table.rendered()
    }
}
