import Records
import SnapshotStore

/// Entries of the audit as `--json` prints them.
package struct AuditView: Codable {
    /// Newest first.
    package let entries: [Entry]

    package struct Entry: Codable {
        package let at: String
        package let who: String
        package let action: String
        package let reason: String
    }

    /// - Parameter entries: newest first.
    package init(_ entries: [AuditEntry]) {
        self.entries = entries.map {
            Entry(
                at: Timestamp.text(ms: $0.wallTimeMs), who: $0.who, action: $0.action,
                reason: $0.reason)
        }
    }
}
