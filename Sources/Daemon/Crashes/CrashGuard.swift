import Events
import Foundation
import Records

/// Keeps the crash history in a small file beside the store, which outlives the process however it
/// ends.
///
/// The file is written before each batch and after each commit and never synced: a machine that
/// goes down takes it along, which is no crash of the process.
/// Thread: the learning thread.
struct CrashGuard {
    private let file: FileHandle
    private(set) var history: CrashHistory
    private var pending: [TopicPartition: Int64] = [:]

    private static let name = "attempt"

    /// - Parameters:
    ///   - store: the store's folder.
    ///   - offsets: the store's, from which this process goes on.
    init(store: String, offsets: [TopicPartition: Int64]) throws {
        let path = store + "/" + Self.name
        let stored = FileManager.default.contents(atPath: path)
        if stored == nil, !FileManager.default.createFile(atPath: path, contents: nil) {
            throw CrashError.unwritable(path: path)
        }
        guard let file = FileHandle(forUpdatingAtPath: path) else {
            throw CrashError.unwritable(path: path)
        }
        self.file = file
        history = stored.flatMap { Self.history(Array($0)) } ?? CrashHistory()
        history.resume(from: offsets)
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

    // MARK: The file

    private func write() throws {
        let bytes = history.bytes
        var writer = ByteWriter(capacity: bytes.count + 16)
        writer.data(bytes)
        writer.integer(CRC32.checksum(bytes))
        try file.seek(toOffset: 0)
        try file.write(contentsOf: writer.bytes)
    }

    /// nil for what a process left that was ended while it wrote.
    private static func history(_ stored: [UInt8]) -> CrashHistory? {
        // Beyond the record lies what is left of longer ones.
        var reader = ByteReader(stored)
        guard let bytes = try? reader.data(), let sum = try? reader.integer(UInt32.self),
            sum == CRC32.checksum(bytes)
        else { return nil }
        return try? CrashHistory(bytes: bytes)
    }
}

enum CrashError: Error, CustomStringConvertible {
    case unwritable(path: String)
    case notTheRecords(count: Int)

    var description: String {
        switch self {
        case .unwritable(let path): "\(path) cannot be written"
        case .notTheRecords(let count):
            "the daemon crashed on \(count) records in a row, each alone: the records are hardly "
                + "the reason. They are in the dead letters; see the log for what ended it, and "
                + "remove the file 'attempt' in the store's folder to try again"
        }
    }
}
