import ArgumentParser
import Daemon
import Records
import SnapshotStore
import Terminal

/// `tidemark audit`: who changed what, when, and why.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who changed what, when and why, newest first.",
        discussion: """
            Rollbacks, names of snapshots, snapshots that were asked for, pauses, prunes, imports, erasures. \
            Entries are never removed, and no rollback takes one back.
            """)

    @Option(
        help: ArgumentHelp(
            "Only what happened from then on: 2026-11-23T12:00:00Z, or 2h for two hours ago.",
            valueName: "time"))
    var since: PastTime?

    @Option(help: "How many at most; 0 for all, with --url for 1,000.")
    var limit = 50

    @OptionGroup var place: PlaceArguments

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit must not be negative") }
    }

    func run() throws {
        try reportingFailures {
            if let remote = try place.remote() {
                let most = limit == 0 ? 1_000 : min(limit, 1_000)
                let from = since.map { "&since=\(Timestamp.text(ms: $0.ms))" } ?? ""
                return try tell(
                    decoded(try remote.get(["v1", "audit"], query: "?limit=\(most)\(from)")))
            }
            try place.store.run(.readOnly) { opened in
                try tell(
                    AuditView(
                        try opened.audit(limit: limit == 0 ? .max : limit, sinceMs: since?.ms)))
            }
        }
    }

    private func tell(_ audit: AuditView) throws {
        if place.json { return print(try jsonText(audit)) }
        guard !audit.entries.isEmpty else {
            return print(since == nil ? "Nobody has changed anything yet." : "Nothing since then.")
        }
        var table = TextTable([
            ("AT (UTC)", .left), ("WHO", .left), ("ACTION", .left), ("REASON", .left),
        ])
        for entry in audit.entries {
            table.add(SnapshotText.time(entry.at), entry.who, entry.action, entry.reason)
        }
        print(table.rendered())
        if limit > 0, audit.entries.count == limit {
            print("The newest \(limit) are shown; --limit 0 shows all.")
        }
    }
}
