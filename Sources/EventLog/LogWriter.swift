import Events
import Records

/// Writes an event log: `.jsonl`, `.jsonl.gz` or `.jsonl.zst` by its name, or `-` for plain lines
/// on standard output.
///
/// `close` ends the log properly; a writer that goes without it leaves a log that ends early, and
/// whose reader says so.
///
/// Thread: one at a time.
public struct LogWriter: ~Copyable {
    private let file: LogFile
    private let deflation: (any Deflation)?
    /// Plain bytes on their way to the file.
    private var pending: [UInt8] = []
    private static let pendingBytesMax = 1 << 18
    /// Lines written, those still pending included.
    public private(set) var lineCount: Int64 = 0
    /// Bytes in the file so far.
    public private(set) var bytesWritten: Int64 = 0

    /// - Parameters:
    ///   - replaces: whether a file that is there already is overwritten; otherwise it is an error.
    ///   - appearsWhole: whether the log is there under its name once it is closed, and not before;
    ///     one that is not closed leaves nothing.
    public init(
        path: String, replaces: Bool = false, appearsWhole: Bool = false
    ) throws(LogError) {
        let deflation = try chosenDeflation(path)
        let file = try LogFile(writing: path, replaces: replaces, appearsWhole: appearsWhole)
        self.deflation = deflation
        self.file = file
    }

    /// Appends a record with its position, time, key and headers, so that it replays as it came.
    public mutating func write(_ record: SourceRecord) throws(LogError) {
        try append(RecordEnvelope.line(record))
    }

    /// Appends an event as a plain line.
    public mutating func write(_ event: Event) throws(LogError) {
        try append(EventEncoder.encode(event))
    }

    /// Appends a line of the caller's own; it must not hold a line's end.
    public mutating func writeLine(_ bytes: [UInt8]) throws(LogError) {
        try append(bytes)
    }

    private mutating func append(_ line: [UInt8]) throws(LogError) {
        pending.append(contentsOf: line)
        pending.append(0x0a)
        lineCount += 1
        if pending.count >= Self.pendingBytesMax { try drain(.goOn) }
    }

    /// Has all lines so far in the file, readable and on the disk.
    public mutating func flush() throws(LogError) {
        try drain(.flush)
        try file.sync()
    }

    /// Ends the log.
    public consuming func close() throws(LogError) {
        try drain(.finish)
        try file.sync()
        try file.appear()
    }

    private mutating func drain(_ step: DeflationStep) throws(LogError) {
        defer { pending.removeAll(keepingCapacity: true) }
        guard let deflation else { return try put(pending) }
        var output: [UInt8] = []
        do throws(InflationError) {
            try deflation.run(pending, step, &output)
        } catch {
            throw .outOfMemory(path: file.path)
        }
        try put(output)
    }

    private mutating func put(_ bytes: [UInt8]) throws(LogError) {
        try file.write(bytes[...])
        bytesWritten += Int64(bytes.count)
    }
}

private func chosenDeflation(_ path: String) throws(LogError) -> (any Deflation)? {
    do throws(InflationError) {
        if path.hasSuffix(".gz") { return try GzipDeflation() }
        if path.hasSuffix(".zst") { return try ZstdDeflation() }
        return nil
    } catch {
        throw .outOfMemory(path: path)
    }
}
