import Glibc

/// A file descriptor that is closed when it goes; the standard streams stay open.
final class LogFile {
    let path: String
    private let descriptor: Int32
    private let isOwned: Bool
    /// Where the bytes go until the file is whole; `nil` where that is its own name, or it is done.
    private var unfinished: String?
    /// What `path` leads to.
    private let target: String
    private let replaces: Bool

    /// `-` is standard input.
    init(reading path: String) throws(LogError) {
        self.path = path == "-" ? "standard input" : path
        isOwned = path != "-"
        replaces = false
        target = path
        descriptor = isOwned ? unsafe open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO
        if descriptor < 0 { throw systemError(path, "open it") }
        var status = stat()
        if unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw .system(path: path, operation: "read it", errno: EISDIR, reason: message(EISDIR))
        }
    }

    /// `-` is standard output.
    ///
    /// - Parameter appearsWhole: whether the file gets its name in `appear` alone. What is no regular
    ///   file is written as it is.
    init(writing path: String, replaces: Bool, appearsWhole: Bool) throws(LogError) {
        isOwned = path != "-"
        self.replaces = replaces
        var status = stat()
        let found = unsafe stat(path, &status)
        let isThere = isOwned && found == 0
        let isFile = !isThere || status.st_mode & S_IFMT == S_IFREG
        // A link stays one, and what it leads to is replaced.
        target = isThere && isFile ? Self.resolved(path) : path
        self.path = isOwned ? path : "standard output"
        if isThere, !replaces { throw .exists(path: path) }
        let unfinished = isOwned && isFile && appearsWhole ? "\(target).\(getpid()).part" : nil
        self.unfinished = unfinished
        let how = O_WRONLY | O_CREAT | O_CLOEXEC | (replaces ? O_TRUNC : O_EXCL)
        descriptor = isOwned ? unsafe open(unfinished ?? target, how, 0o644) : STDOUT_FILENO
        if descriptor < 0 {
            if errno == EEXIST { throw .exists(path: path) }
            throw systemError(path, "create it")
        }
    }

    deinit {
        if isOwned, descriptor >= 0 { close(descriptor) }
        if descriptor >= 0, let unfinished { unsafe unlink(unfinished) }
    }

    private static func resolved(_ path: String) -> String {
        guard let resolved = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// Gives the file its name, in one step; the bytes must be on the disk.
    func appear() throws(LogError) {
        guard let unfinished else { return }
        if replaces {
            guard unsafe rename(unfinished, target) == 0 else {
                throw systemError(path, "create it")
            }
        } else {
            // Unlike a renaming this never takes the place of what came there meanwhile.
            guard unsafe link(unfinished, target) == 0 else {
                if errno == EEXIST { throw .exists(path: path) }
                throw systemError(path, "create it")
            }
            unsafe unlink(unfinished)
        }
        self.unfinished = nil
    }

    /// Bytes of a regular file; `nil` for pipes and the like.
    var byteCount: Int64? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return Int64(status.st_size)
    }

    /// The next bytes, at most `count`; none at the end of the file.
    func read(atMost count: Int) throws(LogError) -> [UInt8] {
        while true {
            var code = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                code = unsafe Glibc.read(descriptor, buffer.baseAddress, count)
                filled = max(0, code)
            }
            if code >= 0 { return bytes }
            if errno != EINTR { throw systemError(path, "read it") }
        }
    }

    func write(_ bytes: ArraySlice<UInt8>) throws(LogError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw systemError(path, "write to it")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Has the file's bytes on the disk; a pipe or terminal has none to sync.
    func sync() throws(LogError) {
        if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS {
            throw systemError(path, "sync it")
        }
    }
}

private func systemError(_ path: String, _ operation: String) -> LogError {
    let code = errno
    return .system(path: path, operation: operation, errno: code, reason: message(code))
}

private func message(_ code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
}
