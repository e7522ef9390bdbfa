import ArgumentParser
import Daemon
import Foundation
import SnapshotStore

extension SnapshotsCommand {
    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What changed between two snapshots.")

        @Argument(help: "The earlier snapshot.") var from: String
        @Argument(help: "The later snapshot.") var to: String
        @OptionGroup var store: StoreArguments

        func run() throws {
            try store.run(.readOnly) { opened in
                let view = DiffView(try opened.diff(from, to))
                print(store.json ? try jsonText(view) : view.text)
            }
        }
    }

    struct Take: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have the running daemon take a snapshot now.",
            discussion: """
                It is whole, so that it can be gone back to for as long as it stays. A daemon that ends \
                takes one by itself.
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
            abstract: "Name a snapshot; a named snapshot is never pruned.")

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
                        wallTimeMs: StoreArguments.wallTimeMs())
                }
                let listing = try opened.snapshot(name)
                print(
                    store.json
                        ? try jsonText(SnapshotView(listing))
                        : "Snapshot \(listing.record.id) is called \(name) now.")
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
                        name, who: audit.who, wallTimeMs: StoreArguments.wallTimeMs())
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
                }
                let answer = Answer(
                    snapshots: verdicts.map(\.record.id), rows: verdicts.reduce(0) { $0 + $1.rows },
                    bytes: verdicts.reduce(0) { $0 + $1.bytes }, sound: true)
                let what =
                    reference == nil
                    ? "The store and its \(verdicts.count) snapshots are"
                    : "Snapshot \(answer.snapshots.joined()) is"
                print(
                    store.json
                        ? try jsonText(answer)
                        : "\(what) sound: \(answer.rows) rows, \(SnapshotText.megabytes(answer.bytes)) read."
                )
            }
        }
    }

    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove snapshots beyond the retention and the chunks only they had.",
            discussion: "Tagged ones stay, and the champion, and the one the head stands on.")

        @Option(help: "How many of the newest stay.") var latest = Retention().latest
        @Option(help: "Of how many hours the newest stays.") var hourly = Retention().hourly
        @Option(help: "Of how many days the newest stays.") var daily = Retention().daily
        @Flag(help: "Only tell what would go.") var dryRun = false
        @OptionGroup var store: StoreArguments

        func validate() throws {
            if min(latest, hourly, daily) < 0 {
                throw ValidationError("--latest, --hourly and --daily must not be negative")
            }
        }

        func run() throws {
            try store.run(dryRun ? .readOnly : .readWrite) { opened in
                let report = try opened.prune(
                    Retention(latest: latest, hourly: hourly, daily: daily), dryRun: dryRun)
                struct Answer: Encodable {
                    let removed: [String]
                    let kept: Int
                    let chunks: Int
                    let bytes: Int
                    let journal_entries: Int
                    let dry_run: Bool
                }
                let answer = Answer(
                    removed: report.snapshots, kept: report.snapshotsKept, chunks: report.chunks,
                    bytes: report.bytes, journal_entries: report.journalEntries, dry_run: dryRun)
                if store.json { return print(try jsonText(answer)) }
                let count = report.snapshots.count
                print(
                    dryRun
                        ? "\(count) snapshots would go, \(report.snapshotsKept) stay."
                        : "\(count) snapshots are gone, \(report.snapshotsKept) stay; "
                            + "\(SnapshotText.megabytes(report.bytes)) are free to be used again.")
            }
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
        return parts.joined(separator: "\n\n")
    }

    private func figure(_ value: Double?) -> String {
        value.map { String(format: $0 == $0.rounded() ? "%.0f" : "%.5f", $0) } ?? "-"
    }
}
