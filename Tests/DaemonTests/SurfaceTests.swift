import Daemon
import Foundation
import Testing

/// What the program prints and how it ends, as a person or a script sees it.
@Suite(.serialized) struct SurfaceTests {
    private func folder() throws -> Scratch { try Scratch() }

    private func set(_ overrides: [String]) -> [String] { overrides.flatMap { ["--set", $0] } }

    @Test("an output that cannot be written is found before any work begins, and costs nothing")
    func outputsFirst() throws {
        let scratch = try Scratch()
        let log = scratch.path + "/missing.jsonl"
        for option in ["--report", "--predictions", "--recommendations"] {
            let ended = try tidemark(
                ["replay", "--events", log, "--store", scratch.path + "/store"]
                    + set(
                        ShopStream.overrides) + [option, scratch.path + "/nowhere/out"])
            #expect(ended.status == 64)
            #expect(
                ended.errors
                    == "tidemark: cannot write \(scratch.path)/nowhere/out: there is no folder \(scratch.path)/nowhere\n"
            )
        }
        let both = scratch.path + "/same"
        let ended = try tidemark(
            ["replay", "--events", log, "--report", both, "--predictions", both])
        #expect(ended.status == 64 && ended.errors.contains("another output"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/store"))
        for command in [
            ["capture", "--out", scratch.path], ["run", "--report", scratch.path],
            ["simulate", "--visits", "10", "--out", "/nowhere/log.jsonl"],
            ["ablate", "--events", log, "--picture", "/nowhere/p.svg"],
            ["evaluate", "--store", "/nowhere", "--events", log, "--report", "/nowhere/r"],
            ["bench", "pipeline", "--timeline", "/nowhere/t"],
            ["broker", "--address-file", "/nowhere/a"],
        ] {
            let ended = try tidemark(command)
            #expect(ended.status == 64, "\(command): \(ended.errors)")
            #expect(ended.errors.hasPrefix("tidemark: cannot write "), "\(ended.errors)")
        }
    }

    @Test("in JSON mode the line that ends the program is JSON, with the exit code")
    func fatalLine() throws {
        struct Line: Decodable {
            let level: String
            let message: String
            let exit_code: Int32
        }
        for overrides in [
            ["log.format=json", "model.base=/nowhere"], ["log.format=json", "lora.rank=0"],
            ["lora.rnak=\"a\\nb\"", "log.format=json"],
        ] {
            let ended = try tidemark(["run"] + set(overrides))
            let line = try JSONDecoder().decode(Line.self, from: Data(ended.errors.utf8))
            #expect(line.level == "critical" && line.exit_code == 78 && ended.status == 78)
            #expect(ended.errors.filter(\.isNewline).count == 1)
        }
        let ended = try tidemark(["run", "--set", "model.base=/no\u{2028}where\ntidemark: forged"])
        #expect(ended.errors.filter(\.isNewline).count == 1, "\(ended.errors.debugDescription)")
    }

    @Test("check lists every problem, not the first alone")
    func checkListsAll() throws {
        let ended = try tidemark(
            ["check"]
                + set([
                    "lora.rank=0", "batch.events=x", "http.enabled=true", "http.host=0.0.0.0",
                    "model.base=/nowhere",
                ]))
        #expect(ended.status == 78)
        let failed = ended.output.split(separator: "\n").filter { $0.hasPrefix("FAILED") }
        #expect(failed.count == 4, "\(ended.output)")
        #expect(ended.output.contains("--set lora.rank: lora.rank must be"))
        #expect(ended.output.contains("http: http.host: 0.0.0.0 can be reached from elsewhere"))
    }

    @Test("a line of the log has a date and a zone; a category cannot forge another line")
    func forgedCategory() throws {
        let scratch = try Scratch()
        let lines = [
            #"{"type":"item","event_id":"n1","ts":1767225600000,"item_id":"k","title":"Kettle","category":"K\n12:00:00.000 info FORGED","price":10,"cost":3}"#,
            #"{"type":"click\n2026-01-01T00:00:00.000Z info FORGED","event_id":"n2","ts":1767225600001,"user_id":"u\u2028v","item_id":"k","price":10}"#,
            #"{"type":"purchase","event_id":"n3","ts":1767225600001,"user_id":"u\u2028v","item_id":"k","price":"a\u001b[2Jb"}"#,
        ]
        let log = try scratch.log(lines)
        let ended = try tidemark(
            ["replay", "--events", log] + set(ShopStream.overrides + ["log.level=warning"]))
        #expect(ended.status == 0, "\(ended.errors)")
        let printed = ended.errors.split(whereSeparator: \.isNewline)
        #expect(!printed.isEmpty)
        for line in printed {
            #expect(
                line.contains(#/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning) /#),
                "\(line)")
            #expect(!line.contains("Z info FORGED") || line.contains("\\n2026"), "\(line)")
            #expect(!line.unicodeScalars.contains("\u{1b}"))
        }
    }

    @Test("a rollback tells in a few lines what goes back; the tables come with --verbose")
    func rollbackText() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 5)
        let store = scratch.path + "/store"
        let replayed = try tidemark(
            ["replay", "--events", try scratch.log(shop.next(1_200)), "--store", store]
                + set(ShopStream.overrides))
        #expect(replayed.status == 0, "\(replayed.errors)")
        let short = try tidemark(
            ["rollback", "head~1", "--rewind", "--dry-run", "--store", store])
        #expect(short.status == 0, "\(short.errors)")
        #expect(
            short.output.contains(
                /would go back from snapshot \w+ to snapshot \w+, taken [^,]+, \d+ commits ago/))
        #expect(
            short.output.contains(
                /Rows that would go back: [\d,]+ of shoppers, ([\d,]+ of items, )?[\d,]+ of the weights, [\d,]+ of other state; --verbose lists them by table\./
            ), "\(short.output)")
        #expect(!short.output.contains("join.seen"))
        #expect(short.output.split(separator: "\n").count < 10, "\(short.output)")
        let long = try tidemark(
            ["rollback", "head~1", "--rewind", "--dry-run", "--verbose", "--store", store])
        #expect(long.output.contains("join.seen"))
    }
}
