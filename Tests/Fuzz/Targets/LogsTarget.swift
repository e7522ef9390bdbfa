import EventLog
import Events
import Foundation
import Records

/// Any bytes as a log, plain or compressed, of events or of captured records: every line is a record or a
/// reason, or the log is refused; and what was read and is captured again reads the same.
enum LogsTarget: FuzzTarget {
    static let name = "logs"

    private static let folder =
        FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    private static let path = folder + "/tidemark-fuzz-\(ProcessInfo.processInfo.processIdentifier)"

    static func run(_ bytes: UnsafeRawBufferPointer) {
        let again = path + ".again"
        defer { for file in [path, again] { unsafe unlink(file) } }
        precondition(unsafe write(bytes, to: path), "no room at \(path)")
        do {
            let records = try read(path)
            var writer = try LogWriter(path: again, replaces: true)
            for record in records { try writer.write(record) }
            try writer.close()
            let copies = try read(again)
            precondition(copies.count == records.count, "\(copies.count) of \(records.count)")
            for (one, other) in zip(records, copies) {
                precondition(
                    one.position == other.position && one.offset == other.offset
                        && one.timestampMs == other.timestampMs && one.key == other.key
                        && one.value == other.value
                        && one.headers.map(\.name) == other.headers.map(\.name)
                        && one.headers.map(\.value) == other.headers.map(\.value),
                    "\(one) came back as \(other)")
            }
        } catch is LogError {
        } catch { preconditionFailure("\(error)") }
    }

    private static func read(_ path: String) throws -> [SourceRecord] {
        let reader = try LogReader(path: path, topic: "log", lineBytesMax: 4096)
        var records: [SourceRecord] = []
        while let entry = try reader.next() {
            guard case .record(let record) = entry.content else { continue }
            precondition(record.offset >= 0 && record.offset < .max, "offset \(record.offset)")
            precondition((1...249).contains(record.position.topic.utf8.count))
            records.append(record)
        }
        return records
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to path: String) -> Bool {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        return unsafe bytes.count == 0
            || Glibc.write(file, bytes.baseAddress, bytes.count) == bytes.count
    }

    static let seeds: [[UInt8]] =
        [
            #"{"tidemark_record":1,"topic":"events","partition":0,"offset":9223372036854775806,"#
                + #""timestamp":-9223372036854775808,"key":"k","value":"{\"type\":\"click\"}","#
                + #""headers":[{"name":"h","value_base64":"AP8="}]}"# + "\n"
                + #"{"tidemark_record":1,"topic":"t","partition":2147483647,"offset":0,"value":null}"#,
            "\u{feff}{\"type\":\"click\",\"event_id\":\"tidemark_record\"}\r\n \t\n{",
            #"{"tidemark_record":2}"# + "\n" + #"{"tidemark_record":1,"topic":7}"#,
        ].map { Array($0.utf8) } + [
            // Nothing, as gzip and as zstd have it.
            [
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            [0x28, 0xb5, 0x2f, 0xfd, 0x24, 0, 1, 0, 0, 0x99, 0xe9, 0xd8, 0x51],
        ]
}
