import Foundation
import Records
import SnapshotStore

/// A copy of a store that is a store of its own, made while a daemon may go on learning into the first.
public struct StoreBackup: Encodable, Sendable {
    /// The copy's folder.
    public private(set) var folder: String
    /// The number of the commit that the copy ends with.
    public let sequence: UInt64
    /// Digest of all that is learned in it.
    public let stateSHA256: String
    /// Snapshots in it.
    public let snapshots: Int
    /// Records in it, all of which were read and checked.
    public let records: Int
    /// Bytes of its data file.
    public let fileBytes: Int
    /// Bytes of the data file that it is a copy of.
    public let sourceBytes: Int

    enum CodingKeys: String, CodingKey {
        case folder, sequence, snapshots, records
        case stateSHA256 = "state_sha256"
        case fileBytes = "file_bytes"
        case sourceBytes = "source_bytes"
    }

    /// Copies the last commit, has the copy written anew so that nothing of what was deleted is in it, and
    /// checks every record of what came of it.
    ///
    /// - Parameters:
    ///   - path: the store's folder; it is only read.
    ///   - folder: one that does not exist, or is empty. It is made in a folder within, and what is made goes
    ///     again where not all of it can be made.
    ///   - rewrites: whether it is written anew, which takes as much room again for a while.
    /// - Throws: `StoreError`.
    public static func make(
        of path: String, to folder: String, rewrites: Bool = true
    ) throws -> StoreBackup {
        DamageExit.install()
        let files = FileManager.default
        let isNew = !files.fileExists(atPath: folder)
        if !isNew, try !files.contentsOfDirectory(atPath: folder).isEmpty {
            throw StoreError.notAStore(
                path: folder, reason: "a backup needs a folder with nothing in it")
        }
        let source = try SnapshotStore.open(path: path, mode: .readOnly)
        defer { try? source.close() }
        // In a folder of its own there, so that whatever fails removes nothing of others'.
        let partial = folder + "/" + partialName
        do {
            if isNew { try SnapshotStore.makeFolder(at: folder) }
            var made = try copy(source, to: partial, rewrites: rewrites)
            try move(partial, to: folder)
            made.folder = folder
            return made
        } catch {
            try? files.removeItem(atPath: partial)
            if isNew { _ = unsafe rmdir(folder) }
            throw error
        }
    }

    private static let partialName = "backup-in-progress"

    /// Moves the files of the copy into the folder around it, or none of them.
    private static func move(_ partial: String, to folder: String) throws {
        let files = FileManager.default
        guard try files.contentsOfDirectory(atPath: folder) == [partialName] else {
            throw StoreError.notAStore(
                path: folder, reason: "something else came into it while the backup was made")
        }
        // What makes a folder a store comes last.
        let names = try files.contentsOfDirectory(atPath: partial).sorted {
            ($0 == "data.mdb" ? 1 : 0, $0) < ($1 == "data.mdb" ? 1 : 0, $1)
        }
        var moved: [String] = []
        do {
            for name in names {
                try files.moveItem(atPath: partial + "/" + name, toPath: folder + "/" + name)
                moved.append(folder + "/" + name)
            }
            try files.removeItem(atPath: partial)
            try SnapshotStore.syncFolder(at: folder)
        } catch {
            for path in moved { try? files.removeItem(atPath: path) }
            throw error
        }
    }

    private static func copy(
        _ source: SnapshotStore, to folder: String, rewrites: Bool
    ) throws -> StoreBackup {
        try source.copy(to: folder)
        let (records, before, after): (Int, Int, Int)
        if rewrites {
            // Checks the copy, and what comes of it, to the last record.
            let rewritten = try SnapshotStore.rewrite(path: folder)
            (records, before, after) = (
                rewritten.records, rewritten.bytesBefore, rewritten.bytesAfter
            )
        } else {
            let checked = try StoreCheck.run(folder)
            (records, before, after) = (checked.records, checked.fileBytes, checked.fileBytes)
        }
        let copy = try SnapshotStore.open(path: folder, mode: .readOnly)
        defer { try? copy.close() }
        let status = try copy.status()
        return StoreBackup(
            folder: folder, sequence: status.sequence, stateSHA256: status.stateDigest.hex,
            snapshots: try copy.snapshots(limit: .max).count, records: records, fileBytes: after,
            sourceBytes: before)
    }
}
