import Events
import Records

/// Reads an event log line by line: `.jsonl`, compressed with gzip or zstd or not, or `-` for
/// standard input. What it is compressed with is told by the first bytes.
///
/// A line is a plain event, or a record that `LogWriter` captured with its position. Memory is
/// bounded by the longest line allowed, whatever the file holds.
///
/// Thread: one at a time.
public final class LogReader {
    /// Longest line by default: a record of 10 MiB with room for its envelope.
    public static let lineBytesMaxDefault = 16 << 20

    /// As it was given; `-` is standard input.
    public let path: String
    /// The topic that plain lines are given.
    public let topic: String
    /// The number of the line read last, counted from 1.
    public private(set) var line: Int64 = 0

    private let source: ByteSource
    private let lineBytesMax: Int
    private let parser = JSONParser()
    /// Bytes read and not yet given out are those from `start` on; none before `scanned` is a
    /// line's end.
    private var buffer: [UInt8] = []
    private var start = 0
    private var scanned = 0
    private var isAtEnd = false

    /// - Parameters:
    ///   - path: a file, or `-`.
    ///   - topic: the topic of plain lines; the file's base name where `nil`. Logs that are read
    ///     together need names of their own.
    public init(
        path: String, topic: String? = nil, lineBytesMax: Int = LogReader.lineBytesMaxDefault
    ) throws(LogError) {
        self.path = path
        self.topic = topic ?? (path == "-" ? "stdin" : baseName(path))
        self.lineBytesMax = lineBytesMax
        source = try ByteSource(path: path)
    }

    /// Bytes of the file read so far, compressed as they are.
    public var bytesRead: Int64 { source.bytesRead }
    /// Bytes of the file; `nil` where that is not known beforehand.
    public var byteCount: Int64? { source.byteCount }

    /// The next line that is not blank; `nil` at the end.
    ///
    /// - Throws: when the file cannot be read on, or a record claims the last offset there is. Another bad
    ///   line is an entry, not an error.
    public func next() throws(LogError) -> LogEntry? {
        while true {
            guard let (bytes, byteCount) = try nextLine() else { return nil }
            line += 1
            if byteCount > lineBytesMax {
                return rejected(
                    "the line has \(byteCount) bytes, more than the \(lineBytesMax) allowed",
                    Array(bytes.prefix(LogEntry.prefixBytesMax)), byteCount)
            }
            if let entry = try entry(bytes) { return entry }
        }
    }

    private func entry(_ bytes: [UInt8]) throws(LogError) -> LogEntry? {
        if !bytes.contains(where: { $0 != 0x20 && $0 != 0x09 }) { return nil }
        let captured: SourceRecord?
        do throws(EnvelopeError) {
            captured = try RecordEnvelope.record(bytes, parser)
        } catch {
            return rejected("captured record: \(error.reason)", bytes, bytes.count)
        }
        if captured?.offset == .max { throw .lastOffset(path: path, line: line) }
        let plain = TopicPartition(topic: topic, partition: 0)
        return LogEntry(
            line: line,
            content: .record(captured ?? SourceRecord(position: plain, offset: line, value: bytes)))
    }

    private func rejected(_ reason: String, _ bytes: [UInt8], _ byteCount: Int) -> LogEntry {
        LogEntry(
            line: line,
            content: .rejected(reason: reason, bytes: bytes, byteCount: byteCount))
    }
}

// MARK: Lines

extension LogReader {
    /// The next line without its end, and its length; of a line that is too long, the beginning.
    private func nextLine() throws(LogError) -> (bytes: [UInt8], byteCount: Int)? {
        while true {
            if let end = lineEnd() {
                let bytes = trimmed(start..<end)
                start = end + 1
                scanned = start
                return (bytes, bytes.count)
            }
            if buffer.count - start > lineBytesMax { return try skipLongLine() }
            if isAtEnd {
                guard start < buffer.count else { return nil }
                let bytes = trimmed(start..<buffer.count)
                start = buffer.count
                scanned = start
                return (bytes, bytes.count)
            }
            try fill()
        }
    }

    private func lineEnd() -> Int? {
        let found = buffer[scanned...].firstIndex(of: 0x0a)
        scanned = found ?? buffer.count
        return found
    }

    /// Without a carriage return at the end, and without a byte order mark at the log's start.
    private func trimmed(_ range: Range<Int>) -> [UInt8] {
        var slice = buffer[range]
        if slice.last == 0x0d { slice.removeLast() }
        if line == 0, slice.starts(with: [0xef, 0xbb, 0xbf]) { slice.removeFirst(3) }
        return Array(slice)
    }

    /// Counts on to the line's end and keeps only its beginning.
    private func skipLongLine() throws(LogError) -> (bytes: [UInt8], byteCount: Int) {
        let prefix = Array(buffer[start...].prefix(LogEntry.prefixBytesMax))
        var byteCount = 0
        while true {
            let end = lineEnd()
            byteCount += (end ?? buffer.count) - start
            start = end.map { $0 + 1 } ?? buffer.count
            scanned = start
            if end != nil || isAtEnd { return (prefix, byteCount) }
            try fill()
        }
    }

    private func fill() throws(LogError) {
        buffer.removeSubrange(..<start)
        scanned -= start
        start = 0
        isAtEnd = try !source.read(into: &buffer)
    }
}

/// One line of a log.
public struct LogEntry: Sendable {
    /// How much of a line that is too long is kept.
    public static let prefixBytesMax = 1024

    /// What is in the line.
    public enum Content: Sendable {
        /// A captured record, or a plain line with the reader's topic and its line number as the
        /// offset.
        case record(SourceRecord)
        /// A line that is no record: too long, or a captured record that is not whole.
        /// `bytes` is the line, or the beginning of one that is too long.
        case rejected(reason: String, bytes: [UInt8], byteCount: Int)
    }

    /// Counted from 1.
    public let line: Int64
    /// What was made of the line.
    public let content: Content
}

private func baseName(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
}
