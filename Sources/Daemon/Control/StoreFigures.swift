import Foundation
import Records
import SnapshotStore
import Telemetry

/// How large the store is, what room there is, and how old its newest snapshot is.
struct StoreFigures {
    /// Of the data file that were ever used.
    let fileBytes: Int
    /// Of pages that hold something now; the rest of the file is used again.
    let usedBytes: Int
    /// What the file may grow to; `nil` for as large as the disk allows.
    let bytesMax: Int?
    /// On the store's disk, for this user; `nil` where the system does not tell.
    let availableBytes: Int?
    /// Of the snapshot that the state stands on; `nil` before there is one.
    let snapshotAgeMs: Int64?

    /// - Throws: for a store that is closed.
    init(_ store: SnapshotStore, nowMs: Int64) throws {
        let status = try store.status()
        fileBytes = status.fileBytes
        usedBytes = status.liveBytes
        bytesMax = store.options.bytesMax
        availableBytes = Self.available(store.path)
        snapshotAgeMs = (try? store.resolve("head")).map { max(0, nowMs - $0.createdMs) }
    }

    private static func available(_ path: String) -> Int? {
        var room = statvfs()
        guard unsafe statvfs(path, &room) == 0 else { return nil }
        return Int(saturating: Double(room.f_bavail) * Double(room.f_frsize))
    }

    var metrics: [Metric] {
        var metrics = [
            Metric(
                .gauge, "store_file_bytes", "Of the store's file, ever used.", Double(fileBytes)),
            Metric(
                .gauge, "store_used_bytes",
                "Of the store's file, in use now; the rest is used again.", Double(usedBytes)),
        ]
        if let bytesMax {
            metrics.append(
                Metric(
                    .gauge, "store_max_bytes", "What the store's file may grow to.",
                    Double(bytesMax)))
        }
        if let availableBytes {
            metrics.append(
                Metric(
                    .gauge, "store_disk_available_bytes", "Free on the store's disk.",
                    Double(availableBytes)))
        }
        if let snapshotAgeMs {
            metrics.append(
                Metric(
                    .gauge, "snapshot_age_seconds", "Since the newest snapshot was taken.",
                    Double(snapshotAgeMs) / 1000))
        }
        return metrics
    }
}
