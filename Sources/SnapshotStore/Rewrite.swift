import Glibc

/// What rewriting a store's file came to.
public struct RewriteReport: Sendable, Equatable {
    /// Bytes of the data file before.
    public let bytesBefore: Int
    /// Bytes of the data file that took its place.
    public let bytesAfter: Int
    /// Records copied: all there are.
    public let records: Int
}

extension SnapshotStore {
    /// Writes the data file anew, record by record, so that nothing of what was deleted is in it.
    ///
    /// LMDB uses the pages of deleted records again but never clears them. The new file is checked
    /// whole before it takes the place of the old one, in one step; a stop before that leaves the
    /// old one as it was. Needs as much free disk as the records take.
    /// - Throws: `.readersPresent` while another process has the store open, `.inUse`, `.diskFull`.
    public static func rewrite(
        path: String, options: Options = Options()
    ) throws(StoreError) -> RewriteReport {
        let folder = StoreFolder(path: path)
        try StoreCheck.requireStore(folder)
        let lock = try WriterLock.acquire(folder, for: .rewriting)
        defer { withExtendedLifetime(lock) {} }
        let readers = try ReaderLock(folder)
        defer { readers.release() }
        let before = try Recovery.run(folder, mayWrite: true)
        guard before.identity.format >= StoreIdentity.oldestReadable else {
            throw .olderFormat(
                path: path, found: before.identity.format, known: StoreIdentity.formatVersion)
        }
        let new = StoreFolder(path: folder.rewriting)
        try new.discard()
        do throws(StoreError) {
            try copyRecords(folder, to: new, before.identity.format, options)
            let after = try StoreCheck.run(new.path)
            guard after.records == before.records, after.stateDigest == before.stateDigest else {
                throw .damaged(path: path, what: "its records changed while they were copied")
            }
            try CleanMarker.remove(folder)
            try folder.adopt(new.data)
            try new.discard()
            try CleanMarker.place(folder)
            try lock.note(.writing)
            return RewriteReport(
                bytesBefore: before.fileBytes, bytesAfter: after.fileBytes, records: after.records)
        } catch {
            try? new.discard()
            throw error
        }
    }

    private static func copyRecords(
        _ folder: StoreFolder, to new: StoreFolder, _ format: UInt32, _ options: Options
    ) throws(StoreError) {
        try new.create()
        // Closes both environments before the new file's roots are changed.
        let transaction = try copyEnvironment(folder, to: new, format, options)
        try RootPage.renumber(new, to: transaction)
    }

    /// Returns: the number of the commit that was copied.
    private static func copyEnvironment(
        _ folder: StoreFolder, to new: StoreFolder, _ format: UInt32, _ options: Options
    ) throws(StoreError) -> Int {
        let source = try Environment(
            folder, readOnly: true, withoutLocks: true, mapBytes: options.mapBytes)
        let target = try Environment(new, readOnly: false, mapBytes: options.mapBytes)
        target.setSynced(false)
        let reading = try ReadTransaction(source)
        let databases = try Databases(reading, create: false, format: format)
        let making = try WriteTransaction(target)
        _ = try Databases(making, create: true, format: format)
        try making.commit()
        // The copy must not have made more commits than the store, whose number it takes over.
        let pieces = source.usedBytes / pieceBytesMax + 3
        try copy(
            reading, databases, to: target,
            pieceBytesMax: reading.number > pieces ? pieceBytesMax : .max)
        try target.sync()
        return reading.number
    }

    /// A piece is committed once it is this large, so that it need not be held in memory.
    private static let pieceBytesMax = 32 << 20

    private static func copy(
        _ reading: borrowing ReadTransaction, _ databases: Databases, to target: Environment,
        pieceBytesMax: Int
    ) throws(StoreError) {
        var rest = databases.tables
        var start: [UInt8] = []
        while !rest.isEmpty {
            let writing = try WriteTransaction(target)
            var bytes = 0
            while let table = rest.first, bytes < pieceBytesMax {
                let place = try writing.database(table.name, create: false)
                let next = try reading.copyPiece(databases[table], from: start) {
                    key, value throws(StoreError) in
                    if bytes >= pieceBytesMax { return false }
                    bytes += key.count + value.count
                    try writing.append(place, key, value)
                    return true
                }
                start = next ?? []
                if next == nil { rest.removeFirst() }
            }
            try writing.commit()
        }
    }
}

extension Transaction where Self: ~Copyable {
    /// Hands over entries as they are until `put` refuses one; returns the key of that one.
    fileprivate func copyPiece(
        _ database: Database, from start: [UInt8],
        _ put: ([UInt8], [UInt8]) throws(StoreError) -> Bool
    ) throws(StoreError) -> [UInt8]? {
        try withCursor(database) { cursor throws(StoreError) in
            let take: Cursor.Body<[UInt8]?> = { key, value throws(StoreError) in
                let key = unsafe [UInt8](key)
                return try unsafe put(key, [UInt8](value)) ? nil : key
            }
            var found: [UInt8]?? = try unsafe cursor.seek(start, take)
            while case .some(nil) = found { found = try unsafe cursor.move(.next, take) }
            return found ?? nil
        }
    }
}

extension RootPage {
    /// Gives a new file's last commit the number of the one it is a copy of: records say which commit
    /// they are of, and LMDB's lock file, which other processes may hold open, counts on from there.
    fileprivate static func renumber(
        _ folder: StoreFolder, to transaction: Int
    ) throws(StoreError) {
        do throws(PageDamage) {
            let file = try PageFile(folder)
            let root = try StoreCheck.newestRoot(file)
            do throws(StoreError) {
                let target = try Descriptor(folder.data, O_RDWR)
                let slot = transaction & 1
                for (number, place) in [(transaction, slot), (max(transaction - 1, 0), 1 - slot)] {
                    try target.write(
                        root.bytes(numbered: number, slot: place), at: place * file.pageBytes)
                }
                try target.sync()
            } catch { throw .store(error) }
        } catch { throw error.storeError(folder) }
    }
}

/// Keeps every other process from opening the store, as LMDB itself does while it opens one.
///
/// Source: `mdb_env_excl_lock` in LMDB's `mdb.c`: each process holds a shared lock on the first byte
/// of the lock file for as long as it has the environment open, and waits for it.
private struct ReaderLock: ~Copyable {
    private let file: Descriptor

    /// Throws: `.readersPresent` when another process has the store open.
    init(_ folder: StoreFolder) throws(StoreError) {
        let opened = try Descriptor(folder.readers, O_RDWR | O_CREAT)
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_len = 1
        guard unsafe fcntl(opened.number, F_SETLK, &range) == 0 else {
            throw .readersPresent(path: folder.path)
        }
        file = opened
    }

    /// The lock goes with the file's closing; the call keeps it until then.
    borrowing func release() {}
}
