/// A small file that says that the data file is as a clean close left it.
///
/// It names size, times and inode of the data file: whatever changed the file since then, a crash
/// of a writer or a hand, makes the marker void, and the next opening checks the store.
enum CleanMarker {
    private static func text(_ folder: StoreFolder) throws(StoreError) -> String? {
        guard let status = try FileStatus.of(folder.data) else { return nil }
        return """
            closed cleanly
            bytes \(status.byteCount)
            inode \(status.inode)
            modified \(status.modifiedNs)
            changed \(status.changedNs)

            """
    }

    static func holds(_ folder: StoreFolder) throws(StoreError) -> Bool {
        guard let found = try folder.small(folder.cleanMarker) else { return false }
        guard try FileStatus.of(folder.syncedRoot) == nil else { return false }
        return try text(folder).map { Array($0.utf8) } == found
    }

    static func place(_ folder: StoreFolder) throws(StoreError) {
        guard let text = try text(folder) else { return }
        try folder.replace(folder.cleanMarker, with: Array(text.utf8))
    }

    static func remove(_ folder: StoreFolder) throws(StoreError) {
        try folder.remove(folder.cleanMarker)
    }
}
