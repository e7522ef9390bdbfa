import ArgumentParser
import Daemon
import Foundation
import SnapshotStore
import Terminal

extension SnapshotsCommand {
    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What changed between two snapshots.",
            discussion: """
                Metrics, totals, offsets, configuration and tables; with the base model at hand also the \
                norm of every learned tensor and how the recommended discount moved for the items seen \
                most, for a shopper of whom nothing is known.
                """)

        @Argument(help: "The earlier snapshot.") var from: String
        @Argument(help: "The later snapshot.") var to: String
        @Option(help: "Of how many items the recommended discounts are compared; 0 for none.")
        var items = 10
        @OptionGroup var base: SnapshotBase
        @OptionGroup var store: StoreArguments

        func validate() throws {
            if items < 0 { throw ValidationError("--items must not be negative") }
        }

        func run() throws {
            try reportingFailures {
                try store.run(.readOnly) { opened in
                    var view = DiffView(try opened.diff(from, to))
                    do {
                        view.moves = try SnapshotMoves(
                            from: from, to: to, of: opened, base: base.folder, itemCount: items)
                    } catch let error where base.folder == nil {
                        // The rest needs no model.
                        view.without_model = sentence(of: error)
                    }
                    if store.json { print(try jsonText(view)) } else { show(view.text) }
                }
            }
        }
    }

    struct Take: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have the running daemon take a snapshot now.",
            discussion: """
                Its keyed state is kept beside learning, so that it can be gone back to for as long as it \
                stays. A daemon that ends takes one by itself.
                """)

        @Option(help: "A name for it; a named snapshot is never pruned.") var tag: String?
        @OptionGroup var store: StoreArguments
        @OptionGroup var audit: AuditArguments

        func run() throws {
            try reportingFailures {
                let tags = tag.map { [$0] } ?? []
                guard let daemon = try DaemonConnection(store: store.path) else {
                    throw RequestError.noDaemon(store: store.path)
                }
                guard
                    case .snapshot(let id) = try daemon.ask(
                        .snapshot(tags: tags, who: audit.who))
                else { throw RequestError.badRequest("the daemon answered something else") }
                print(store.json ? try jsonText(["snapshot": id]) : "Snapshot \(id) was taken.")
            }
        }
    }

    struct Tag: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Name a snapshot; a named snapshot is never pruned.",
            discussion: """
                Its keyed state is kept with it, as long as that is still there, so that it can always be \
                gone back to.
                """)

        @Argument(help: "Which snapshot.") var reference: String
        @Argument(help: "Its name.") var name: String
        @OptionGroup var store: StoreArguments
        @OptionGroup var audit: AuditArguments

        func run() throws {
            let isDone = try store.asksDaemon(
                .tag(reference: reference, name: name, who: audit.who))
            try store.run(isDone ? .readOnly : .readWrite) { opened in
                if !isDone {
                    try opened.tag(
                        reference, as: name, who: audit.who,
                        wallTimeMs: wallTimeMs())
                    // What is beyond the undo horizon keeps its name all the same.
                    do { try opened.keepWhole(name) } catch StoreError.notReplayable {}
                }
                let listing = try opened.snapshot(name)
                let limit =
                    listing.isRewindable
                    ? "" : " Its keyed state is gone: only its weights can be gone back to."
                print(
                    store.json
                        ? try jsonText(SnapshotView(listing))
                        : "Snapshot \(listing.record.id) is called \(name) now.\(limit)")
            }
        }
    }

    struct Untag: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a name away.")

        @Argument(help: "The name.") var name: String
        @OptionGroup var store: StoreArguments
        @OptionGroup var audit: AuditArguments

        func run() throws {
            let isDone = try store.asksDaemon(.untag(name: name, who: audit.who))
            try store.run(isDone ? .readOnly : .readWrite) { opened in
                if !isDone {
                    try opened.untag(
                        name, who: audit.who, wallTimeMs: wallTimeMs())
                }
                print(
                    store.json
                        ? try jsonText(["removed": name]) : "No snapshot is called \(name) now.")
            }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a snapshot, or the whole store, and check every checksum.")

        @Argument(help: "Which snapshot; every page and record of the store without one.")
        var reference: String?
        @OptionGroup var store: StoreArguments

        func run() throws {
            try store.run(.readOnly) { opened in
                var verdicts: [SnapshotVerdict] = []
                if let reference {
                    verdicts = [try opened.verify(reference)]
                } else {
                    for listing in try opened.snapshots() {
                        do { verdicts.append(try opened.verify(listing.record.id)) } catch {
                            // Beside a writer a snapshot may be pruned meanwhile.
                            guard case StoreError.unknownReference = error else { throw error }
                        }
                    }
                    try opened.verifyRecords()
                }
                struct Answer: Encodable {
                    let snapshots: [String]
                    let rows: Int
                    let bytes: Int
                    let sound: Bool
                    let erased_rows: Int
                }
                let answer = Answer(
                    snapshots: verdicts.map(\.record.id), rows: verdicts.reduce(0) { $0 + $1.rows },
                    bytes: verdicts.reduce(0) { $0 + $1.bytes }, sound: true,
                    erased_rows: verdicts.reduce(0) { $0 + $1.erasedRows })
                let what =
                    reference == nil
                    ? "The store and its \(verdicts.count) snapshots are"
                    : "Snapshot \(answer.snapshots.joined()) is"
                print(
                    store.json
                        ? try jsonText(answer)
                        : "\(what) sound: \(answer.rows) rows, \(SnapshotText.megabytes(answer.bytes)) read."
                            + (answer.erased_rows > 0
                                ? " \(answer.erased_rows) of them are of erased shoppers: unreadable for good."
                                : "")
                )
            }
        }
    }

    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove snapshots beyond the retention and the chunks only they had.",
            discussion: """
                Tagged ones stay, and the champion, and the one the head stands on. Afterwards the \
                store's file is written anew, record by record, so that nothing of what was deleted is \
                in it; that needs as much free disk as the records take, and nobody else reading.
                """)

        @Option(help: "How many of the newest stay.") var latest = Retention().latest
        @Option(help: "Of how many hours the newest stays.") var hourly = Retention().hourly
        @Option(help: "Of how many days the newest stays.") var daily = Retention().daily
        @Flag(help: "Only tell what would go.") var dryRun = false
        @Flag(
            inversion: .prefixedNo,
            help:
                "Write the file anew afterwards; without it deleted bytes stay until they are used again."
        )
        var rewrite = true
        @OptionGroup var store: StoreArguments

        func validate() throws {
            if min(latest, hourly, daily) < 0 {
                throw ValidationError("--latest, --hourly and --daily must not be negative")
            }
        }

        func run() throws {
            var report = PruneReport()
            try store.run(dryRun ? .readOnly : .readWrite) { opened in
                report = try opened.prune(
                    Retention(latest: latest, hourly: hourly, daily: daily), dryRun: dryRun)
                if !dryRun { try opened.forgetOwners(always: true) }
            }
            var rewritten: RewriteReport?
            if rewrite, !dryRun {
                do { rewritten = try SnapshotStore.rewrite(path: store.path) } catch {
                    throw FailureKind(error).failure(
                        "\(report.snapshots.count) snapshots are gone, but the file is as it was: "
                            + error.description)
                }
            }
            print(try answer(report, rewritten))
        }

        private func answer(
            _ report: PruneReport, _ rewritten: RewriteReport?
        ) throws -> String {
            struct Answer: Encodable {
                let removed: [String]
                let kept: Int
                let chunks: Int
                let bytes: Int
                let journal_entries: Int
                let dry_run: Bool
                let file_bytes_before: Int?
                let file_bytes_after: Int?
            }
            if store.json {
                return try jsonText(
                    Answer(
                        removed: report.snapshots, kept: report.snapshotsKept,
                        chunks: report.chunks, bytes: report.bytes,
                        journal_entries: report.journalEntries, dry_run: dryRun,
                        file_bytes_before: rewritten?.bytesBefore,
                        file_bytes_after: rewritten?.bytesAfter))
            }
            let count = report.snapshots.count
            if dryRun { return "\(count) snapshots would go, \(report.snapshotsKept) stay." }
            let file =
                rewritten.map {
                    "the file has \(SnapshotText.megabytes($0.bytesAfter)) instead of "
                        + SnapshotText.megabytes($0.bytesBefore)
                } ?? "\(SnapshotText.megabytes(report.bytes)) are free to be used again"
            return "\(count) snapshots are gone, \(report.snapshotsKept) stay; \(file)."
        }
    }
}

