import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct VerifyTests {
    private func replay(
        _ log: String, into store: String, _ more: [String] = [], skips: OffsetRanges = .init(),
        from: String? = nil, predictions: String? = nil
    ) throws -> Report {
        try Replay(
            try Configuration.load(
                file: nil, environment: [:], overrides: ShopStream.overrides + more),
            events: [log], catalog: nil, store: store, from: from, skips: skips,
            outputs: .init(predictions: predictions)
        ).run()
    }

    /// Ids of all snapshots, oldest first.
    private func snapshots(_ path: String) throws -> [String] {
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        defer { try? store.close() }
        return try store.snapshots().map(\.record.id).reversed()
    }

    private func verify(
        _ store: String, _ from: String, _ to: String, _ logs: [String], _ more: [String] = []
    ) throws -> VerificationResult {
        try Verification(
            store: store, from: from, to: to, logs: logs,
            runtime: { text, place in
                var configuration = try Configuration(stored: text, place: place)
                try configuration.apply(environment: [:], overrides: more)
                return configuration
            }
        ).run()
    }

    /// Events of the long run: `TIDEMARK_VERIFY_EVENTS=100000` for the whole of it.
    private static let events =
        ProcessInfo.processInfo.environment["TIDEMARK_VERIFY_EVENTS"].flatMap(Int.init) ?? 3_000

    @Test(
        "the same log gives the same state on 1, 2 and 4 threads and without the prefix cache, and every pair of neighbouring snapshots verifies as identical"
    )
    func identical() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 11)
        let log = try scratch.log(shop.next(Self.events))
        let spacing = ["store.snapshot_events=\(max(500, Self.events / 20))"]
        let first = try replay(log, into: scratch.path + "/a", spacing + ["learning.threads=1"])
        for (name, settings) in [
            ("b", ["learning.threads=2"]), ("c", ["learning.threads=4", "lora.prefix_cache=0"]),
        ] {
            let again = try replay(log, into: scratch.path + "/" + name, spacing + settings)
            #expect(again.stateSHA256 == first.stateSHA256, "\(settings)")
        }
        let ids = try snapshots(scratch.path + "/a")
        #expect(ids.count > 5)
        for (index, pair) in zip(ids, ids.dropFirst()).enumerated() {
            let result = try verify(
                scratch.path + "/a", pair.0, pair.1, [log],
                ["learning.threads=\([1, 2, 4][index % 3])"])
            #expect(result.result == .identical, "\(result.text)")
        }
        let whole = try verify(scratch.path + "/a", ids[0], "head", [log])
        #expect(whole.result == .identical, "\(whole.text)")
        #expect(whole.events == Self.events)
        #expect(whole.stateSHA256 == first.stateSHA256)
    }

    @Test("one changed event is found and named, and so is a gap")
    func changedEvent() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 12)
        var lines = shop.next(1_500)
        let store = scratch.path + "/store"
        _ = try replay(try scratch.log(lines), into: store)
        let ids = try snapshots(store)
        let good = lines[777]
        lines[777] = good.replacing("\"price\":20.0", with: "\"price\":20.5")
        #expect(lines[777] != good)
        let changed = try scratch.log(lines, in: "changed")
        do {
            _ = try verify(store, ids[0], "head", [changed])
            Issue.record("a changed event was not found")
        } catch {
            #expect(
                "\(error)".contains("batch 8,") && "\(error)".contains("shop.jsonl:0:778"),
                "said: \(error)")
            #expect(FailureKind(error) == .badData)
        }
        // With the log that was learned as well, both versions are shown.
        lines[777] = good
        let original = try scratch.log(lines, in: "original")
        do {
            _ = try verify(store, ids[0], "head", [changed, original])
            Issue.record("a changed event was not found")
        } catch {
            let text = ["\(error)"] + ((error as? VerificationError)?.versions ?? [])
            #expect(text.count == 3 && text[0].contains("shop.jsonl:0:778"), "said: \(error)")
            #expect(text[1].hasPrefix("  given: ") && text[1].contains("\"price\":20.5"))
            #expect(text[2].hasPrefix("  learned: ") && text[2].contains(good))
        }
        #expect(try verify(store, ids[0], "head", [original, changed]).result == .identical)
        // The pair of snapshots behind it does not need it.
        #expect(try verify(store, ids[ids.count - 2], "head", [changed]).result == .identical)
        let short = try scratch.log(Array(lines[..<900]), in: "short")
        do {
            _ = try verify(store, ids[ids.count - 2], "head", [short])
            Issue.record("a gap was not found")
        } catch {
            #expect("\(error)".contains("gap") && "\(error)".contains("shop.jsonl:0:"))
            #expect(FailureKind(error) == .badData)
        }
        do {
            _ = try verify(store, "head", ids[0], [short])
            Issue.record("the wrong order was taken")
        } catch { #expect(FailureKind(error) == .usage, "\(error)") }
    }

    @Test("a state computed on another numeric profile is not comparable, never different")
    func otherProfile() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 13)
        let log = try scratch.log(shop.next(600))
        let path = scratch.path + "/store"
        _ = try replay(log, into: path)
        let store = try SnapshotStore.open(path: path, mode: .readWrite)
        let head = try store.resolve("head")
        var commit = Commit()
        commit.snapshot = SnapshotRequest(
            wallTimeMs: 0, configuration: try store.texts(of: head).configuration,
            platform: "an abacus")
        try store.commit(commit)
        try store.close()
        let result = try verify(path, head.id, "head", [log])
        #expect(result.result == .notComparable)
        #expect(result.text.contains("an abacus"))
        #expect(result.failure == .unavailable)
    }

    @Test(
        "a range that touches somebody erased since is called erased, one behind the erasure is identical"
    )
    func erased() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 18)
        var lines = shop.next(1_100)
        let user = try #require(
            lines.first { $0.contains("\"outcome\"") }?.firstMatch(of: /"user_id":"(u[0-9]+)"/))
        lines.append(
            """
            {"type":"erase","event_id":"gone","ts":\(ShopStream.startMs + 2_200_000),\
            "user_id":"\(user.output.1)"}
            """)
        lines += shop.next(1_100)
        let log = try scratch.log(lines)
        let path = scratch.path + "/store"
        _ = try replay(log, into: path)
        let ids = try snapshots(path)
        #expect(ids.count >= 5)
        let touched = try verify(path, ids[1], "head", [log])
        #expect(touched.result == .erased, "\(touched.text)")
        #expect(touched.failure == .unavailable)
        #expect(touched.text.contains("erased"))
        let behind = try verify(path, ids[ids.count - 2], "head", [log])
        #expect(behind.result == .identical, "\(behind.text)")
    }

    /// What `snapshots list` promises of every snapshot, held against what happens.
    private func expectTrue(_ path: String, _ log: String) throws -> (yes: Int, no: Int) {
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        let listings = try store.snapshots().dropFirst()
        let copies = path + "-copies"
        var counts = (yes: 0, no: 0)
        for (index, listing) in listings.enumerated() {
            let copy = "\(copies)-\(index)"
            try store.copy(to: copy)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            let id = listing.record.id
            let rewound = Result {
                let opened = try SnapshotStore.open(path: copy, mode: .readWrite)
                try opened.rewind(to: id, reason: "test", who: "test", wallTimeMs: 0)
                try opened.close()
            }
            #expect(
                listing.isRewindable == ((try? rewound.get()) != nil),
                "\(id) at \(listing.record.sequence): \(rewound)")
            counts.yes += listing.isReplayable ? 1 : 0
            counts.no += listing.isReplayable ? 0 : 1
        }
        try store.close()
        for listing in listings {
            let id = listing.record.id
            let place = "\(id) at \(listing.record.sequence)"
            do {
                let result = try verify(path, id, "head", [log])
                #expect(listing.isReplayable, "\(place) was replayed")
                #expect(result.result == .identical, "\(result.text)")
            } catch {
                #expect(!listing.isReplayable, "\(place): \(error)")
                #expect(FailureKind(error) == .badData, "\(error)")
            }
        }
        return counts
    }

    @Test(
        "what is listed as replayable and rewindable is, and what is not is refused, whatever happened to the store"
    )
    func listedTruly() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 19)
        var lines = shop.next(1_500)
        let path = scratch.path + "/store"
        _ = try replay(try scratch.log(lines), into: path)
        func open() throws -> SnapshotStore {
            try SnapshotStore.open(path: path, mode: .readWrite)
        }
        var store = try open()
        // A return to weights, a rewind, something brought in, and a horizon of a few commits.
        try store.rollback(to: "head~1", reason: "test", who: "test", wallTimeMs: 1)
        let weights = StateTable("posterior", .weights)
        try store.importSnapshot(
            ImportedSnapshot(
                rows: [(weights, [1], [1])], eventTimeMs: 1,
                request: SnapshotRequest(wallTimeMs: 2, tags: ["theirs"])),
            who: "test", reason: "test")
        try store.close()
        lines += shop.next(700)
        _ = try replay(try scratch.log(lines), into: path)
        store = try open()
        _ = try store.rewind(
            to: "head~2", skips: OffsetRanges(), reason: "test", who: "test")
        try store.close()
        lines += shop.next(700)
        let log = try scratch.log(lines)
        _ = try replay(log, into: path)
        let before = try expectTrue(path, log)
        #expect(before.yes > 3 && before.no == 1, "\(before)")
        // The horizon comes closer, and then old snapshots go.
        _ = try replay(log, into: path, ["store.undo_max=1MiB"])
        var options = SnapshotStore.Options()
        options.undoCommitsMax = 6
        store = try SnapshotStore.open(path: path, mode: .readWrite, options: options)
        while try store.snapshots().filter(\.isRewindable).count > 5 {
            try store.commit(Commit())
        }
        try store.close()
        let after = try expectTrue(path, log)
        #expect(after.no > before.no, "\(after)")
        store = try open()
        try store.prune(Retention(latest: 3, hourly: 0, daily: 0))
        try store.close()
        _ = try expectTrue(path, log)
    }

    @Test("a flipped bit in a chunk is found and named")
    func flippedBit() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 14)
        let log = try scratch.log(shop.next(1_200))
        let path = scratch.path + "/store"
        _ = try replay(log, into: path)
        let ids = try snapshots(path)
        var data = try Data(contentsOf: URL(fileURLWithPath: path + "/data.mdb"))
        // Texts stand before their vectors in the weights: in the head's rows and in the chunks.
        let places = data.ranges(of: Data("thing 3 of kind 3\n".dropLast().utf8))
        #expect(places.count > 1)
        for place in places { data[place.upperBound + 5] ^= 1 }
        try data.write(to: URL(fileURLWithPath: path + "/data.mdb"))
        do {
            _ = try verify(path, ids[1], ids[2], [log])
            Issue.record("a flipped bit was not found")
        } catch {
            #expect(FailureKind(error) == .badData, "\(error)")
            #expect("\(error)".contains("damaged"), "said: \(error)")
        }
    }

    @Test("what is predicted after a stop is what would have been predicted without one")
    func exactResume() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 15, mixed: false)
        let lines = shop.next(2_000)
        let whole = try scratch.log(lines)
        let part = try scratch.log(Array(lines[..<1_100]), in: "part")
        let first = try replay(
            whole, into: scratch.path + "/a", predictions: scratch.path + "/a.csv")
        _ = try replay(part, into: scratch.path + "/b", predictions: scratch.path + "/b1.csv")
        let second = try replay(
            whole, into: scratch.path + "/b", predictions: scratch.path + "/b2.csv")
        func rows(_ name: String) throws -> [Substring] {
            try String(contentsOfFile: "\(scratch.path)/\(name)", encoding: .utf8)
                .split(separator: "\n").dropFirst().map { $0 }
        }
        let parts = try rows("b1.csv") + rows("b2.csv")
        #expect(try rows("a.csv") == parts)
        #expect(parts.count == 2_000 - ShopStream.items)
        #expect(second.stateSHA256 == first.stateSHA256)
    }

    @Test("a what-if from a snapshot goes on as the first run did, and leaves the store as it was")
    func whatIf() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 16)
        let log = try scratch.log(shop.next(1_500))
        let path = scratch.path + "/store"
        let first = try replay(log, into: path)
        let ids = try snapshots(path)
        let before = try Data(contentsOf: URL(fileURLWithPath: path + "/data.mdb"))
        let copy = scratch.path + "/copy"
        let same = try replay(log, into: copy, ["store.path=\(path)"], from: ids[2])
        #expect(same.stateSHA256 == first.stateSHA256)
        let other = try replay(
            log, into: scratch.path + "/other",
            ["store.path=\(path)", "lora.learning_rate=0.01"], from: ids[2])
        #expect(other.examples == first.examples)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/data.mdb")) == before)
        #expect(try snapshots(path) == ids)
        // With --store the store itself is taken back, in a lineage of its own.
        let own = try replay(log, into: path, from: ids[2])
        #expect(own.stateSHA256 == first.stateSHA256)
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        #expect(try store.status().lineage == 1)
        #expect(try store.audit().contains { $0.action == "rewind" })
    }

    @Test("a live stream's journal is replayed from the brokers, and from a capture of its topics")
    func fromBrokers() throws {
        let fixture = try DaemonFixture(partitions: 2)
        var shop = ShopStream(seed: 17)
        let lines = shop.next(1_200)
        try fixture.send(lines.indices.filter { $0 % 3 > 0 }.map { lines[$0] }, partition: 0)
        try fixture.send(lines.indices.filter { $0 % 3 == 0 }.map { lines[$0] }, partition: 1)
        let settings = ShopStream.overrides.filter { !$0.hasPrefix("batch.linger") }
        let configuration = try fixture.configuration(settings)
        let report = try fixture.run(configuration)
        #expect(report.events.read == 1_200)
        let ids = try snapshots(fixture.store)
        let fromBrokers = try verify(fixture.store, ids[0], "head", [])
        #expect(fromBrokers.result == .identical, "\(fromBrokers.text)")
        #expect(fromBrokers.events == 1_200)
        let log = fixture.folder + "/captured.jsonl.zst"
        let captured = try Capture(configuration, out: log).run()
        #expect(captured.records == 1_200)
        #expect(captured.partitions.map(\.records) == [800, 400])
        let fromLog = try verify(fixture.store, ids[0], "head", [log])
        #expect(fromLog.result == .identical, "\(fromLog.text)")
        #expect(fromLog.stateSHA256 == report.stateSHA256)
        do {
            _ = try Capture(configuration, out: log).run()
            Issue.record("a capture was overwritten")
        } catch { #expect(FailureKind(error) == .usage, "\(error)") }
    }
}
