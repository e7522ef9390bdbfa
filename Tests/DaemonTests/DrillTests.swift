import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

/// What `snapshots list --json` says, as far as somebody looks who searches for a bad feed.
private struct Listed: Decodable {
    struct Snapshot: Decodable {
        let id: String
        let rewindable: Bool
        let replayable: Bool
        let whole: Bool
        let state_sha256: String
        let lineage: Int
    }

    let snapshots: [Snapshot]
}

/// Likewise of `snapshots diff --json`.
private struct Compared: Decodable {
    struct Offset: Decodable {
        let topic: String
        let partition: Int
        let from: Int64?
        let to: Int64?
    }

    struct Moves: Decodable {
        struct Item: Decodable {
            let item_id: String
            let price_before: Double?
            let price: Double
        }

        struct Tensor: Decodable {
            let name: String
            let before: Double?
            let after: Double?
            let change: Double?
        }

        let items: [Item]
        let tensors: [Tensor]
    }

    let from: String
    let to: String
    let offsets: [Offset]
    let metrics: [String: [String: Double]]
    let moves: Moves?
}

@Suite(.serialized) struct DrillTests {
    private static let settings =
        ShopStream.overrides.filter { !$0.hasPrefix("store.snapshot_events") }
        + ["store.snapshot_events=200", "store.commit_events=100"]

    /// The catalogue again, with prices times a factor.
    private func feed(_ factor: Double, at ms: Int64, name: String) -> [String] {
        (0..<ShopStream.items).map { number in
            """
            {"type":"item","event_id":"\(name)\(number)","ts":\(ms),"item_id":"i\(number)",\
            "title":"thing \(number) of kind \(number % 4)","category":"kind \(number % 4)",\
            "price":\(20 * factor),"cost":8}
            """
        }
    }

    private func run(_ arguments: String...) throws -> Outcome {
        let outcome = try tidemark(arguments)
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
        return outcome
    }

    private func decisions(_ fixture: DaemonFixture, _ topic: String) throws -> [String] {
        try fixture.read(topic).map { record in
            let fields =
                try JSONSerialization.jsonObject(with: Data(text(record).utf8)) as? [String: Any]
            let id = try #require(fields?["recommendation_id"] as? String)
            return String(try #require(id.split(separator: "-").last))
        }
    }

    @Test(
        "a night's drill with the commands alone: a feed in cents is found with list and diff, rewound and skipped on the running daemon, and all is as if it had never been learned"
    )
    func drill() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let topic = fixture.events
        var shop = ShopStream(seed: 61)
        let feedMs = ShopStream.startMs + 2_000_000
        // 01:40: the feed's prices are in cents, and visits see them; later it is mended.
        var lines = shop.next(1_000)
        let poison = feed(100, at: feedMs, name: "cents") + shop.next(228, priceFactor: 100)
        lines += poison + feed(1, at: feedMs + 460_000, name: "mended") + shop.next(448)
        try fixture.send(lines, partition: 0)
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let overrides = try fixture.overrides(Self.settings)
        let daemon = DaemonProcess(overrides: overrides, log: fixture.folder + "/log")
        try daemon.keepRunning()
        defer { daemon.end(SIGKILL) }
        let store = fixture.store
        try status(store, "the stream to be learned") { $0.events == lines.count }

        // 03:00: when did it go wrong?
        let listed = try run("snapshots", "list", "--json", "--store", store).json(Listed.self)
        let ids = listed.snapshots.map(\.id)
        #expect(ids.count > 6)
        var found: Compared?
        for (later, earlier) in zip(ids, ids.dropFirst()) {
            let compared = try run("snapshots", "diff", earlier, later, "--json", "--store", store)
                .json(Compared.self)
            let moved = try #require(compared.moves).items.contains {
                $0.price > 10 * ($0.price_before ?? $0.price)
            }
            if moved { found = compared }
        }
        let bad = try #require(found, "no pair of snapshots shows the moved prices")
        let offsets = try #require(bad.offsets.first)
        #expect(offsets.topic == topic)
        #expect(try #require(offsets.from) <= 1_000 && 1_000 < (try #require(offsets.to)))
        #expect(bad.metrics.keys.contains { $0.contains("log_loss") })
        expectNorms(try #require(bad.moves))
        // The same in words, as people read it.
        let words = try run("snapshots", "diff", bad.from, bad.to, "--store", store).output
        let row = try #require(
            words.split(separator: "\n").first { $0.contains("thing 0 of kind 0") })
        #expect(row.contains("20.00") && row.contains("2000.00"), "\(row)")
        #expect(words.contains("log_loss") && words.contains("\(topic):0"))
        let table = try run("snapshots", "list", "--store", store).output
        #expect(table.contains(bad.from) && table.contains("REWIND"))

        // The last good one gets a name; it keeps its whole state from then on.
        _ = try run("snapshots", "tag", bad.from, "good", "--store", store)
        _ = try eventually("the named snapshot to be kept whole") {
            let now = try run("snapshots", "list", "--json", "--store", store).json(Listed.self)
            return now.snapshots.contains { $0.id == bad.from && $0.whole } ? true : nil
        }
        #expect(listed.snapshots.contains { $0.id == bad.from && !$0.whole && $0.rewindable })