/// A difference as `--json` prints it, and in words.
private struct DiffView: Encodable {
    let from: String
    let to: String
    let commits: Int64
    let tables: [Table]
    let metrics: [String: Change]
    let counters: [String: Change]
    let offsets: [Offset]
    let configuration: [String]
    var moves: SnapshotMoves?
    /// Why there are no moves.
    var without_model: String?

    struct Table: Encodable {
        let name: String
        let rows_changed: Int
        let rows_added: Int
        let rows_removed: Int
        let bytes_changed: Int
        let bytes: Int
    }

    struct Change: Encodable {
        let from: Double?
        let to: Double?
    }

    struct Offset: Encodable {
        let cluster: String
        let topic: String
        let partition: Int32
        let from: Int64?
        let to: Int64?
    }

    init(_ diff: SnapshotDiff) {
        from = diff.from.id
        to = diff.to.id
        commits = Int64(diff.to.sequence) - Int64(diff.from.sequence)
        tables = diff.tables.map {
            Table(
                name: $0.table.name, rows_changed: $0.rowsChanged, rows_added: $0.rowsAdded,
                rows_removed: $0.rowsRemoved, bytes_changed: $0.bytesChanged, bytes: $0.bytes)
        }
        metrics = Self.changes(
            MetricsJSON(text: diff.from.metrics).numbers, MetricsJSON(text: diff.to.metrics).numbers
        )
        counters = Dictionary(
            diff.counters.map { ($0.name, Change(from: Double($0.from), to: Double($0.to))) },
            uniquingKeysWith: { $1 })
        offsets = diff.offsets.map {
            Offset(
                cluster: $0.cluster, topic: $0.position.topic, partition: $0.position.partition,
                from: $0.from, to: $0.to)
        }
        configuration = diff.configuration.map { ($0.isAdded ? "+ " : "- ") + $0.text }
    }

