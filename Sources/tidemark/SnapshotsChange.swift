import ArgumentParser
import Daemon
import Foundation
import SnapshotStore
import Terminal

extension SnapshotsCommand {
    struct Take: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have the running daemon take a snapshot now.",
            discussion: """
                Its keyed state is kept beside learning, so that it can be gone back to for as long as it \
                stays. A daemon that ends takes one by itself.
                """)

        @Option(help: "A name for it; a named snapshot is never pruned.") var tag: String?
        @OptionGroup var place: PlaceArguments
        @OptionGroup var audit: AuditArguments

        private struct Body: Encodable {
            let tags: [String]
            let who: String
        }

        func run() throws {
            try reportingFailures {
                let tags = tag.map { [$0] } ?? []
                if let remote = try place.remote() {
                    let answer: [String: String] = try decoded(
                        try remote.post(["v1", "snapshots"], Body(tags: tags, who: audit.who)))
                    return try tell(answer["snapshot"] ?? "")
                }
                guard let daemon = try DaemonConnection(store: place.store.path) else {
                    throw RequestError.noDaemon(store: place.store.path)
                }
                guard
                    case .snapshot(let id) = try daemon.ask(
                        .snapshot(tags: tags, who: audit.who))
                else { throw RequestError.badRequest("the daemon answered something else") }
                try tell(id)
            }
        }

        private func tell(_ id: String) throws {
            print(place.json ? try jsonText(["snapshot": id]) : "Snapshot \(id) was taken.")
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
        @OptionGroup var audit: AuditArguments

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
                if !dryRun {
                    try opened.record(
                        AuditEntry(
                            wallTimeMs: wallTimeMs(), who: audit.who, action: "prune",
                            reason: "\(report.snapshots.count) snapshots"))
                    try opened.forgetOwners(always: true)
                }
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
