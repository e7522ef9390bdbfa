import Records

/// Why the store did not do what was asked. Nothing was changed on disk unless a case says so.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is nothing at `path`, and nobody asked to create a store there.
    case missing(path: String)
    /// A file, or a folder that holds something else.
    case notAStore(path: String, reason: String)
    /// The system refuses to write there: rights, or a read-only disk.
    case cannotWrite(path: String, reason: String)
    /// Another process learns into this store.
    case inUse(path: String, process: Int32?)
    /// Another process has the store open, if only to read.
    case readersPresent(path: String)
    /// This process has the store open already; LMDB allows one opening a process.
    case openedTwice(path: String)
    /// A call after `close`.
    case closed(path: String)
    /// A writing call on a store opened for reading.
    case openedReadOnly(path: String)
    /// Made by a later version of this program.
    case newerFormat(path: String, found: UInt32, known: UInt32)
    /// Only opening the store for writing brings it to this program's format.
    case olderFormat(path: String, found: UInt32, known: UInt32)
    /// Made on another base model than the one that is asked for.
    case otherBase(path: String, found: Digest256, expected: Digest256)
    /// A file, page or record that is not what was written.
    case damaged(path: String, what: String)
    /// An unclean stop left unsynced commits; only a writer may put the last synced one back.
    case needsRecovery(path: String)
    /// The commit needs more than `Options.bytesMax` leaves. Units: bytes.
    case quotaReached(path: String, usedBytes: Int, bytesMax: Int)
    /// The disk has no room for the commit.
    case diskFull(path: String)
    /// The data file was taken away or exchanged while it was open.
    case gone(path: String)
    /// LMDB takes no longer keys in this table. Units: bytes.
    case keyTooLong(table: String, count: Int)
    /// No snapshot has this name; the nearest ones there are.
    case unknownReference(String, nearest: [String])
    /// The digits begin more than one id.
    case ambiguousReference(String, candidates: [String])
    /// The reference has no meaning here; the reason is the end of a sentence.
    case badReference(String, reason: String)
    /// The name is no tag: its characters, or one that stands for something else.
    case badTag(String, reason: String)
    /// The tag is on another snapshot.
    case tagTaken(String, by: String)
    /// The snapshot was learned on another base than the store's.
    case baseMismatch(snapshot: String, found: Digest256, expected: Digest256)
    /// The snapshot's state cannot be had as a whole any more.
    case notReplayable(String, reason: String)
    /// What was asked for was given up at the time that it was given.
    case takesTooLong(what: String)
    /// A call of the operating system failed; `code` is its `errno`.
    case system(call: String, path: String, code: Int32)
    /// LMDB failed; `code` is its own.
    case lmdb(call: String, path: String, code: Int32, message: String)

    /// A sentence without an end that says what to do, where something can be done.
    public var description: String {
        switch self {
        case .missing(let path): "there is no store at \(path)"
        case .notAStore(let path, let reason): "\(path) is not a store: \(reason)"
        case .cannotWrite(let path, let reason):
            "the store at \(path) cannot be written: \(reason); give this user the right to write "
                + "there, or another path"
        case .inUse(let path, let process):
            "the store at \(path) is in use" + (process.map { " by process \($0)" } ?? "")
        case .readersPresent(let path):
            "another process has the store at \(path) open; its file cannot be rewritten before it is "
                + "closed there"
        case .openedTwice(let path): "the store at \(path) is open in this process already"
        case .closed(let path): "the store at \(path) has been closed"
        case .openedReadOnly(let path): "the store at \(path) was opened for reading only"
        case .newerFormat(let path, let found, let known):
            "the store at \(path) has format \(found), this program knows formats up to \(known); "
                + "use a newer program"
        case .olderFormat(let path, let found, let known):
            "the store at \(path) has format \(found) of an earlier version; the first command that "
                + "writes to it, other than the daemon, which learns on no such store, brings it to format \(known), for good"
        case .otherBase(let path, let found, let expected):
            "the store at \(path) was made on base \(found.short), not on base \(expected.short); "
                + "weights never load on another base"
        case .damaged(let path, let what): "the store at \(path) is damaged: \(what)"
        case .needsRecovery(let path):
            "the store at \(path) was not closed cleanly and must be opened for writing first"
        case .quotaReached(let path, let used, let most):
            "the store at \(path) is at its quota: \(megabytes(used)) of \(megabytes(most)) "
                + "(store.bytes_max) are used, and the commit needs more; prune snapshots or raise it"
        case .diskFull(let path):
            "the disk that holds \(path) is full; nothing was changed: make room there and try again"
        case .gone(let path):
            "the files of the store at \(path) were taken away or exchanged while it was open; "
                + "put them back and start again: nothing was learned after the last commit"
        case .keyTooLong(let table, let count):
            "a key of \(count) bytes is too long for table \(table)"
        case .unknownReference(let reference, let nearest):
            "no snapshot is called \(reference)"
                + (nearest.isEmpty ? "" : "; nearest: \(nearest.joined(separator: ", "))")
        case .ambiguousReference(let reference, let candidates):
            "\(reference) could be any of \(candidates.joined(separator: ", "))"
        case .badReference(let reference, let reason): "\(reference): \(reason)"
        case .badTag(let tag, let reason): "“\(tag)” cannot be a tag: \(reason)"
        case .tagTaken(let tag, let by): "tag \(tag) is on snapshot \(by) already"
        case .baseMismatch(let snapshot, let found, let expected):
            "snapshot \(snapshot) was made on base \(found.short), not on base \(expected.short)"
        case .notReplayable(let snapshot, let reason):
            "snapshot \(snapshot) cannot be gone back to: \(reason)"
        case .takesTooLong(let what): "\(what) takes longer than it may"
        case .system(let call, let path, let code):
            "\(call) failed on \(path): \(systemMessage(code)); look whether its disk is there and "
                + "writable"
        case .lmdb(let call, let path, _, let message): "\(call) failed on \(path): \(message)"
        }
    }
}

extension Digest256 {
    /// The first twelve digits: enough for people to tell two apart.
    var short: String { String(hex.prefix(12)) }
}

private func megabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 50_000) / 100_000
    return "\(tenths / 10).\(tenths % 10) MB"
}
