import ArgumentParser
import Daemon
import Foundation
import SnapshotStore
import Terminal

extension SnapshotsCommand {
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a snapshot's weights into a folder that PEFT loads.",
            discussion: """
                adapter_config.json and adapter_model.safetensors are PEFT's; the response heads lie \
                beside them. What was learned about single shoppers stays in the store.
                """)

        @Argument(help: "Which snapshot.") var reference: String
        @Option(help: ArgumentHelp("Where to.", valueName: "folder")) var out: String
        @OptionGroup var base: SnapshotBase
        @OptionGroup var store: StoreArguments

        func run() throws {
            try reportingFailures {
                try store.run(.readOnly) { opened in
                    let manifest = try SnapshotExport.write(
                        reference, of: opened, to: out, base: base.folder)
                    print(
                        store.json
                            ? try jsonText(manifest)
                            : "Snapshot \(manifest.snapshot) is in \(out); "
                                + "\(manifest.rows_of_shoppers_left_out) rows about shoppers are not."
                    )
                }
            }
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Keep an exported folder as a snapshot; a rollback to it puts it into service.",
            discussion: "Every checksum is checked, and the base must be the store's own.")

        @Argument(help: "The exported folder.") var folder: String
        @Option(
            help: "Its name in the store; by default imported/ and the id it was exported from.")
        var tag: String?
        @Option(
            help: ArgumentHelp(
                "Base model; the one of the export's configuration, where it is left out.",
                valueName: "folder"))
        var base: String?
        @OptionGroup var store: StoreArguments
        @OptionGroup var audit: AuditArguments

        func run() throws {
            try reportingFailures {
                let imported = try SnapshotExport.read(
                    folder, into: store.path, as: tag, base: base, who: audit.who)
                struct Answer: Encodable {
                    let id: String
                    let tag: String
                    let weights_sha256: String
                }
                print(
                    store.json
                        ? try jsonText(
                            Answer(
                                id: imported.record.id, tag: imported.tag,
                                weights_sha256: imported.record.weightsDigest.hex))
                        : "Snapshot \(imported.record.id) is there, called \(imported.tag).")
            }
        }
    }
}
