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
        @OptionGroup var place: PlaceArguments

        func validate() throws {
            if items < 0 { throw ValidationError("--items must not be negative") }
        }

        func run() throws {
            try reportingFailures {
                if let remote = try place.remote() {
                    var view: DiffView = try decoded(
                        try remote.get(["v1", "snapshots", from, "diff", to]))
                    view.without_model = "a daemon elsewhere compares what its store knows"
                    return try tell(view)
                }
                try place.store.run(.readOnly) { opened in
                    var view = DiffView(try opened.diff(from, to))
                    do {
                        view.moves = try SnapshotMoves(
                            from: from, to: to, of: opened, base: base.folder, itemCount: items)
                    } catch let error where base.folder == nil {
                        // The rest needs no model.
                        view.without_model = sentence(of: error)
                    }
                    try tell(view)
                }
            }
        }

        private func tell(_ view: DiffView) throws {
            if place.json { print(try jsonText(view)) } else { Terminal.show(view.text) }
        }
    }
}
