import EventLog
import Events
import Foundation
import Records
import Testing

/// A folder of its own that goes with the test.
struct Scratch: ~Copyable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("eventlog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String, _ bytes: [UInt8]? = nil) throws -> String {
        let full = path + "/" + name
        if let bytes { try Data(bytes).write(to: URL(fileURLWithPath: full)) }
        return full
    }
}

func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

func entries(_ reader: LogReader) throws -> [LogEntry] {
    var found: [LogEntry] = []
    while let entry = try reader.next() { found.append(entry) }
    return found
}

extension LogEntry {
    var record: SourceRecord? {
        if case .record(let record) = content { record } else { nil }
    }
}

/// Events of many lengths, so that lines fall on every side of the buffers' ends.
func sampleEvents(_ count: Int) -> [Event] {
    var random = SeededRandom(seed: 3)
    return (0..<count).map { index in
        let length = Int(random.next() % 200)
        return Event(
            eventID: "e\(index)", tsMs: 1_700_000_000_000 + Int64(index),
            body: .item(
                .init(itemID: "i", title: "t" + String(repeating: "ü", count: length))))
    }
}

@Suite struct LogFormatTests {
    @Test(
        "plain lines come back with their number as offset and the file's name as topic",
        arguments: ["log.jsonl", "log.jsonl.gz", "log.jsonl.zst"])
    func plainRoundTrip(name: String) throws {
        let scratch = try Scratch()
        let path = try scratch.file(name)
        let events = sampleEvents(5000)
        var writer = try LogWriter(path: path)
        for (index, event) in events.enumerated() {
            try writer.write(event)
            if index == 2500 { try writer.flush() }
        }
        #expect(writer.lineCount == 5000)
        try writer.close()
        let reader = try LogReader(path: path)
        let decoder = EventDecoder()
        var count: Int64 = 0
        while let entry = try reader.next() {
            let record = try #require(entry.record)
            count += 1
            #expect(record.offset == count && entry.line == count && record.timestampMs == nil)
            #expect(record.position == TopicPartition(topic: name, partition: 0))
            #expect(try decoder.decode(record) == events[Int(count) - 1])
        }
        #expect(count == 5000)
        #expect(reader.bytesRead == reader.byteCount)
    }

    @Test(
        "a captured record comes back whole: position, time, key, headers, any bytes, tombstones",
        arguments: ["log.jsonl", "log.jsonl.gz", "log.jsonl.zst"])
    func envelopeRoundTrip(name: String) throws {
        let scratch = try Scratch()
        let path = try scratch.file(name)
        var random = SeededRandom(seed: 4)
        let records = (0..<300).map { index in
            var value: [UInt8]? = (0..<random.next() % 100).map { _ in
                UInt8(truncatingIfNeeded: random.next() >> 32)
            }
            if index % 3 == 0 { value = Array("{\"n\":\(index),\"t\":\"\\n ü\"}\n\t\u{0}".utf8) }
            if index % 7 == 0 { value = nil }
            return SourceRecord(
                position: TopicPartition(topic: "clicks \"é\"", partition: Int32(index % 12)),
                offset: Int64(index) << 33, timestampMs: index % 5 == 0 ? nil : Int64(index),
                key: index % 4 == 0 ? nil : index % 4 == 1 ? [] : [0xff, UInt8(index & 255)],
                value: value,
                headers: index % 2 == 0 ? [] : [("trace", [1, 2, 0xfe]), ("", []), ("a", [65])])
        }
        var writer = try LogWriter(path: path)
        for record in records { try writer.write(record) }
        try writer.close()
        let read = try entries(LogReader(path: path)).compactMap(\.record)
        #expect(read.count == records.count)
        for (a, b) in zip(read, records) {
            #expect(a.position == b.position && a.offset == b.offset)
            #expect(a.timestampMs == b.timestampMs && a.key == b.key && a.value == b.value)
            #expect(a.headers.map(\.name) == b.headers.map(\.name))
            #expect(a.headers.map(\.value) == b.headers.map(\.value))
        }
    }

    @Test("an event that only mentions the capture's marker is an event")
    func markerInText() throws {
        let scratch = try Scratch()
        let line =
            #"{"type":"item","event_id":"e","title":"\"tidemark_record\":1","x":{"tidemark_record":1}}"#
        let path = try scratch.file("log.jsonl", Array(line.utf8))
        let record = try #require(try LogReader(path: path).next()?.record)
        #expect(record.value == Array(line.utf8) && record.offset == 1)
    }