    private static func changes(
        _ from: [(path: String, value: Double)], _ to: [(path: String, value: Double)]
    ) -> [String: Change] {
        let before = Dictionary(from.map { ($0.path, $0.value) }, uniquingKeysWith: { $1 })
        let after = Dictionary(to.map { ($0.path, $0.value) }, uniquingKeysWith: { $1 })
        var changes: [String: Change] = [:]
        for path in Set(before.keys).union(after.keys) where before[path] != after[path] {
            changes[path] = Change(from: before[path], to: after[path])
        }
        return changes
    }

    var text: String {
        var parts = ["From \(from) to \(to), \(commits) commits."]
        if !tables.isEmpty {
            var table = TextTable([
                ("WEIGHTS", .left), ("ROWS CHANGED", .right), ("ADDED", .right),
                ("REMOVED", .right), ("CHANGED", .right), ("OF", .right),
            ])
            for row in tables {
                table.add(
                    row.name, String(row.rows_changed), String(row.rows_added),
                    String(row.rows_removed), SnapshotText.megabytes(row.bytes_changed),
                    SnapshotText.megabytes(row.bytes))
            }
            parts.append(table.rendered())
        }
        for (title, changes) in [("METRIC", metrics), ("TOTAL", counters)] where !changes.isEmpty {
            var table = TextTable([(title, .left), ("BEFORE", .right), ("AFTER", .right)])
            for (name, change) in changes.sorted(by: { $0.key < $1.key }) {
                table.add(name, figure(change.from), figure(change.to))
            }
            parts.append(table.rendered())
        }
        if !offsets.isEmpty {
            var table = TextTable([("PARTITION", .left), ("BEFORE", .right), ("AFTER", .right)])
            for row in offsets {
                table.add(
                    "\(row.topic):\(row.partition)", row.from.map(String.init) ?? "-",
                    row.to.map(String.init) ?? "-")
            }
            parts.append(table.rendered())
        }
        parts.append(
            configuration.isEmpty
                ? "The configuration is the same."
                : "Configuration:\n" + configuration.joined(separator: "\n"))
        if let moves {
            parts += [tensorTable(moves), itemTable(moves)]
            for id in moves.stateOfToday {
                parts.append(
                    "Prices and examples of snapshot \(id) are those of today: its own are beyond the undo horizon."
                )
            }
        }
        if let without_model {
            parts.append("Weights and discounts are not compared: \(without_model)")
        }
        return parts.joined(separator: "\n\n")
    }

    private func tensorTable(_ moves: SnapshotMoves) -> String {
        var table = TextTable([
            ("TENSOR", .left), ("NORM BEFORE", .right), ("AFTER", .right),
            ("OF THE CHANGE", .right),
        ])
        for tensor in moves.tensors {
            table.add(
                tensor.name, figure(tensor.before), figure(tensor.after), figure(tensor.change))
        }
        return table.rendered()
    }

    private func itemTable(_ moves: SnapshotMoves) -> String {
        guard !moves.items.isEmpty else { return "No item with a price has been learned from." }
        var table = TextTable([
            ("ITEM", .left), ("EXAMPLES", .right), ("PRICE BEFORE", .right), ("AFTER", .right),
            ("DISCOUNT BEFORE", .right),
            ("AFTER", .right), ("CONVERSION BEFORE", .right), ("AFTER", .right),
        ])
        func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }
        for item in moves.items {
            table.add(
                item.title.map { "\(item.itemID) \($0)" } ?? item.itemID,
                String(format: "%.0f", item.examples),
                item.priceBefore.map { String(format: "%.2f", $0) } ?? "-",
                String(format: "%.2f", item.price),
                percent(item.discountBefore), percent(item.discountAfter),
                percent(item.conversionBefore), percent(item.conversionAfter))
        }
        return table.rendered()
    }

    private func figure(_ value: Double?) -> String {
        value.map { String(format: $0 == $0.rounded() ? "%.0f" : "%.5f", $0) } ?? "-"
    }
}
