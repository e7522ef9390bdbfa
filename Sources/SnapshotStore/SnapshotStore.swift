import Records
import Synchronization

/// One store: the learned state, the ledger, what is still to be published, and every snapshot.
///
/// Thread: every method may be called from any thread. Writing ones block, on the disk too, and take
/// turns: call them from the one thread that learns. Reading ones see the last commit and never wait.
public final class SnapshotStore: Sendable {
    /// Whether calls that write are allowed. Only one process may have a store open for writing.
    public enum Mode: Sendable {
        /// `readWrite` takes the writer's lock, and makes a store where there is none.
        case readOnly, readWrite
    }

    /// How a store is opened. Bytes, as the names say.
    public struct Options: Sendable {
        /// Address space reserved for the file; sparse, halved where the system refuses it.
        public var mapBytes = 256 << 30
        /// Quota of the data file; `nil` for none.
        public var bytesMax: Int?
        /// Snapshots' weights are cut into chunks of about this many bytes.
        public var chunkBytes = 64 << 10
        /// Whether to check the whole store even after a clean close.
        public var checksAlways = false
        /// Commits whose keyed rows can be taken back, one by one.
        public var undoCommitsMax = 10_000_000
        /// Undo records together take at most about this much.
        public var undoBytesMax = 4 << 30
        /// The oldest format that opening for writing brings to the present one.
        public var oldestFormat: UInt32 = 1
        /// Unsynced commits are synced when the file has grown by this much: until then none of the
        /// pages they let go of is used again.
        public var unsyncedBytesMax = 64 << 20

        /// The defaults; each may be set afterwards.
        public init() {}
    }

    /// Where the one that learns into a store listens, in the store's folder.
    public static let controlSocketName = "control.sock"

    /// The store's folder.
    public let path: String
    /// As it was opened.
    public let mode: Mode
    /// What the store is, from its creation on.
    public let identity: StoreIdentity
    /// As it was opened.
    public let options: Options
    let folder: StoreFolder
    private let session: Mutex<Session?>
    let writer: Mutex<Writer>
    /// Held by whoever deletes chunks, or relies on those that are there, over several transactions.
    let chunkWork = Mutex(())
    /// What `forgetOwners` knows; the writer tells it what commits seal.
    let ownerWalk = Mutex(OwnerWalk())

    /// What a reader needs; held by each of them for as long as it reads.
    struct Session: Sendable {
        let environment: Environment
        let databases: Databases
    }

    /// What the writer knows beside what is on disk.
    struct Writer: ~Copyable, Sendable {
        var head: Head
        /// Keeps the pages of the last synced commit from reuse while there are unsynced ones.
        var syncedView: ReadTransaction?
        /// Bytes of the file in use when the view began.
        var syncedBytes = 0
        /// Bytes of the file in use when dead readers were last looked for.
        var readersCheckedAtBytes = 0
    }

    init(
        folder: StoreFolder, mode: Mode, identity: StoreIdentity, options: Options,
        session: Session, head: Head
    ) {
        path = folder.path
        self.folder = folder
        self.mode = mode
        self.identity = identity
        self.options = options
        self.session = Mutex(session)
        writer = Mutex(Writer(head: head))
    }

    /// Address space that the system granted; 0 once closed.
    package var mapBytes: Int { session.withLock { $0?.environment.mapBytes ?? 0 } }

    /// Throws: `.closed` after `close`.
    func current() throws(StoreError) -> Session {
        guard let session = session.withLock({ $0 }) else { throw .closed(path: path) }
        return session
    }

    /// Begins a view of the last commit.
    func withRead<R>(
        _ body: (borrowing ReadTransaction, Databases) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        let session = try current()
        let transaction = try ReadTransaction(session.environment)
        return try body(transaction, session.databases)
    }

    /// Runs one write transaction; what `body` returns is returned once everything is durable.
    ///
    /// Throws: what `body` throws, and then nothing has changed.
    func withWriter<R: Sendable>(
        sync: Bool = true, _ body: (inout RecordWriter) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        guard mode == .readWrite else { throw .openedReadOnly(path: path) }
        let session = try current()
        return try writer.withLock { writer throws(StoreError) in
            do throws(StoreError) { return try write(&writer, session, sync, body) } catch {
                guard error.isMapFull, let most = options.bytesMax else { throw error }
                throw .quotaReached(
                    path: path, usedBytes: session.environment.usedBytes, bytesMax: most)
            }
        }
    }

