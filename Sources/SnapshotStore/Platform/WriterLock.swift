import Glibc

/// The lock of the one process that may write, held as long as the object lives.
///
/// `flock` locks belong to the open file, so a second opening in the same process is refused too,
/// and the kernel lets go when the process dies, however it dies.
final class WriterLock: Sendable {
    private let file: Descriptor

    private init(_ file: consuming Descriptor) { self.file = file }

    /// Throws: `.inUse` when another has it; `.cannotWrite` when the file cannot be made.
    static func acquire(_ folder: StoreFolder) throws(StoreError) -> WriterLock {
        let opened: Descriptor
        do {
            opened = try Descriptor(folder.writerLock, O_RDWR | O_CREAT)
        } catch .system(_, _, let code) where [EACCES, EROFS, EPERM].contains(code) {
            throw .cannotWrite(path: folder.path, reason: systemMessage(code))
        }
        guard flock(opened.number, LOCK_EX | LOCK_NB) == 0 else {
            throw .inUse(path: folder.path, process: try holder(opened))
        }
        // For the message above; a stale number is never read, because the lock decides.
        try opened.truncate(to: 0)
        try opened.write(Array("\(getpid())\n".utf8), at: 0)
        return WriterLock(opened)
    }

    /// Keeps writers away without the right to write; `nil` where no writer ever was.
    ///
    /// Throws: `.inUse` when there is a writer.
    static func acquireShared(_ folder: StoreFolder) throws(StoreError) -> WriterLock? {
        guard try FileStatus.of(folder.writerLock) != nil else { return nil }
        let opened = try Descriptor(folder.writerLock, O_RDONLY)
        guard flock(opened.number, LOCK_SH | LOCK_NB) == 0 else {
            throw .inUse(path: folder.path, process: try holder(opened))
        }
        return WriterLock(opened)
    }

    private static func holder(_ file: borrowing Descriptor) throws(StoreError) -> Int32? {
        let text = String(decoding: try file.read(at: 0, count: 32), as: UTF8.self)
        return Int32(text.prefix { $0.isNumber })
    }
}