    @Test("a captured record reads the same when a tool sorted or spaced its keys")
    func reorderedEnvelope() throws {
        let scratch = try Scratch()
        let line = """
            { "value_base64": "AP8=", "topic": "t", "offset": 7, "partition": 2, \
            "tidemark_record": 1 }
            """
        let path = try scratch.file("log.jsonl", Array(line.utf8))
        let record = try #require(try LogReader(path: path).next()?.record)
        #expect(record.position == TopicPartition(topic: "t", partition: 2))
        #expect(record.offset == 7 && record.value == [0, 255])
    }

    @Test(
        "a captured record that is not whole is rejected with its reason",
        arguments: [
            (#"{"tidemark_record":2}"#, "tidemark_record: only version 1 can be read"),
            (#"{"tidemark_record":1,"partition":0}"#, "topic: must be a string"),
            (
                #"{"tidemark_record":1,"topic":"t","partition":-1,"offset":0,"value":null}"#,
                "partition: must be an integer from 0 to 2147483647"
            ),
            (
                #"{"tidemark_record":1,"topic":"t","partition":0,"offset":0}"#,
                "value: is missing (null stands for a tombstone)"
            ),
            (
                #"{"tidemark_record":1,"topic":"t","partition":0,"offset":0,"value_base64":"A=BC"}"#,
                "value_base64: must be Base64"
            ),
            (
                #"{"tidemark_record":1,"topic":"t","partition":0,"offset":0,"value":"","headers":[1]}"#,
                "headers: each must have a name and a value"
            ),
        ])
    func badEnvelope(line: String, expected: String) throws {
        let scratch = try Scratch()
        let path = try scratch.file("log.jsonl", Array((line + "\n{}\n").utf8))
        let found = try entries(LogReader(path: path))
        guard case .rejected(let reason, let bytes, _) = found[0].content else {
            Issue.record("\(line) was not rejected")
            return
        }
        #expect(reason == "captured record: " + expected)
        #expect(bytes == Array(line.utf8))
        #expect(found.count == 2 && found[1].record != nil, "the reader goes on")
    }
}

@Suite struct LogLineTests {
    @Test("blank lines count and are passed over; CRLF, a byte order mark, a missing end are fine")
    func oddLines() throws {
        let scratch = try Scratch()
        let text = "\u{feff}{\"a\":1}\r\n\r\n \t\n{\"b\":2}\n\n{\"c\":3}"
        let path = try scratch.file("log.jsonl", Array(text.utf8))
        let found = try entries(LogReader(path: path, topic: "orders"))
        #expect(found.map(\.line) == [1, 4, 6])
        #expect(found.compactMap(\.record).map(\.offset) == [1, 4, 6])
        #expect(
            found.compactMap { $0.record?.value.map { String(decoding: $0, as: UTF8.self) } }
                == ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"])
        #expect(found.allSatisfy { $0.record?.position.topic == "orders" })
    }

    @Test("a line that is too long is reported with its beginning, and the next ones are read")
    func longLines() throws {
        let scratch = try Scratch()
        let long = [UInt8](repeating: 0x61, count: 300_000)
        let lines: [[UInt8]] = [[0x31], long, [0x32], Array(long[..<1000]), long]
        let path = try scratch.file("log.jsonl", Array(lines.joined(separator: [0x0a])))
        let found = try entries(LogReader(path: path, lineBytesMax: 1000))
        #expect(found.count == 5)
        for (index, entry) in found.enumerated() {
            if lines[index].count <= 1000 {
                #expect(entry.record?.value == lines[index])
            } else if case .rejected(let reason, let bytes, let byteCount) = entry.content {
                #expect(reason == "the line has 300000 bytes, more than the 1000 allowed")
                #expect(byteCount == 300_000)
                #expect(bytes == Array(long[..<LogEntry.prefixBytesMax]))
            } else {
                Issue.record("line \(index + 1) was taken")
            }
        }
    }

    @Test("an empty log has no lines")
    func empty() throws {
        let scratch = try Scratch()
        let path = try scratch.file("log.jsonl", [])
        #expect(try LogReader(path: path).next() == nil)
        for name in ["e.jsonl.gz", "e.jsonl.zst"] {
            let path = try scratch.file(name)
            let writer = try LogWriter(path: path)
            try writer.close()
            #expect(try LogReader(path: path).next() == nil)
        }
    }
}

extension LogEntry: Equatable {
    public static func == (a: LogEntry, b: LogEntry) -> Bool {
        a.line == b.line && a.record?.value == b.record?.value
    }
}

@Suite struct LogDamageTests {
    /// The bytes of a log written with many lines.
    private func log(_ scratch: borrowing Scratch, _ name: String) throws -> [UInt8] {
        let path = try scratch.file(name)
        var writer = try LogWriter(path: path)
        for event in sampleEvents(3000) { try writer.write(event) }
        try writer.close()
        return try bytes(path)
    }

    @Test(
        "a log that was cut ends with an error that names the file and the byte",
        arguments: ["log.jsonl.gz", "log.jsonl.zst"])
    func truncated(name: String) throws {
        let scratch = try Scratch()
        let whole = try log(scratch, name)
        for count in [1, 5, 17, whole.count / 2, whole.count - 1] {
            let path = try scratch.file("cut-\(count)-" + name, Array(whole[..<count]))
            do throws(LogError) {
                let reader = try LogReader(path: path)
                while try reader.next() != nil {}
                Issue.record("\(count) bytes of \(whole.count) were read as a whole log")
            } catch {
                if count > 3 {
                    #expect(error == .truncated(path: path, byte: Int64(count)))
                }
                #expect(error.description.hasPrefix(path + ": "))
            }
        }
        let empty = try scratch.file("none-" + name, [])
        #expect(throws: LogError.truncated(path: empty, byte: 0)) { try LogReader(path: empty) }
    }

    @Test(
        "a flipped bit anywhere in a compressed log never crashes the reader or passes unnoticed",
        arguments: ["log.jsonl.gz", "log.jsonl.zst"])
    func flippedBits(name: String) throws {
        let scratch = try Scratch()
        let whole = try log(scratch, name)
        let wanted = try entries(LogReader(path: try scratch.file(name)))
        var random = SeededRandom(seed: 9)
        for round in 0..<100 {
            var damaged = whole
            let place = Int(random.next() % UInt64(whole.count))
            damaged[place] ^= 1 << UInt8(random.next() % 8)
            let path = try scratch.file("damaged-" + name, damaged)
            do throws(LogError) {
                let reader = try LogReader(path: path)
                var found: [LogEntry] = []
                while let entry = try reader.next() { found.append(entry) }
                // Header bytes that mean nothing to the data (a time, a system) may change.
                #expect(found == wanted, "round \(round): byte \(place) changed the lines")
            } catch {
                #expect(error.description.hasPrefix(path + ": "), "round \(round)")
            }
        }
    }

    @Test("compressed logs one after another in a file are read as one")
    func concatenated() throws {
        let scratch = try Scratch()
        for name in ["log.jsonl.gz", "log.jsonl.zst"] {
            let whole = try log(scratch, name)
            let path = try scratch.file("twice-" + name, whole + whole)
            #expect(try entries(LogReader(path: path)).count == 6000)
        }
    }

    @Test("a name that promises compression the bytes do not have is an error")
    func wrongName() throws {
        let scratch = try Scratch()
        for (name, format) in [("log.jsonl.gz", "gzip"), ("log.jsonl.zst", "zstd")] {
            let path = try scratch.file(name, Array("{\"a\":1}\n".utf8))
            #expect(throws: LogError.notCompressed(path: path, format: format)) {
                try LogReader(path: path)
            }
        }
    }

    @Test("a missing file, a folder and a file that is there are errors with the system's reason")
    func files() throws {
        let scratch = try Scratch()
        let missing = try scratch.file("missing.jsonl")
        do throws(LogError) {
            _ = try LogReader(path: missing)
            Issue.record("a missing file was opened")
        } catch {
            #expect(error.description == "\(missing): cannot open it: No such file or directory")
        }
        let folder = scratch.path
        #expect(throws: LogError.self) { try LogReader(path: folder) }
        let present = try scratch.file("there.jsonl", [0x31])
        #expect(throws: LogError.exists(path: present)) {
            let writer = try LogWriter(path: present)
            try writer.close()
        }
        let writer = try LogWriter(path: present, replaces: true)
        try writer.close()
        #expect(try bytes(present).isEmpty)
    }
}

@Suite struct EnvelopeBoundTests {
    private func line(_ topic: String, _ offset: String) -> String {
        #"{"tidemark_record":1,"topic":"\#(topic)","partition":0,"offset":\#(offset),"value":"x"}"#
    }

    @Test("a captured record behind which nothing can be read is an error that names its line")
    func lastOffset() throws {
        let scratch = try Scratch()
        let path = try scratch.file(
            "log.jsonl",
            Array((line("t", "\(Int64.max - 1)") + "\n\n" + line("t", "\(Int64.max)")).utf8))
        let reader = try LogReader(path: path)
        #expect(try reader.next()?.record?.offset == .max - 1)
        #expect(throws: LogError.lastOffset(path: path, line: 3)) { try reader.next() }
    }

    @Test("a captured record of a topic that Kafka could not have is refused")
    func longTopic() throws {
        let scratch = try Scratch()
        let names = ["", String(repeating: "t", count: 249), String(repeating: "t", count: 250)]
        let path = try scratch.file(
            "log.jsonl", Array(names.map { line($0, "0") }.joined(separator: "\n").utf8))
        #expect(
            try entries(LogReader(path: path)).map { $0.record != nil } == [false, true, false])
    }
}
