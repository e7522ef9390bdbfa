import EventLog
import Foundation
import Testing

@Suite struct WholeLogTests {
    private let line = Array("{\"a\":1}".utf8)

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(
        "a log that is to appear whole is there once it is closed, and what was there until then",
        arguments: ["whole.jsonl", "whole.jsonl.gz", "whole.jsonl.zst"])
    func appears(name: String) throws {
        let scratch = try Scratch()
        let path = try scratch.file(name, Array("before".utf8))
        var writer = try LogWriter(path: path, replaces: true, appearsWhole: true)
        try writer.writeLine(line)
        try writer.flush()
        #expect(try bytes(path) == Array("before".utf8))
        try writer.close()
        #expect(try names(scratch.path) == [name])
        #expect(try entries(try LogReader(path: path)).count == 1)
    }

    @Test("one that is not closed leaves nothing, and what was there stays")
    func abandoned() throws {
        let scratch = try Scratch()
        let path = try scratch.file("whole.jsonl", Array("before".utf8))
        do {
            var writer = try LogWriter(path: path, replaces: true, appearsWhole: true)
            try writer.writeLine(line)
            try writer.flush()
        }
        #expect(try bytes(path) == Array("before".utf8))
        #expect(try names(scratch.path) == ["whole.jsonl"])
    }

    @Test("without leave to replace, what came there meanwhile is not lost")
    func raced() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/whole.jsonl"
        var writer = try LogWriter(path: path, appearsWhole: true)
        try writer.writeLine(line)
        try Data("another's".utf8).write(to: URL(fileURLWithPath: path))
        do throws(LogError) {
            try writer.close()
            Issue.record("another's file was replaced")
        } catch { #expect(error == .exists(path: path)) }
        #expect(try bytes(path) == Array("another's".utf8))
        #expect(throws: LogError.exists(path: path)) {
            let writer = try LogWriter(path: path, appearsWhole: true)
            try writer.close()
        }
    }

    @Test("a link stays one, and a device is written as it is")
    func links() throws {
        let scratch = try Scratch()
        let path = try scratch.file("target.jsonl", [])
        let link = scratch.path + "/link.jsonl"
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: "target.jsonl")
        var writer = try LogWriter(path: link, replaces: true, appearsWhole: true)
        try writer.writeLine(line)
        try writer.close()
        #expect(try bytes(path) == line + [0x0a])
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: link) == "target.jsonl")
        var nothing = try LogWriter(path: "/dev/null", replaces: true, appearsWhole: true)
        try nothing.writeLine(line)
        try nothing.close()
    }
}
