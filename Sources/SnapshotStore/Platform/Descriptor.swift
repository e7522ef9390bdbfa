import Glibc

/// What the operating system says about an error code.
func systemMessage(_ code: Int32) -> String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}

/// What a failed call of the system means.
func systemFailure(_ call: String, _ path: String, _ code: Int32) -> StoreError {
    switch code {
    case ENOSPC, EDQUOT: .diskFull(path: path)
    default: .system(call: call, path: path, code: code)
    }
}

/// Processors that this process may use.
func activeProcessors() -> Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

/// An open file, closed when the value goes out of scope.
///
/// Thread: `read` and `status` may be called from any thread; everything else from its owner.
struct Descriptor: ~Copyable {
    let number: Int32
    let path: String

    /// Throws: `StoreError.system` with the `errno` of `open`.
    ///
    /// A file that is made is its user's alone, whatever the umask.
    init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(StoreError) {
        let opened = unsafe open(path, flags | O_CLOEXEC, mode)
        guard opened >= 0 else { throw systemFailure("open", path, errno) }
        number = opened
        self.path = path
    }

    deinit {
        Glibc.close(number)
    }

    func status() throws(StoreError) -> FileStatus {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else {
            throw .system(call: "fstat", path: path, code: errno)
        }
        return FileStatus(status)
    }

    /// Reads up to `count` bytes at `offset`; fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(StoreError) -> [UInt8] {
        var code: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = unsafe pread(
                    number, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                if got < 0 { code = errno }
                if got <= 0 { return }
                filled += got
            }
        }
        if code != 0 { throw .system(call: "pread", path: path, code: code) }
        return bytes
    }

    /// Everything to the end, for files of the system that tell no size.
    func readAll() throws(StoreError) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let piece = try read(at: all.count, count: 65_536)
            if piece.isEmpty { return all }
            all += piece
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    number, buffer.baseAddress! + done, bytes.count - done, off_t(offset + done))
            }
            if wrote < 0, errno == EINTR { continue }
            guard wrote > 0 else { throw systemFailure("pwrite", path, errno) }
            done += wrote
        }
    }

    /// Has the first bytes of the file on the disk, zeros where nothing was: what is written there
    /// later, through a map too, finds room.
    ///
    /// Throws: `.diskFull`.
    func reserve(_ byteCount: Int) throws(StoreError) {
        var code: Int32
        repeat { code = posix_fallocate(number, 0, off_t(byteCount)) } while code == EINTR
        guard code == 0 else { throw systemFailure("posix_fallocate", path, code) }
    }

    func sync() throws(StoreError) {
        guard fsync(number) == 0 else {
            throw systemFailure("fsync", path, errno)
        }
    }
}

/// The parts of `stat` by which a change of a file is told.
struct FileStatus: Equatable {
    let device: UInt64
    let inode: UInt64
    let byteCount: Int
    let modifiedNs: Int64
    let changedNs: Int64
    let isFolder: Bool
    let isFile: Bool

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        byteCount = Int(status.st_size)
        modifiedNs = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        changedNs = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        isFile = status.st_mode & S_IFMT == S_IFREG
    }

    /// What is at `path`, `nil` when there is nothing.
    static func of(_ path: String) throws(StoreError) -> FileStatus? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            if errno == ENOTDIR {
                throw .notAStore(path: path, reason: "part of the path is a file, not a folder")
            }
            throw .system(call: "stat", path: path, code: errno)
        }
        return FileStatus(status)
    }
}