    private func write<R>(
        _ writer: inout Writer, _ session: Session, _ sync: Bool,
        _ body: (inout RecordWriter) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        try session.environment.requireInPlace()
        let used = session.environment.usedBytes
        if used - writer.readersCheckedAtBytes >= 16 << 20 {
            // The file grows: perhaps for the sake of a reader that died.
            session.environment.clearStaleReaders()
            writer.readersCheckedAtBytes = used
        }
        let isFar =
            writer.syncedView != nil && used - writer.syncedBytes >= options.unsyncedBytesMax
        let syncs = sync || isFar
        if !syncs, writer.syncedView == nil {
            let view = try ReadTransaction(session.environment)
            try SyncedRoot.save(folder)
            writer.syncedView = consume view
            writer.syncedBytes = used
        }
        session.environment.setSynced(syncs)
        var records = try RecordWriter(session.environment, session.databases, writer.head)
        let result = try body(&records)
        let sealed = records.vault.sealed
        writer.head = try records.commit()
        ownerWalk.withLock { $0.note(sealed) }
        if syncs { try settle(&writer) }
        return result
    }

    /// After a sync: there is nothing left to go back to.
    private func settle(_ writer: inout Writer) throws(StoreError) {
        guard writer.syncedView != nil else { return }
        try folder.remove(folder.syncedRoot)
        writer.syncedView = nil
    }

    /// Makes all commits durable that were made with `sync: false`.
    public func sync() throws(StoreError) {
        guard mode == .readWrite else { return }
        let session = try current()
        try writer.withLock { writer throws(StoreError) in
            guard writer.syncedView != nil else { return }
            try session.environment.sync()
            try settle(&writer)
        }
    }

    /// Makes everything durable and closes; the next opening need not check the store.
    ///
    /// Readers that are still at work finish first; the files close after the last of them.
    public func close() throws(StoreError) {
        if mode == .readWrite { try sync() }
        let folder = folder
        session.withLock { session in
            if mode == .readWrite {
                // Should the marker fail to be written, the next opening checks: nothing is lost.
                session?.environment.afterClose { try? CleanMarker.place(folder) }
            }
            session = nil
        }
    }

    /// Where the store stands.
    public func status() throws(StoreError) -> StoreStatus {
        try withRead { transaction, databases throws(StoreError) in
            let head = try transaction.head(databases)
            var live = 0
            for table in databases.tables {
                live += try transaction.pageBytes(databases[table])
            }
            return StoreStatus(
                sequence: head.sequence, lineage: head.lineage, eventTimeMs: head.eventTimeMs,
                stateDigest: head.stateDigest, learnedDigest: head.learnedDigest,
                weightsDigest: head.weightsDigest, counters: head.counters,
                tables: head.tables.filter { $0.kind != nil },
                ownTables: head.tables.filter { $0.kind == nil },
                lastErasure: head.lastErasure, migratedAt: head.migratedAt,
                cluster: head.cluster,
                nextOutbox: head.nextOutbox,
                fileBytes: transaction.environment.usedBytes, liveBytes: live)
        }
    }
}

/// Where a store stands at its last commit.
public struct StoreStatus: Sendable {
    /// The number of the last commit that changed state; 0 in a new store.
    public let sequence: UInt64
    /// Raised by every rewind.
    public let lineage: UInt32
    /// The newest event time learned. Unit: milliseconds since 1970; 0 before there is any.
    public let eventTimeMs: Int64
    /// The report's `state_sha256`.
    public let stateDigest: Digest256
    /// The report's `learned_sha256`: the same without the offsets.
    public let learnedDigest: Digest256
    /// The sum over the weights tables alone.
    public let weightsDigest: Digest256
    /// Named totals since the store was made, less what a rewind took back.
    public let counters: [String: Int64]
    /// Tables of the learned state and the ledger.
    public let tables: [TableSummary]
    /// The store's own: owners, snapshots, chunks, undo, journal, outbox.
    public let ownTables: [TableSummary]
    /// The last commit that erased somebody: no state before it can be had as it was, where the
    /// erased had a part in it.
    public let lastErasure: UInt64?
    /// The last commit of an earlier format, where there was one.
    public let migratedAt: UInt64?
    /// The cluster whose offsets the last commit moved; empty where nothing was read, or all of it
    /// was gone back from.
    public let cluster: String
    /// The number that the next message of the outbox gets: how many there ever were.
    public let nextOutbox: UInt64
    /// Bytes of the data file that were ever used.
    public let fileBytes: Int
    /// Bytes of the pages that hold something now; the others are used again.
    public let liveBytes: Int
}
