import Glibc

/// The lock of the one process that may write, held as long as the object lives.
///
/// `flock` locks belong to the open file, so a second opening in the same process is refused too,
/// and the kernel lets go when the process dies, however it dies.
final class WriterLock: Sendable {
    private let file: Descriptor

    private init(_ file: consuming Descriptor) { self.file = file }

    deinit {
        // Explicitly: a child process between `fork` and `exec` has the open file too, and the lock
        // would stay until that one closes it.
        flock(file.number, LOCK_UN)
    }

    /// What the lock is held for; the file says so, for whoever has to wait.
    enum Purpose: String {
        case writing
        /// A reader that looks at a store nobody closed; over soon.
        case checking
        /// The data file is about to be replaced by a new one.
        case rewriting
    }

    /// Waits, ten minutes at most, while another process replaces the data file.
    static func waitForRewriting(_ folder: StoreFolder) throws(StoreError) {
        guard try FileStatus.of(folder.writerLock) != nil else { return }
        let opened: Descriptor
        do throws(StoreError) { opened = try Descriptor(folder.writerLock, O_RDONLY) } catch {
            // Who may not even look at the lock finds out from the store's other files.
            return
        }
        for _ in 0..<12_000 {
            // Asked first: a lock tried in vain would keep a writer away meanwhile.
            guard try holder(opened).purpose == .rewriting else { return }
            if flock(opened.number, LOCK_SH | LOCK_NB) == 0 { return }
            usleep(50_000)
        }
        throw .inUse(path: folder.path, process: try holder(opened).process)
    }

    /// Waits for a check that is under way, never for a writer.
    ///
    /// Throws: `.inUse` when another writes; `.cannotWrite` when the file cannot be made.
    static func acquire(
        _ folder: StoreFolder, for purpose: Purpose
    ) throws(StoreError) -> WriterLock {
        let opened: Descriptor
        do {
            opened = try Descriptor(folder.writerLock, O_RDWR | O_CREAT)
        } catch .system(_, _, let code) where [EACCES, EROFS, EPERM].contains(code) {
            throw .cannotWrite(path: folder.path, reason: systemMessage(code))
        }
        var waits = 0
        while flock(opened.number, LOCK_EX | LOCK_NB) != 0 {
            let holder = try holder(opened)
            // A check reads the data file once; ten minutes are enough for any of them.
            guard holder.purpose == .checking, waits < 12_000 else {
                throw .inUse(path: folder.path, process: holder.process)
            }
            usleep(50_000)
            waits += 1
        }
        // A stale entry is never believed, because the lock decides.
        try note(purpose, in: opened)
        return WriterLock(opened)
    }

    /// Says what the lock is held for from now on.
    func note(_ purpose: Purpose) throws(StoreError) { try Self.note(purpose, in: file) }

    private static func note(
        _ purpose: Purpose, in file: borrowing Descriptor
    ) throws(StoreError) {
        // Of one length and in place: a note takes no room that the one before did not have. The
        // lock holds without it, so a full disk is no reason to do without the lock.
        let text = "\(getpid()) \(purpose.rawValue)"
        let note = text + String(repeating: " ", count: max(0, 31 - text.utf8.count)) + "\n"
        do throws(StoreError) { try file.write(Array(note.utf8), at: 0) } catch .diskFull {}
    }

    /// Keeps writers away without the right to write; `nil` where no writer ever was.
    ///
    /// Throws: `.inUse` when there is a writer.
    static func acquireShared(_ folder: StoreFolder) throws(StoreError) -> WriterLock? {
        guard try FileStatus.of(folder.writerLock) != nil else { return nil }
        let opened = try Descriptor(folder.writerLock, O_RDONLY)
        guard flock(opened.number, LOCK_SH | LOCK_NB) == 0 else {
            throw .inUse(path: folder.path, process: try holder(opened).process)
        }
        return WriterLock(opened)
    }

    private static func holder(
        _ file: borrowing Descriptor
    ) throws(StoreError) -> (process: Int32?, purpose: Purpose) {
        let text = String(decoding: try file.read(at: 0, count: 64), as: UTF8.self)
        let words = text.split(whereSeparator: \.isWhitespace)
        return (
            words.first.flatMap { Int32($0) },
            words.dropFirst().first.flatMap { Purpose(rawValue: String($0)) } ?? .writing
        )
    }
}
