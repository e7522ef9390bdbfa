import Daemon
import Foundation
import SnapshotStore
import TestSupport
import Testing

/// Backups that are made while a daemon learns.
@Suite(.serialized) struct BackupTests {
    private struct Made: Decodable {
        let state_sha256: String
        let sequence: UInt64
        let snapshots: Int
        let records: Int
    }

    private func head(_ path: String) throws -> (digest: String, sequence: UInt64) {
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        defer { try? store.close() }
        let status = try store.status()
        return (status.stateDigest.hex, status.sequence)
    }

    @Test(
        "a backup beside a daemon is a sound store with the state it had, and learning goes on from it",
        arguments: [[], ["--no-rewrite"]])
    func beside(options: [String]) throws {
        let fixture = try DaemonFixture()
        let daemon = try ServedDaemon(fixture, events: ServedDaemon.stream(800))
        try daemon.learned(800)
        #expect(try daemon.operate("POST /v1/learning/pause", #"{"reason":"x"}"#).status == 200)
        #expect(try daemon.operate("POST /v1/snapshots", #"{"tags":["kept"]}"#).status == 200)
        let state = try status(fixture.store, "a status") { _ in true }.stateSHA256
        let folder = fixture.folder + "/backup"
        let made = try tidemark(
            ["store", "backup", folder, "--store", fixture.store, "--json"] + options)
        #expect(made.status == 0, "\(made.errors)")
        let backup = try made.json(Made.self)
        #expect(backup.state_sha256 == state && backup.snapshots > 0 && backup.records > 100)
        let copy = try head(folder)
        #expect(copy.digest == state && copy.sequence == backup.sequence)
        _ = try StoreCheck.run(folder)
        let shown = try tidemark(["snapshots", "show", "kept", "--store", folder])
        #expect(shown.status == 0, "\(shown.errors)")
        // The daemon learns on into its own, and the copy stays as it was.
        #expect(try daemon.operate("POST /v1/learning/resume", "{}").status == 200)
        try fixture.send(["rubbish"], partition: 0)
        try daemon.learned(801)
        #expect(try head(folder).digest == state)
        daemon.end()
        let resumed = try tidemark(["resume", "learning", "--store", folder])
        #expect(resumed.status == 0, "\(resumed.errors)")
        let report = try fixture.run(
            try fixture.configuration("store.path=\(folder)", "model.base=\(ShopStream.base)"))
        #expect(report.events.read == 801)
    }

    @Test(
        "a folder with something in it is left as it is, and nothing is left of a backup that failed"
    )
    func refused() throws {
        let scratch = try Scratch()
        let full = scratch.path + "/full"
        try FileManager.default.createDirectory(atPath: full, withIntermediateDirectories: true)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: full + "/letter"))
        let missing = scratch.path + "/missing"
        for (folder, store, words) in [
            (full, missing, "needs a folder with nothing in it"),
            (scratch.path + "/new", missing, "there is no store"),
        ] {
            let ended = try tidemark(["store", "backup", folder, "--store", store])
            #expect(ended.status == 65 && ended.errors.contains(words), "\(ended.errors)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: full) == ["letter"])
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/new"))
    }

    @Test(
        "a backup that finds no room leaves the folder as it was",
        .enabled(if: SmallDisk.mayMount, Comment(rawValue: SmallDisk.reason)))
    func noRoom() throws {
        let fixture = try DaemonFixture()
        let daemon = try ServedDaemon(fixture, events: ServedDaemon.stream(800))
        try daemon.learned(800)
        daemon.end()
        let disk = try SmallDisk(megabytes: 1)
        for folder in [disk.path, disk.path + "/a"] {
            let ended = try tidemark(["store", "backup", folder, "--store", fixture.store])
            #expect(ended.status == 69, "\(ended.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == [])
        }
    }
}
