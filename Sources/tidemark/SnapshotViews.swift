import Daemon
import Foundation
import Records
import SnapshotStore

/// How snapshots' figures read in tables.
enum SnapshotText {
    /// `2026-11-23 12:00:00`: UTC, as the tables' headings say.
    static func time(_ milliseconds: Int64) -> String {
        milliseconds == 0
            ? "-"
            : Timestamp.text(ms: milliseconds).prefix(19).replacingOccurrences(of: "T", with: " ")
    }

    /// Likewise of a time as JSON has it.
    static func time(_ text: String) -> String { time(Timestamp.milliseconds(text) ?? 0) }

    static func megabytes(_ bytes: Int) -> String {
        String(format: "%.2f MB", Double(bytes) / 1_000_000)
    }

    /// What people call a snapshot beside its id.
    static func names(_ view: SnapshotView) -> String {
        ((view.head ? ["head"] : []) + (view.champion ? ["champion"] : []) + view.tags)
            .joined(separator: ", ")
    }

    /// Likewise.
    static func names(_ listing: SnapshotListing) -> String {
        let own = (listing.isHead ? ["head"] : []) + (listing.isChampion ? ["champion"] : [])
        return (own + listing.tags).joined(separator: ", ")
    }
}
