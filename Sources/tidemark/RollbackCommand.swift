import ArgumentParser
import Foundation
import SnapshotStore

/// `tidemark rollback`: goes back to a snapshot.
struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Go back to a snapshot's weights and learn on from there.",
        discussion: """
            The snapshot is verified first; then the change is made in one step, or not at all.
            Offsets, shoppers, open joins, money spent, messages sent and the audit stay as they are.
            """)

    @Argument(help: "Which snapshot: id, tag, head~1, @TIME, offset:TOPIC:PARTITION:N …")
    var reference: String

    @Option(help: "Why, for the audit.")
    var reason: String?

    @Flag(help: "Only tell what would happen.")
    var dryRun = false

    @OptionGroup var store: StoreArguments
    @OptionGroup var audit: AuditArguments

    func validate() throws {
        if !dryRun, (reason ?? "").isEmpty {
            throw ValidationError("--reason \"…\" is required: the audit must say why")
        }
    }

    func run() throws {
        try store.run(dryRun ? .readOnly : .readWrite) { opened in
            if dryRun {
                let plan = try opened.planRollback(to: reference)
                let view = RollbackView(plan, info: nil)
                return print(store.json ? try jsonText(view) : view.text)
            }
            let now = StoreArguments.wallTimeMs()
            let info = try opened.rollback(
                to: reference, reason: reason ?? "", who: audit.who, wallTimeMs: now)
            let view = RollbackView(info.plan, info: info)
            print(store.json ? try jsonText(view) : view.text)
        }
    }
}

/// What a rollback did or would do, as `--json` prints it, and in words.
private struct RollbackView: Encodable {
    let dry_run: Bool
    let rewind: Bool
    let target: String
    let target_taken: String
    let head: String?
    let commits_since: UInt64
    let tables: [Table]
    let offsets: [Offset]
    /// The new head snapshot.
    let snapshot: String?
    let lineage: UInt32?
    let state_sha256: String?
    let weights_sha256: String

    struct Table: Encodable {
        let name: String
        let kind: String
        let rows_changed: Int
        let rows_added: Int
        let rows_removed: Int
        let bytes: Int
    }

    struct Offset: Encodable {
        let topic: String
        let partition: Int32
        let now: Int64
        let then: Int64
    }

    init(_ plan: RollbackPlan, info: RollbackInfo?) {
        dry_run = info == nil
        rewind = plan.isRewind
        target = plan.target.id
        target_taken = UTCTime.text(plan.target.createdMs)
        head = plan.head?.id
        commits_since = plan.commitsSince
        tables = plan.tables.map {
            Table(
                name: $0.table.name, kind: "\($0.table.kind)", rows_changed: $0.rowsChanged,
                rows_added: $0.rowsAdded, rows_removed: $0.rowsRemoved, bytes: $0.bytes)
        }
        offsets = plan.offsets.map {
            Offset(
                topic: $0.position.topic, partition: $0.position.partition, now: $0.now,
                then: $0.then)
        }
        snapshot = info?.snapshot.id
        lineage = info?.lineage
        state_sha256 =
            info?.snapshot.stateDigest.hex ?? (plan.isRewind ? plan.target.stateDigest.hex : nil)
        weights_sha256 = plan.target.weightsDigest.hex
    }

    var text: String {
        var parts: [String] = []
        let verb = dry_run ? "would go" : "went"
        parts.append(
            "The \(rewind ? "learned state" : "weights") \(verb) back to snapshot \(target), taken "
                + "\(target_taken), \(commits_since) commits ago. It was verified"
                + (dry_run ? "; nothing was changed." : "."))
        var table = TextTable([
            ("TABLE", .left), ("ROWS CHANGED", .right), ("ADDED", .right), ("REMOVED", .right),
            ("SIZE", .right),
        ])
        for row in tables {
            table.add(
                row.name, String(row.rows_changed), String(row.rows_added),
                String(row.rows_removed), SnapshotText.megabytes(row.bytes))
        }
        parts.append(table.rendered())
        if !offsets.isEmpty {
            var table = TextTable([("PARTITION", .left), ("NOW", .right), ("THEN", .right)])
            for row in offsets {
                table.add("\(row.topic):\(row.partition)", String(row.now), String(row.then))
            }
            parts.append(table.rendered())
        }
        if let snapshot { parts.append("The new head is snapshot \(snapshot).") }
        return parts.joined(separator: "\n\n")
    }
}
