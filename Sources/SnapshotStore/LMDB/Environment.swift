import CLMDB
import Glibc
import Records
import Synchronization

/// A handle of one named database; valid for the environment that opened it.
struct Database: Sendable {
    let handle: MDB_dbi

    /// LMDB's own table of free pages.
    static let freePages = Database(handle: 0)
}

extension StoreError {
    /// Whether LMDB has used up the size it may map.
    var isMapFull: Bool {
        if case .lmdb(_, _, MDB_MAP_FULL, _) = self { true } else { false }
    }
}

/// One LMDB environment.
///
/// Transactions hold it, so that it closes after the last of them, never under one.
/// Thread: any thread may begin a read transaction; writers take turns in LMDB's own mutex.
@safe final class Environment: @unchecked Sendable {
    /// Made in `init`, closed in `deinit`; LMDB guards what is behind it.
    let handle: OpaquePointer
    let folder: StoreFolder
    let isReadOnly: Bool
    let mapBytes: Int
    private let file: FileIdentity
    private let onClose = Mutex<(@Sendable () -> Void)?>(nil)
    private let lock = Mutex<WriterLock?>(nil)
    /// Where the handlers of faults know its map.
    private let watched: Int?
    /// Which file is open, by whatever name.
    private let data: FileIdentity

    /// - Parameter mapBytes: Address space to reserve; halved until the system grants it.
    init(
        _ folder: StoreFolder, readOnly: Bool, withoutLocks: Bool = false, mapBytes: Int
    ) throws(StoreError) {
        // LMDB: "Do not have open an LMDB database twice in the same process at the same time."
        guard let status = try FileStatus.of(folder.path) else {
            throw .missing(path: folder.path)
        }
        file = FileIdentity(device: status.device, inode: status.inode)
        guard OpenEnvironments.insert(file) else { throw .openedTwice(path: folder.path) }
        do throws(StoreError) {
            if !withoutLocks { try Self.reserveReaders(folder, readOnly: readOnly) }
            let flags =
                UInt32(MDB_NOTLS) | (readOnly ? UInt32(MDB_RDONLY) : 0)
                | (withoutLocks ? UInt32(MDB_NOLOCK) : 0)
            (unsafe handle, self.mapBytes) = try unsafe Self.open(folder, flags, mapBytes)
        } catch {
            OpenEnvironments.remove(file)
            throw error
        }
        self.folder = folder
        isReadOnly = readOnly
        watched = unsafe DamageExit.watch(handle, folder)
        data = (try? FileStatus.of(folder.data))?.flatMap(FileIdentity.init) ?? file
    }

    /// LMDB writes to its table of readers through a map: on a full disk a table with holes would end
    /// the process. So its room is taken before.
    ///
    /// Throws: `.diskFull` where there is none, `.cannotWrite` where it may not be written.
    private static func reserveReaders(
        _ folder: StoreFolder, readOnly: Bool
    ) throws(StoreError) {
        do throws(StoreError) {
            try Descriptor(folder.readers, O_RDWR | O_CREAT).reserve(readersBytes)
        } catch .system(_, _, let code) where [EACCES, EROFS, EPERM].contains(code) {
            throw .cannotWrite(path: folder.path, reason: systemMessage(code))
        }
    }

    private static let readersMax: UInt32 = 1024
    /// A line of the processor's cache for each reader, a page for the head. Source: `mdb.c`,
    /// "MDB_reader", "MDB_txninfo".
    private static let readersBytes = Int(readersMax) * 64 + 4096

    /// Throws: `.gone` where the data file that is open is not the one at the store's path any more:
    /// what would be written is lost with the process.
    func requireInPlace() throws(StoreError) {
        guard let status = try FileStatus.of(folder.data), FileIdentity(status) == data else {
            throw .gone(path: folder.path)
        }
    }

    deinit {
        if let watched { DamageExit.forget(watched) }
        unsafe mdb_env_close(handle)
        OpenEnvironments.remove(file)
        onClose.withLock { $0 }?()
    }

    /// Runs once the environment is closed and its files are as they stay.
    func afterClose(_ action: @escaping @Sendable () -> Void) {
        onClose.withLock { $0 = action }
    }

    /// Holds the lock until the environment is closed and what follows is done.
    func keep(_ lock: WriterLock) {
        self.lock.withLock { $0 = lock }
    }