        // Back, without it.
        let range = "\(topic):0:1000-1239"
        let before = try ledger(store)
        let back = [
            "rollback", "offset:\(topic):0:1000", "--rewind", "--skip", range, "--reason",
            "the 01:40 feed was in cents", "--who", "ada", "--store", store,
        ]
        let planned = try tidemark(back + ["--dry-run"])
        #expect(planned.status == 0 && planned.output.contains("nothing was changed"))
        #expect(planned.output.contains(bad.from), "\(planned.output)")
        let done = try tidemark(back)
        #expect(done.status == 0, "\(done.errors)")
        #expect(done.output.contains("Never learned again: \(range)"))
        try fixture.send(shop.next(300), partition: 0)
        let learned = lines.count - poison.count + 300
        try status(store, "the stream to be learned again") {
            $0.events == learned && !$0.relearning && $0.lineage == 1
        }
        #expect(try run("status", "--store", store).output.contains("never learned: \(range)"))
        daemon.end(SIGTERM)
        #expect(daemon.unexpected.isEmpty, "\(daemon.lastLines)")

        // A run that was told from the start.
        let clean = fixture.folder + "/clean"
        // On a cluster that is used again, what another run left must not be read.
        let cleanTopic = fixture.recommendations + "-clean"
        try fixture.makeTopics([cleanTopic, "\(cleanTopic)-letters"])
        let reference = try tidemark(
            ["run", "--exit-when-idle", "700ms", "--skip", range]
                + (overrides + [
                    "store.path=\(clean)", "publish.topic=\(cleanTopic)",
                    "publish.dead_letter_topic=\(cleanTopic)-letters",
                ]).flatMap { ["--set", $0] })
        #expect(reference.status == 0, "\(reference.errors)")
        let states = try [store, clean].map { path in
            try SnapshotStore.open(path: path, mode: .readOnly).status()
        }
        #expect(states[0].stateDigest == states[1].stateDigest)
        #expect(states[0].lineage == 1 && states[1].lineage == 0)
        // The ledger went on, and everybody was told everything once.
        let after = try ledger(store)
        #expect(after.outbox >= before.outbox && after.audits > before.audits)
        let all = try decisions(fixture, fixture.recommendations)
        #expect(all.count == shop.clicks && Set(all).count == shop.clicks)
        let others = try decisions(fixture, cleanTopic)
        #expect(Set(others).isSubset(of: Set(all)))
        let verified = try tidemark(
            ["replay", "--verify", "\(ids[ids.count - 1])..head", "--store", store, "--json"]
                + overrides.flatMap { ["--set", $0] })
        #expect(
            verified.status == 0 && verified.output.contains("identical"),
            "\(verified.output)\(verified.errors)")
    }

    private func ledger(_ path: String) throws -> (outbox: UInt64, audits: Int) {
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        defer { try? store.close() }
        return (try store.status().nextOutbox, try store.audit(limit: 1_000).count)
    }

    /// Norms of a difference obey the triangle, and something was learned.
    private func expectNorms(_ moves: Compared.Moves) {
        #expect(moves.tensors.contains { ($0.change ?? 0) > 0 })
        for tensor in moves.tensors {
            guard let before = tensor.before, let after = tensor.after, let change = tensor.change
            else { continue }
            #expect(change <= (before + after) * 1.000_001, "\(tensor.name)")
            #expect(change >= abs(before - after) * 0.999_999, "\(tensor.name)")
        }
    }

    @Test("a snapshot does not differ from itself, and another configuration is shown line by line")
    func differences() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 62)
        let log = try scratch.log(shop.next(900))
        let path = scratch.path + "/store"
        func replay(_ log: String, _ more: String...) throws {
            _ = try Replay(
                try Configuration.load(
                    file: nil, environment: [:], overrides: ShopStream.overrides + more),
                events: [log], catalog: nil, store: path
            ).run()
        }
        try replay(log)
        try replay(
            try scratch.log(
                try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
                    .map(String.init) + shop.next(600)), "pricing.epsilon=0.25")
        let store = try SnapshotStore.open(path: path, mode: .readOnly)
        let same = try SnapshotMoves(
            from: "head", to: "head", of: store, base: nil, itemCount: 5)
        #expect(same.items.count == 5 && !same.tensors.isEmpty)
        #expect(same.tensors.allSatisfy { $0.change == 0 && $0.before == $0.after })
        #expect(
            same.items.allSatisfy {
                $0.discountBefore == $0.discountAfter && $0.priceBefore == $0.price
            })
        #expect(same.items.map(\.examples) == same.items.map(\.examples).sorted(by: >))
        let first = try #require(try store.snapshots().last?.record.id)
        let moves = try SnapshotMoves(from: first, to: "head", of: store, base: nil, itemCount: 0)
        #expect(moves.items.isEmpty && moves.tensors.contains { ($0.after ?? 0) > 0 })
        let lines = try store.diff(first, "head").configuration
        #expect(lines.contains { $0.isAdded && $0.text.contains("epsilon: 0.25") }, "\(lines)")
        #expect(lines.contains { !$0.isAdded && $0.text.contains("epsilon") })
        try store.close()
        let outcome = try tidemark(["snapshots", "diff", first, "head", "--store", path])
        #expect(outcome.status == 0 && outcome.output.contains("epsilon: 0.25"))
    }

    @Test("an id that no event can carry is refused by name, as the decoder refuses it")
    func composedIDs() throws {
        let scratch = try Scratch()
        var shop = ShopStream(seed: 63)
        let path = scratch.path + "/store"
        _ = try Replay(
            try ShopStream.configuration(), events: [try scratch.log(shop.next(200))],
            catalog: nil, store: path
        ).run()
        let asked = ["recommend", "--store", path, "--item", "i1", "--user"]
        #expect(try tidemark(asked + ["Zo\u{eb}"]).status == 0)
        for bad in ["Zoe\u{308}", "", String(repeating: "x", count: 257)] {
            let outcome = try tidemark(asked + [bad])
            #expect(outcome.status == 64 && outcome.errors.contains("shopper"), "\(outcome)")
        }
        let item = try tidemark(["recommend", "--store", path, "--user", "u", "--item", "e\u{301}"])
        #expect(item.status == 64 && item.errors.contains("the id of an item"))
    }
}
