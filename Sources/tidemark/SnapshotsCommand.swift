import ArgumentParser
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

        @OptionGroup var store: StoreArguments

        @Option(help: "How many at most; 0 for all.")
        var limit = 50

        func validate() throws {
            if limit < 0 { throw ValidationError("--limit must not be negative") }
        }

        func run() throws {
            try store.run(.readOnly) { opened in
                let listings = try opened.snapshots(limit: limit == 0 ? .max : limit)
                if store.json {
                    struct Answer: Encodable {
                        let snapshots: [SnapshotView]
                    }
                    return print(try jsonText(Answer(snapshots: listings.map(SnapshotView.init))))
                }
                print(table(listings))
                if limit > 0, listings.count == limit {
                    print("The newest \(limit) are shown; --limit 0 shows all.")
                }
            }
        }

        private func table(_ listings: [SnapshotListing]) -> String {
            guard !listings.isEmpty else { return "The store has no snapshots yet." }
            var table = TextTable([
                ("SNAPSHOT", .left), ("TAKEN (UTC)", .left), ("EVENTS UP TO (UTC)", .left),
                ("COMMIT", .right), ("SIZE", .right), ("NEW", .right), ("REPLAY", .left),
                ("REWIND", .left), ("CHAMPION (UTC)", .left), ("NAMES", .left),
            ])
            for listing in listings {
                let record = listing.record
                table.add(
                    record.id, SnapshotText.time(record.createdMs),
                    SnapshotText.time(record.eventTimeMs),
                    String(record.sequence), SnapshotText.megabytes(record.stateBytes),
                    SnapshotText.megabytes(record.newBytes), listing.isReplayable ? "yes" : "no",
                    listing.isRewindable ? "yes" : "no",
                    listing.championTimes.map(period).joined(separator: "; "),
                    SnapshotText.names(listing))
            }
            return table.rendered()
        }

        private func period(_ time: SnapshotListing.ChampionTime) -> String {
            SnapshotText.time(time.fromMs) + " to " + (time.untilMs.map(SnapshotText.time) ?? "now")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One snapshot in full.")

        @Argument(help: "Which snapshot.") var reference: String
        @OptionGroup var store: StoreArguments

        func run() throws {
            try store.run(.readOnly) { opened in
                let listing = try opened.snapshot(reference)
                let texts = try opened.texts(of: listing.record)
                let tables = try opened.tables(of: listing.record)
                if store.json {
                    var view = SnapshotView(listing)
                    view.configuration = texts.configuration
                    view.platform = texts.platform
                    view.tables = tables.map {
                        SnapshotView.Table(
                            name: $0.table.name, kind: "\($0.table.kind)", rows: $0.rows,
                            bytes: $0.bytes, chunks: $0.chunks, sha256: $0.digest.hex)
                    }
                    return print(try jsonText(view))
                }
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