    private static func open(
        _ folder: StoreFolder, _ flags: UInt32, _ wanted: Int
    ) throws(StoreError) -> (OpaquePointer, Int) {
        var bytes = wanted
        while true {
            var made: OpaquePointer?
            try check(unsafe mdb_env_create(&made), "mdb_env_create", folder.path)
            guard let environment = unsafe made else {
                throw .lmdb(
                    call: "mdb_env_create", path: folder.path, code: 0, message: "no handle")
            }
            unsafe mdb_env_set_mapsize(environment, bytes)
            unsafe mdb_env_set_maxdbs(environment, 64)
            unsafe mdb_env_set_maxreaders(environment, readersMax)
            let code = unsafe mdb_env_open(environment, folder.path, flags, 0o600)
            if code == MDB_SUCCESS { return unsafe (environment, bytes) }
            unsafe mdb_env_close(environment)
            guard code == ENOMEM, bytes > 1 << 28 else {
                throw failure(code, "mdb_env_open", folder.path)
            }
            bytes /= 2
        }
    }

    /// Bytes of the data file that have ever been used.
    var usedBytes: Int {
        var info = unsafe MDB_envinfo()
        var stat = MDB_stat()
        unsafe mdb_env_info(handle, &info)
        unsafe mdb_env_stat(handle, &stat)
        return unsafe (info.me_last_pgno + 1) * Int(stat.ms_psize)
    }

    var lastTransaction: Int {
        var info = unsafe MDB_envinfo()
        unsafe mdb_env_info(handle, &info)
        return unsafe info.me_last_txnid
    }

    /// Forgets readers whose process has died; without it they would keep pages from reuse.
    @discardableResult
    func clearStaleReaders() -> Int {
        var dead: Int32 = 0
        unsafe mdb_reader_check(handle, &dead)
        return Int(dead)
    }

    /// Whether commits from now on wait for the disk. Thread: the writer's, between transactions.
    func setSynced(_ synced: Bool) {
        unsafe mdb_env_set_flags(handle, UInt32(MDB_NOSYNC), synced ? 0 : 1)
    }

    func sync() throws(StoreError) {
        try check(unsafe mdb_env_sync(handle, 1), "mdb_env_sync", folder.path)
    }
}

/// Device and inode: the same file whatever path leads to it.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64

    init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    init(_ status: FileStatus) { self.init(device: status.device, inode: status.inode) }
}

/// Which environments this process has open. LMDB's file locks are per process and would be lost
/// if a second opening were closed.
private enum OpenEnvironments {
    private static let files = Mutex<Set<FileIdentity>>([])

    static func insert(_ file: FileIdentity) -> Bool { files.withLock { $0.insert(file).inserted } }
    static func remove(_ file: FileIdentity) { files.withLock { _ = $0.remove(file) } }
}

func check(_ code: Int32, _ call: String, _ path: String) throws(StoreError) {
    if code != MDB_SUCCESS { throw failure(code, call, path) }
}

/// What an LMDB return code means for the store.
func failure(_ code: Int32, _ call: String, _ path: String) -> StoreError {
    switch code {
    case ENOSPC, EDQUOT, EFBIG: return .diskFull(path: path)
    // LMDB reports a write that the system cut short as EIO, for want of a better code.
    case EIO where roomIsGone(path): return .diskFull(path: path)
    case EACCES, EROFS, EPERM: return .cannotWrite(path: path, reason: systemMessage(code))
    case EIO, ENXIO, ENODEV, ESTALE: return .system(call: call, path: path, code: code)
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH, MDB_BAD_TXN,
        MDB_INCOMPATIBLE, MDB_CURSOR_FULL:
        let message = unsafe String(cString: mdb_strerror(code))
        return .damaged(path: path, what: "\(call): \(message)")
    default:
        let message = unsafe String(cString: mdb_strerror(code))
        return .lmdb(call: call, path: path, code: code, message: message)
    }
}

/// Whether so little may still be written that a commit was probably cut short by it.
private func roomIsGone(_ path: String) -> Bool {
    let little: UInt = 64 << 20
    var room = statvfs()
    if unsafe statvfs(path, &room) == 0, UInt(room.f_bavail) * UInt(room.f_frsize) < little {
        return true
    }
    var limit = rlimit()
    let fileSize = __rlimit_resource_t(1)
    guard unsafe getrlimit(fileSize, &limit) == 0 else { return false }
    let used = (try? FileStatus.of(StoreFolder(path: path).data))?.byteCount ?? 0
    return limit.rlim_cur < rlim_t(used) + rlim_t(little)
}
