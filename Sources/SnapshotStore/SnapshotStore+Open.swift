import Records

extension SnapshotStore {
    /// Opens the store in the folder `path`, or makes one there.
    ///
    /// After an unclean stop the whole store is checked first, without LMDB, so that no damage can
    /// hurt this process; only a sound store is opened. After a clean close, and beside a writer, every
    /// page that LMDB follows is: a note that the store was closed cleanly is never trusted with the
    /// life of the process.
    /// - Parameters:
    ///   - identity: What the store must be made on; a new store takes it over. Without it any base
    ///     is fine and no store is made.
    /// - Throws: `StoreError`, with nothing changed on disk.
    public static func open(
        path: String, mode: Mode, identity: StoreIdentity? = nil, options: Options = Options()
    ) throws(StoreError) -> SnapshotStore {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let folder = StoreFolder(path: trimmed)
        switch (try presence(folder), mode) {
        case (.store, .readOnly): return try openReading(folder, identity, options)
        case (.store, .readWrite): return try openWriting(folder, identity, options)
        case (.absent, .readWrite):
            guard let identity else { throw .missing(path: folder.path) }
            try folder.create()
            return try openWriting(folder, identity, options)
        case (.absent, .readOnly): throw .missing(path: folder.path)
        }
    }

    /// Whether there is a folder in which a store is, or can be made.
    ///
    /// - Throws: `StoreError.notAStore` for what is something else.
    public static func isFolder(_ path: String) throws(StoreError) -> Bool {
        let folder = StoreFolder(path: path)
        guard try FileStatus.of(folder.path) != nil else { return false }
        _ = try presence(folder)
        return true
    }

    /// Files of a store that whoever learns into it writes.
    public static let writtenFiles = ["data.mdb", "lock.mdb", "writer.lock"]

    private enum Presence {
        case absent, store
    }

    private static func presence(_ folder: StoreFolder) throws(StoreError) -> Presence {
        guard let status = try FileStatus.of(folder.path) else { return .absent }
        guard status.isFolder else { throw .notAStore(path: folder.path, reason: "it is a file") }
        if let data = try FileStatus.of(folder.data) {
            guard data.isFile else {
                throw .notAStore(path: folder.path, reason: "its data.mdb is no file")
            }
            return .store
        }
        let others = try folder.foreignNames()
        guard others.isEmpty else {
            throw .notAStore(
                path: folder.path,
                reason: "it holds other files (\(others.prefix(3).joined(separator: ", ")))")
        }
        return .absent
    }

    // MARK: Writing

    private static func openWriting(
        _ folder: StoreFolder, _ wanted: StoreIdentity?, _ options: Options
    ) throws(StoreError) -> SnapshotStore {
        let lock = try WriterLock.acquire(folder, for: .writing)
        var isChecked = true
        if try isComplete(folder) {
            isChecked = try needsCheck(folder, options)
            if isChecked {
                let report = try Recovery.run(folder, mayWrite: true)
                try requireFormat(report.identity, options.oldestFormat, folder)
                try requireBase(report.identity, wanted, folder)
            }
        } else {
            guard let wanted else { throw .missing(path: folder.path) }
            try create(folder, wanted, options)
        }
        try PageGuard.requireRoots(folder)
        let environment = try Environment(folder, readOnly: false, mapBytes: options.mapBytesMax)
        let store = try finishOpening(
            folder, .readWrite, environment, wanted, options, isChecked: isChecked)
        // From here on an unclean stop is one.
        try CleanMarker.remove(folder)
        environment.keep(lock)
        environment.clearStaleReaders()
        return store
    }

    /// Whether the making of the store was finished; what is left of an unfinished one is removed.
    private static func isComplete(_ folder: StoreFolder) throws(StoreError) -> Bool {
        guard try FileStatus.of(folder.data) != nil else { return false }
        guard try FileStatus.of(folder.creating) != nil else { return true }
        let isSound = (try? StoreCheck.run(folder.path)) != nil
        if isSound {
            try folder.remove(folder.creating)
            return true
        }
        try folder.remove(folder.data)
        return false
    }

    private static func create(
        _ folder: StoreFolder, _ identity: StoreIdentity, _ options: Options
    ) throws(StoreError) {
        try folder.replace(folder.creating, with: Array("a store is being made here\n".utf8))
        try makeTables(folder, identity, options)
        try folder.remove(folder.creating)
    }

    private static func makeTables(
        _ folder: StoreFolder, _ identity: StoreIdentity, _ options: Options
    ) throws(StoreError) {
        let environment = try Environment(folder, readOnly: false, mapBytes: options.mapBytesMax)
        let transaction = try WriteTransaction(environment)
        _ = try Databases(transaction, create: true)
        try transaction.commit()
        let reading = try ReadTransaction(environment)
        let databases = try Databases(reading, create: false)
        let records = try RecordWriter(environment, databases, Head())
        try records.putMeta(StoreIdentity.key, identity.bytes)
        try records.putMeta(BlindingKey.key, BlindingKey.make())
        _ = try records.commit()
    }

    // MARK: Reading

