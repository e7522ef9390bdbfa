import ArgumentParser
import Daemon
import Terminal

/// `tidemark store`: what is done with a store as a whole.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Back a store up.", subcommands: [Backup.self])

    struct Backup: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy the store as it is at its last commit, also beside a running daemon.",
            discussion: """
                The copy is a store of its own: every command takes it, and a daemon goes on from it. \
                It is written record by record, so that nothing of what was deleted is in it, and every \
                record of it is read and checked. That needs twice the store's room for a while. The \
                store's file grows a little while it is copied, since no page of it is used again then.
                """)

        @Argument(
            help: ArgumentHelp("Where to: a folder that is new, or empty.", valueName: "folder"))
        var folder: String

        @Flag(
            inversion: .prefixedNo,
            help:
                "Write the copy anew; without it pages are copied as they are, free ones with what was deleted among them."
        )
        var rewrite = true

        @OptionGroup var store: StoreArguments

        func run() throws {
            try reportingFailures {
                let backup = try StoreBackup.make(
                    of: store.path, to: folder, rewrites: rewrite)
                print(
                    store.json
                        ? try jsonText(backup)
                        : "The store is in \(folder) as it is at commit \(backup.sequence), state \(backup.stateSHA256): "
                            + "\(backup.records) records, all of them checked, \(backup.snapshots) snapshots, "
                            + "\(SnapshotText.megabytes(backup.fileBytes)) of \(SnapshotText.megabytes(backup.sourceBytes))."
                )
            }
        }
    }
}
