import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

/// Whether `check` says of a configuration what `run` does with it.
@Suite(.serialized, .disabled(if: DaemonFixture.isReal)) struct ConfigurationCheckTests {
    private func check(_ configuration: Configuration) -> [ConfigurationCheck.Finding] {
        ConfigurationCheck(configuration).run(connect: false)
    }

    private func failures(_ configuration: Configuration) -> [ConfigurationCheck.Finding] {
        check(configuration).filter { $0.status == .failed }
    }

    /// What a run ends with; `nil` for a clean end.
    private func refusal(_ configuration: Configuration) -> (any Error)? {
        do {
            _ = try LearningDaemon(configuration, exitWhenIdleMs: 30).run()
            return nil
        } catch { return error }
    }

    private func settings(_ fixture: DaemonFixture) throws -> [String] {
        try fixture.overrides(["model.base=\(ShopStream.base)", "heads.tail_pages=1024"])
    }

    private func configuration(_ overrides: [String]) throws -> Configuration {
        try Configuration.load(file: nil, environment: [:], overrides: overrides)
    }

    @Test("a store with adapters of another rank is refused by both, by the names of the keys")
    func otherRank() throws {
        let fixture = try DaemonFixture()
        let own = try settings(fixture)
        #expect(refusal(try configuration(own + ["lora.rank=4"])) == nil)
        let other = try configuration(own + ["lora.rank=6", "lora.alpha=3"])
        let found = failures(other)
        #expect(found.map(\.what) == ["store"] && found.first?.exitCode == 65)
        let message = found.first?.message ?? ""
        #expect(
            message.contains(
                "lora.rank is 6, and its adapters have 4, lora.alpha is 3.0, and its adapters have 16.0"
            ),
            "said: \(message)")
        #expect(refusal(other).map(sentence(of:)) == message)
        #expect(failures(try configuration(own + ["lora.rank=4"])).isEmpty)
    }

    @Test("all problems are told at once, each with the exit code of a run")
    func severalAtOnce() throws {
        let fixture = try DaemonFixture()
        let file = fixture.folder + "-file"
        try Data().write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let faulty = try configuration(
            try settings(fixture) + [
                "store.path=\(file)/store", "http.enabled=true", "http.host=0.0.0.0",
                "kafka.topics=[{name: a, type: page_view}]", "publish.topic=not a topic",
                "pricing.aim=merchant", "lora.layers=9",
                "kafka.client={ssl.ca.location: x, no.such.setting: y}",
                "attribution.wait=48h",
            ])
        let found = failures(faulty)
        #expect(
            Set(found.map(\.what)) == [
                "kafka", "kafka.topics", "publish", "pricing", "http", "learning", "attribution",
                "store.path",
            ], "\(found.map { "\($0.what): \($0.message)" })")
        #expect(
            found.allSatisfy { $0.exitCode == ($0.what == "store.path" ? 65 : 78) },
            "\(found.map { "\($0.what) \($0.exitCode)" })")
        #expect(refusal(faulty).map { FailureKind($0) } == .badConfiguration)
    }

    @Test(
        "a place where no store can be is refused by both",
        arguments: [
            ("FILE", "it is a file"), ("FILE/store", "part of the path is a file"),
            ("FOREIGN", "it holds other files"), ("DANGLING", "leads nowhere"),
            ("/dev/null/store", "part of the path is a file"), ("BASE", "was made on base"),
        ])
    func storePlaces(place: String, reason: String) throws {
        let fixture = try DaemonFixture()
        let folder = fixture.folder + "-places"
        try FileManager.default.createDirectory(
            atPath: folder + "/foreign", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(fileURLWithPath: folder + "/file"))
        try Data().write(to: URL(fileURLWithPath: folder + "/foreign/letter.txt"))
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/dangling", withDestinationPath: folder + "/nowhere/at/all")
        if place == "BASE" {
            let identity = StoreIdentity(id: "another", base: SHA256.hash([1]), createdMs: 1)
            try SnapshotStore.open(path: folder + "/base", mode: .readWrite, identity: identity)
                .close()
        }
        let path = place.hasPrefix("/") ? place : folder + "/" + place.lowercased()
        let faulty = try configuration(try settings(fixture) + ["store.path=\(path)"])
        let found = failures(faulty)
        #expect(found.count == 1 && found.first?.message.contains(reason) == true, "\(found)")
        let error = try #require(refusal(faulty))
        #expect(FailureKind(error).rawValue == found.first?.exitCode)
        #expect(sentence(of: error) == found.first?.message)
    }

    @Test("a base whose vectors are of any length is refused by both, by name")
    func notNormalized() throws {
        let fixture = try DaemonFixture()
        let base = URL(fileURLWithPath: ShopStream.base).deletingLastPathComponent()
            .appendingPathComponent("tanh-cls").path
        let faulty = try configuration(try settings(fixture) + ["model.base=\(base)"])
        let found = failures(faulty)
        #expect(found.map(\.what) == ["base"] && found.first?.exitCode == 78, "\(found)")
        let message = found.first?.message ?? ""
        #expect(message.contains("tanh-cls/modules.json must end in a module Normalize"))
        #expect(refusal(faulty).map(sentence(of:)) == message)
        #expect(!FileManager.default.fileExists(atPath: fixture.store))
    }

    /// Values that keys may have, and such that they may not, or not together.
    private static let mutations = [
        "lora.rank=4", "lora.rank=5", "lora.rank=256", "lora.layers=1", "lora.layers=2",
        "lora.layers=9", "lora.alpha=3", "lora.targets=[query]", "lora.dropout=0.1",
        "lora.method=houlsby", "lora.targets=[output]",
        "lora.prefix_cache=0", "lora.folds=3", "model.max_tokens=8", "model.max_tokens=400",
        "model.base=/nowhere", "learning.threads=1", "learning.threads=256", "learning.seed=7",
        "learning.merchant=true", "pricing.aim=merchant", "learning.delayed_feedback=wait",
        "attribution.wait=30m", "attribution.wait=90d", "attribution.window=20m",
        "attribution.click_window=60h", "attribution.lateness=1h", "pricing.depths=[0, 0.1]",
        "pricing.depths=[0, 0.1, 0.1001]", "pricing.confidence=null", "pricing.holdout=0",
        "heads.slots=16", "heads.slots=64", "heads.dense_effects=32", "heads.tail_pages=2048",
        "http.enabled=true", "http.host=0.0.0.0", "http.host=somewhere", "http.port=0",
        "http.token_file=/nowhere", "publish.topic=a b", "publish.marker_topic=ü",
        "publish.guarantee=exactly_once", "kafka.client={linger.ms: 3}",
        "kafka.client={linger.ms: soon}", "kafka.client={group.id: x}",
        "kafka.client={sasl.password: {env: NOWHERE}}", "kafka.shards=2", "kafka.group=x",
        "store.bytes_max=16MiB", "store.keep_latest=1", "store.undo_max=1MiB",
        "store.path=/dev/null/x", "batch.events=1", "log.format=json", "guards.replay_examples=100",
        "guards.enabled=[]", "guards.anchor_every=0", "kafka.topics=[{name: EVENTS, type: item}]",
        "kafka.topics=[{name: EVENTS, type: thing}]",
    ]

    @Test("whatever is changed: what check passes, run does not refuse, and the reverse")
    func sameVerdict() throws {
        var random = SeededRandom(seed: 13)
        let fixture = try DaemonFixture()
        // Half of them on a store that is there, half on none.
        let present = fixture.folder + "/present"
        let own = try settings(fixture)
        #expect(refusal(try configuration(own + ["store.path=\(present)"])) == nil)
        var (passed, refused) = (0, 0)
        for round in 0..<60 {
            let picked = (0..<Int(1 + random.next() % 3)).map { _ in
                Self.mutations[Int(random.next() % UInt64(Self.mutations.count))]
                    .replacing("EVENTS", with: fixture.events)
            }
            let path = round % 2 == 0 ? present : "\(fixture.folder)/fresh-\(round)"
            // A port of its own choosing: which ones are free is no matter of the configuration.
            let overrides = own + ["store.path=\(path)", "http.port=0"] + picked
            let what = "round \(round): \(picked)"
            let (read, problems) = Configuration.read(
                file: nil, environment: [:], overrides: overrides)
            let findings = ConfigurationCheck(read, problems: problems).run(connect: false)
            let failed = findings.filter { $0.status == .failed }
            let error: (any Error)?
            do {
                error = refusal(try configuration(overrides))
            } catch let problem { error = problem }
            if let error {
                refused += 1
                #expect(!failed.isEmpty, "\(what): run says: \(sentence(of: error))")
                #expect(
                    failed.contains { $0.exitCode == FailureKind(error).rawValue },
                    "\(what): run ends with \(FailureKind(error)), check has \(failed)")
            } else {
                passed += 1
                #expect(failed.isEmpty, "\(what): check says \(failed.map(\.message))")
            }
        }
        #expect(passed > 5 && refused > 5, "\(passed) passed, \(refused) refused")
    }
}