    private static func openReading(
        _ folder: StoreFolder, _ wanted: StoreIdentity?, _ options: Options
    ) throws(StoreError) -> SnapshotStore {
        guard try FileStatus.of(folder.creating) == nil else { throw .missing(path: folder.path) }
        try WriterLock.waitForRewriting(folder)
        var isChecked = false
        if try needsCheck(folder, options) {
            isChecked = try checkBeforeReading(folder, always: options.checksAlways)
        }
        try PageGuard.requireRoots(folder)
        do throws(StoreError) {
            let environment = try Environment(folder, readOnly: true, mapBytes: options.mapBytes)
            return try finishOpening(
                folder, .readOnly, environment, wanted, options, isChecked: isChecked)
        } catch {
            switch error {
            case .cannotWrite, .diskFull:
                return try openWithoutWriting(folder, wanted, options, isChecked: isChecked)
            default: throw error
            }
        }
    }

    /// A live writer has checked the store itself; otherwise this process does, and says so on disk
    /// if it may and there is room.
    ///
    /// Returns: whether it did.
    private static func checkBeforeReading(
        _ folder: StoreFolder, always: Bool
    ) throws(StoreError) -> Bool {
        do throws(StoreError) {
            let lock = try WriterLock.acquire(folder, for: .checking)
            defer { withExtendedLifetime(lock) {} }
            // Whoever had the lock before may have done it already.
            if !always, try CleanMarker.holds(folder) { return false }
            _ = try Recovery.run(folder, mayWrite: true)
            // Without the marker the next one checks again.
            do throws(StoreError) { try CleanMarker.place(folder) } catch .diskFull {}
            return true
        } catch {
            switch error {
            case .inUse: return false
            case .cannotWrite, .diskFull:
                do throws(StoreError) {
                    let lock = try WriterLock.acquireShared(folder)
                    defer { withExtendedLifetime(lock) {} }
                    _ = try Recovery.run(folder, mayWrite: false)
                    return true
                } catch .inUse { return false }
            default: throw error
            }
        }
    }

    /// LMDB's readers write themselves into its lock file. Who may not, or finds no room for it, can
    /// still read a store that nobody writes, and keeps writers away meanwhile.
    private static func openWithoutWriting(
        _ folder: StoreFolder, _ wanted: StoreIdentity?, _ options: Options, isChecked: Bool
    ) throws(StoreError) -> SnapshotStore {
        let lock: WriterLock?
        do throws(StoreError) { lock = try WriterLock.acquireShared(folder) } catch {
            throw .cannotWrite(
                path: folder.path,
                reason: "reading beside a writer needs to write its lock.mdb")
        }
        let environment = try Environment(
            folder, readOnly: true, withoutLocks: true, mapBytes: options.mapBytes)
        if let lock { environment.keep(lock) }
        return try finishOpening(
            folder, .readOnly, environment, wanted, options, isChecked: isChecked)
    }

    // MARK: Both

    private static func needsCheck(
        _ folder: StoreFolder, _ options: Options
    ) throws(StoreError) -> Bool {
        if options.checksAlways { return true }
        return !(try CleanMarker.holds(folder))
    }

    private static func finishOpening(
        _ folder: StoreFolder, _ mode: Mode, _ environment: Environment, _ wanted: StoreIdentity?,
        _ options: Options, isChecked: Bool
    ) throws(StoreError) -> SnapshotStore {
        let transaction = try PageGuard.view(
            environment, folder, isChecked: isChecked, writes: mode == .readWrite)
        let meta = try transaction.database(Table.meta.name, create: false)
        guard
            let bytes = try transaction.record(
                meta, RecordDomain(.meta), stored: StoreIdentity.key, key: StoreIdentity.key)
        else { throw .damaged(path: folder.path, what: "it has no identity") }
        let identity: StoreIdentity
        do throws(ByteCodingError) { identity = try StoreIdentity(bytes: bytes) } catch {
            throw .damaged(path: folder.path, what: "identity: \(error)")
        }
        guard identity.format <= StoreIdentity.formatVersion else {
            throw .newerFormat(
                path: folder.path, found: identity.format, known: StoreIdentity.formatVersion)
        }
        try requireFormat(
            identity, mode == .readWrite ? options.oldestFormat : StoreIdentity.oldestReadable,
            folder)
        try requireBase(identity, wanted, folder)
        if identity.format < StoreIdentity.formatVersion, mode == .readWrite {
            try transaction.finish()
            try Migration.run(environment, from: identity)
            return try finishOpening(
                folder, mode, environment, wanted, options, isChecked: true)
        }
        let databases = try Databases(transaction, create: false, format: identity.format)
        let head = try transaction.head(databases)
        // Handles opened in a transaction last beyond it only if it is committed.
        try transaction.finish()
        return SnapshotStore(
            folder: folder, mode: mode, identity: identity, options: options,
            session: Session(environment: environment, databases: databases), head: head)
    }

    private static func requireFormat(
        _ found: StoreIdentity, _ oldest: UInt32, _ folder: StoreFolder
    ) throws(StoreError) {
        guard found.format < oldest else { return }
        throw .olderFormat(
            path: folder.path, found: found.format, known: StoreIdentity.formatVersion)
    }

    private static func requireBase(
        _ found: StoreIdentity, _ wanted: StoreIdentity?, _ folder: StoreFolder
    ) throws(StoreError) {
        guard let wanted, wanted.base != found.base else { return }
        throw .otherBase(path: folder.path, found: found.base, expected: wanted.base)
    }
}
