import ArgumentParser
import Daemon
import Foundation
import SnapshotStore
import Terminal

/// `tidemark snapshots`: every state the store was in, and what can be done with it.
struct SnapshotsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots",
        abstract: "List, show, compare, tag, verify, prune, export and import snapshots.",
        discussion: """
            A REF is a snapshot's id or the first digits of it, a tag, head, champion, head~3,
            @2026-11-23T12:00:00Z (live at that time) or offset:TOPIC:PARTITION:N (the newest that
            has not learned that record).
            """,
        subcommands: [
            List.self, Show.self, Diff.self, Take.self, Tag.self, Untag.self, Verify.self,
            Prune.self, Export.self, Import.self,
        ],
        defaultSubcommand: List.self)
}

extension SnapshotsCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All snapshots, newest first.")

        @OptionGroup var place: PlaceArguments

        @Option(help: "How many at most; 0 for all, with --url for 1,000.")
        var limit = 50

        func validate() throws {
            if limit < 0 { throw ValidationError("--limit must not be negative") }
        }

        private struct Answer: Codable {
            let snapshots: [SnapshotView]
        }

        func run() throws {
            try reportingFailures {
                if let remote = try place.remote() {
                    let most = limit == 0 ? 1_000 : min(limit, 1_000)
                    return try tell(
                        decoded(try remote.get(["v1", "snapshots"], query: "?limit=\(most)")))
                }
                try place.store.run(.readOnly) { opened in
                    let listings = try opened.snapshots(limit: limit == 0 ? .max : limit)
                    try tell(Answer(snapshots: listings.map { SnapshotView($0) }))
                }
            }
        }

        private func tell(_ answer: Answer) throws {
            if place.json { return print(try jsonText(answer)) }
            print(table(answer.snapshots))
            if limit > 0, answer.snapshots.count == limit {
                print("The newest \(limit) are shown; --limit 0 shows all.")
            }
        }

        private func table(_ snapshots: [SnapshotView]) -> String {
            guard !snapshots.isEmpty else { return "The store has no snapshots yet." }
            var table = TextTable([
                ("SNAPSHOT", .left), ("TAKEN (UTC)", .left), ("EVENTS UP TO (UTC)", .left),
                ("COMMIT", .right), ("SIZE", .right), ("NEW", .right), ("REPLAY", .left),
                ("REWIND", .left), ("CHAMPION (UTC)", .left), ("NAMES", .left),
            ])
            for snapshot in snapshots {
                table.add(
                    snapshot.id, SnapshotText.time(snapshot.created),
                    SnapshotText.time(snapshot.event_time),
                    String(snapshot.sequence), SnapshotText.megabytes(snapshot.state_bytes),
                    SnapshotText.megabytes(snapshot.new_bytes), snapshot.replayable ? "yes" : "no",
                    snapshot.rewindable ? "yes" : "no",
                    snapshot.champion_times.map(period).joined(separator: "; "),
                    SnapshotText.names(snapshot))
            }
            return table.rendered()
        }

        private func period(_ time: SnapshotView.Period) -> String {
            SnapshotText.time(time.from) + " to " + (time.until.map(SnapshotText.time) ?? "now")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One snapshot in full.")

        @Argument(help: "Which snapshot.") var reference: String
        @OptionGroup var place: PlaceArguments

        func run() throws {
            if let remote = try place.remote() {
                return try reportingFailures {
                    // As JSON whatever is asked for: it is meant for machines.
                    let view: SnapshotView = try decoded(
                        try remote.get(["v1", "snapshots", reference]))
                    print(try jsonText(view))
                }
            }
            let store = place.store
            try store.run(.readOnly) { opened in
                let listing = try opened.snapshot(reference)
                if store.json {
                    return print(try jsonText(try SnapshotView(full: listing, of: opened)))
                }
                let texts = try opened.texts(of: listing.record)
                let tables = try opened.tables(of: listing.record)
                Terminal.show(describe(listing, texts, tables))
            }
        }

        private func describe(
            _ listing: SnapshotListing, _ texts: SnapshotTexts, _ tables: [SnapshotTable]
        ) -> String {
            let record = listing.record
            var lines = [
                (
                    "Snapshot",
                    record.id
                        + (SnapshotText.names(listing).isEmpty
                            ? "" : " (\(SnapshotText.names(listing)))")
                ),
                ("Parent", record.parent ?? "none, it is the first"),
                ("Taken", SnapshotText.time(record.createdMs) + " UTC, by a \(record.cause)"),
                ("Events up to", SnapshotText.time(record.eventTimeMs) + " UTC"),
                ("Commit", "\(record.sequence), lineage \(record.lineage)"),
                (
                    "Size",
                    "\(SnapshotText.megabytes(record.stateBytes)), \(SnapshotText.megabytes(record.newBytes)) new with it"
                ),
                ("Replayable", listing.replayObstacle.map { "no, \($0)" } ?? "yes"),
                ("Rewindable", rewindable(listing)),
                ("State", record.stateDigest.hex),
                ("Weights", record.weightsDigest.hex),
                ("Base", record.base.hex),
            ]
            for offset in record.offsets where offset.cluster == record.cluster {
                lines.append(("Next offset", "\(offset.position) at \(offset.next)"))
            }
            for (path, value) in MetricsJSON(text: record.metrics).numbers {
                lines.append(("Metric", "\(path) = \(value)"))
            }
            for (name, count) in record.counters.sorted(by: { $0.key < $1.key }) {
                lines.append(("Total", "\(name) = \(count)"))
            }
            for table in tables {
                lines.append(
                    (
                        "Table",
                        "\(table.table.name): \(table.rows) rows, \(SnapshotText.megabytes(table.bytes))"
                    ))
            }
            if !texts.platform.isEmpty { lines.append(("Platform", texts.platform)) }
            var text = lines.map { name, value in
                name.padding(toLength: 14, withPad: " ", startingAt: 0) + value
            }
            .joined(separator: "\n")
            if !texts.configuration.isEmpty { text += "\n\nConfiguration:\n" + texts.configuration }
            return text
        }

        private func rewindable(_ listing: SnapshotListing) -> String {
            if !listing.isRewindable { return "no, beyond the undo horizon" }
            return listing.record.isWhole
                ? "yes, for as long as it is kept" : "yes, within the undo horizon"
        }
    }
}
