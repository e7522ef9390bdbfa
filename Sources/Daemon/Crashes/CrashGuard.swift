import Events
import Foundation
import Records
import SnapshotStore

/// Keeps the crash history in a small file beside the store, which outlives the process however it
/// ends.
///
/// The file is written before each batch and after each commit and never synced: a machine that
/// goes down takes it along, which is no crash of the process. A process that crashes writes a mark
/// into it (`CrashMarker`); one that is killed does not.
/// Thread: the learning thread.
struct CrashGuard {
    private let file: AttemptFile
    private(set) var history: CrashHistory
    private var pending: [TopicPartition: Int64] = [:]

    static let name = "attempt"

    /// - Parameters:
    ///   - store: the store's folder.
    ///   - offsets: the store's, from which this process goes on.
    /// - Throws: `StoreError` where the file cannot be written.
    init(store: String, offsets: [TopicPartition: Int64]) throws {
        let (file, stored) = try AttemptFile.open(store + "/" + Self.name)
        self.file = file
        history = stored.flatMap { try? CrashHistory(bytes: $0.history) } ?? CrashHistory()
        history.resume(from: offsets, crashed: stored?.crashed ?? false)
        try write()
    }

    /// Records to learn at one go, at most.
    func recordsMax(_ usual: Int) -> Int { min(usual, history.limit ?? usual) }

    /// Whether each batch is to be committed before the next.
    var isSearching: Bool { history.limit != nil }

    /// The record among these that has to be refused.
    func culprit(among records: [SourceRecord]) -> SourceRecord? {
        guard let culprit = history.culprit else { return nil }
        return records.first { $0.position == culprit.position && $0.offset == culprit.offset }
    }

    /// - Throws: `CrashError` when so many were refused in a row that it cannot be the records.
    mutating func refuse(_ record: SourceRecord) throws {
        guard history.refused(.init(record.position, record.offset)) else {
            throw CrashError.notTheRecords(count: CrashHistory.refusedMax)
        }
    }

    /// Before the records are looked at.
    mutating func begin(_ records: [SourceRecord], next: [TopicPartition: Int64]) throws {
        history.begin(records.lazy.map { .init($0.position, $0.offset) })
        pending.merge(next) { $1 }
        try write()
    }

    /// What was begun is in the store.
    mutating func committed() throws {
        history.committed(pending)
        pending = [:]
        try write()
    }

    /// What was begun ends by an error of the store or the brokers.
    mutating func spare() throws {
        history.spare()
        try write()
    }

    /// What was begun ends by an error of its own, which counts like a crash.
    func failed() throws { try file.markFailed() }

    private func write() throws { try file.write(history.bytes) }
}

/// The file itself: a head, the mark of a crash, and the history with its checksum.
///
/// Room for the usual history is taken when the file is made, so that a full disk does not end a
/// process at its first batch.
private final class AttemptFile {
    private let file: StoreFile

    private static let magic: UInt64 = 0x3254_504d_4554_5441
    private static let markAt = 8
    private static let usualBytes = 16 << 10
    /// The mark of a process that ended by an error, where signals have their numbers.
    private static let failure: UInt64 = 255

    private init(_ file: StoreFile) {
        self.file = file
        CrashMarker.arm(file: file.descriptor, at: Self.markAt)
    }

    deinit {
        CrashMarker.disarm(file: file.descriptor)
    }

    /// - Returns: what the last process left; `nil` for what one left that was ended while it wrote,
    ///   or that had another layout.
    static func open(
        _ path: String
    ) throws -> (file: AttemptFile, stored: (history: [UInt8], crashed: Bool)?) {
        let file = try StoreFile(path)
        let bytes = try file.readAll()
        try file.reserve(usualBytes)
        var reader = ByteReader(bytes)
        guard let found = try? reader.integer(UInt64.self), found == magic,
            let mark = try? reader.integer(UInt64.self),
            // Beyond the record lies what is left of longer ones.
            let history = try? reader.data(), let sum = try? reader.integer(UInt32.self),
            sum == CRC32.checksum(history)
        else { return (AttemptFile(file), nil) }
        return (AttemptFile(file), (history, mark != 0))
    }

    /// Writes a history, without a mark.
    func write(_ history: [UInt8]) throws {
        var writer = ByteWriter(capacity: history.count + 32)
        writer.integer(Self.magic)
        writer.integer(0 as UInt64)
        writer.data(history)
        writer.integer(CRC32.checksum(history))
        try file.write(writer.bytes, at: 0)
    }

    func markFailed() throws {
        var writer = ByteWriter()
        writer.integer(Self.failure)
        try file.write(writer.bytes, at: Self.markAt)
    }
}

enum CrashError: Error, CustomStringConvertible, ClassifiedFailure {
    case notTheRecords(count: Int)

    var failureKind: FailureKind { .bug }

    var description: String {
        switch self {
        case .notTheRecords(let count):
            "the daemon crashed on \(count) records in a row, each alone: the records are hardly "
                + "the reason. They are in the dead letters; see the log for what ended it, and "
                + "remove the file 'attempt' in the store's folder to try again"
        }
    }
}
