import Glibc
import Records

/// What is done before a store is opened that nobody closed.
enum Recovery {
    /// Checks the store and, where a power failure took unsynced commits, goes back to the newest
    /// commit that is whole: the last synced one at the oldest.
    ///
    /// - Parameter mayWrite: Whether the caller holds the writer's lock and may change the file.
    /// Throws: `.damaged` when no such commit is there.
    static func run(_ folder: StoreFolder, mayWrite: Bool) throws(StoreError) -> StoreCheck.Report {
        try StoreCheck.requireStore(folder)
        do throws(PageDamage) {
            let file = try PageFile(folder)
            guard let synced = try SyncedRoot.read(folder) else {
                // Every commit was synced: LMDB's own order of writes keeps the newest root whole.
                return try StoreCheck.verify(file, try StoreCheck.newestRoot(file), folder)
            }
            let candidates = (file.roots + [synced]).filter {
                $0.transaction >= synced.transaction && $0.pageBytes == file.pageBytes
            }.sorted { $0.transaction > $1.transaction }
            var damage = PageDamage.file("no commit in it is whole")
            for root in candidates {
                do throws(PageDamage) {
                    let report = try StoreCheck.verify(file, root, folder)
                    do throws(StoreError) {
                        try settle(root, file, folder, mayWrite)
                    } catch { throw .store(error) }
                    return report
                } catch .store(let error) { throw .store(error) } catch { damage = error }
            }
            throw damage
        } catch { throw error.storeError(folder) }
    }

    /// Makes `root` the one that LMDB takes, and durable.
    private static func settle(
        _ root: RootPage, _ file: borrowing PageFile, _ folder: StoreFolder, _ mayWrite: Bool
    ) throws(StoreError) {
        let isNewest = (try? StoreCheck.newestRoot(file))?.raw == root.raw
        guard mayWrite else {
            if isNewest { return }
            throw .needsRecovery(path: folder.path)
        }
        let target = try Descriptor(folder.data, O_RDWR)
        if !isNewest {
            let slot = root.transaction & 1
            try target.write(
                root.bytes(numbered: root.transaction, slot: slot), at: slot * file.pageBytes)
            // The other slot gets the same trees under the number before: never taken, and the
            // next commit overwrites it.
            try target.write(
                root.bytes(numbered: max(root.transaction - 1, 0), slot: 1 - slot),
                at: (1 - slot) * file.pageBytes)
        }
        try target.sync()
        try folder.remove(folder.syncedRoot)
    }
}

/// The root of the last synced commit, kept beside the data file while commits are not synced.
///
/// LMDB has two root pages and overwrites the older at each commit, so that after two unsynced
/// commits no synced root is left in the file. This copy is one; a read transaction held by the
/// writer keeps its pages from reuse.
enum SyncedRoot {
    static func save(_ folder: StoreFolder) throws(StoreError) {
        let root: RootPage
        do throws(PageDamage) {
            root = try StoreCheck.newestRoot(try PageFile(folder))
        } catch { throw error.storeError(folder) }
        try folder.replace(folder.syncedRoot, with: root.raw + SHA256.hash(root.raw).bytes)
    }

    /// `nil` when every commit is synced. A copy that is not whole was never relied on: the first
    /// unsynced commit comes after it is durable.
    static func read(_ folder: StoreFolder) throws(PageDamage) -> RootPage? {
        let found: [UInt8]?
        do throws(StoreError) { found = try folder.small(folder.syncedRoot) } catch {
            throw .store(error)
        }
        guard let bytes = found, bytes.count == PageFile.rootBytes + 32 else { return nil }
        let raw = Array(bytes[..<PageFile.rootBytes])
        guard SHA256.hash(raw).bytes == Array(bytes[PageFile.rootBytes...]) else { return nil }
        return try RootPage(Page(number: 0, bytes: raw), slot: 0)
    }
}
