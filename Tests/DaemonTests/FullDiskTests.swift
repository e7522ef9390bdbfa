import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import TestSupport
import Testing

@Suite(.serialized) struct FullDiskTests {
    @Test(
        "a daemon whose store's disk is full stops learning, answers for its status, and goes on when there is room, with nothing lost",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"))
    func goesOn() throws {
        let disk = try SmallDisk(megabytes: 40)
        let fixture = try DaemonFixture(partitions: 1)
        let store = disk.path + "/store"
        let settings = ShopStream.overrides + ["store.path=\(store)", "store.commit_events=50"]
        var shop = ShopStream(seed: 31)
        try fixture.send(shop.next(300), partition: 0)
        let daemon = RunningDaemon(try fixture.configuration(settings))
        let control = try daemon.connect(store)
        try daemon.wait(control) { $0.events == 300 }
        try disk.fill()
        // More than the file's own free pages take.
        try fixture.send(shop.next(3_000), partition: 0)
        let refusal = try eventually("a refusal for want of room") { () -> RequestError? in
            do {
                _ = try control.ask(.tag(reference: "head", name: "now", who: "ada"))
                _ = try control.ask(.untag(name: "now", who: "ada"))
                return nil
            } catch RequestError.refused(let code, let reason) where reason.contains("is full") {
                return .refused(code: code, reason)
            }
        }
        #expect("\(refusal)".contains(disk.path))
        // A person may have been refused before the daemon itself was: wait for it to stand still.
        var last = -1
        let stood = try eventually("learning to stand still") { () -> Int? in
            let events = try daemon.status(control).events
            defer { last = events }
            return events == last && events < shop.count ? events : nil
        }
        #expect(stood < shop.count)
        try disk.empty()
        try daemon.wait(control) { $0.events == shop.count }
        let report = try daemon.stop()
        #expect(report.events.read == shop.count && report.events.duplicates == 0)
        let result = try wholeReplay(of: store)
        #expect(result.result == .identical, "\(result.text)")
        try fixture.makeTopics(["\(fixture.recommendations)-reference"])
        let reference = try fixture.run(
            try fixture.configuration(
                ShopStream.overrides + [
                    "store.commit_events=50", "publish.topic=\(fixture.recommendations)-reference",
                ]))
        #expect(report.stateSHA256 == reference.stateSHA256)
    }

    @Test(
        "a daemon that is stopped on a full disk ends with 69, and the next one learns what is missing",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"))
    func stopped() throws {
        let disk = try SmallDisk(megabytes: 40)
        let fixture = try DaemonFixture(partitions: 1)
        let store = disk.path + "/store"
        let settings = ShopStream.overrides + ["store.path=\(store)", "store.commit_events=50"]
        var shop = ShopStream(seed: 32)
        try fixture.send(shop.next(300), partition: 0)
        #expect(try fixture.run(try fixture.configuration(settings)).events.read == 300)
        try disk.fill()
        try fixture.send(shop.next(3_000), partition: 0)
        let daemon = RunningDaemon(try fixture.configuration(settings))
        let error = #expect(throws: StoreError.self) {
            let control = try daemon.connect(store)
            _ = try eventually("a refusal for want of room") { () -> Bool? in
                do {
                    _ = try control.ask(.snapshot(tags: [], who: "ada"))
                    return nil
                } catch RequestError.refused(_, let reason) where reason.contains("is full") {
                    return true
                }
            }
            _ = try daemon.stop()
        }
        #expect(error.map { FailureKind($0) } == .unavailable, "\(String(describing: error))")
        try disk.empty()
        let report = try fixture.run(try fixture.configuration(settings))
        #expect(report.events.read == shop.count && report.events.duplicates == 0)
    }

    @Test(
        "what a command writes beside the store ends with 69 and its path where the disk is full or may not be written",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"))
    func outputs() throws {
        let disk = try SmallDisk(megabytes: 1)
        let scratch = try Scratch()
        var shop = ShopStream(seed: 33)
        let log = try scratch.log(shop.next(300))
        let store = scratch.path + "/store"
        let settings = ShopStream.overrides + ["model.base=\(try DaemonFixture.model())"]
        let common = settings.flatMap { ["--set", $0] }
        let made = try tidemark(["replay", "--events", log, "--store", store] + common)
        #expect(made.status == 0, "\(made.errors)")
        let fixture = try DaemonFixture(partitions: 1)
        try fixture.send(shop.next(3_000), partition: 0)
        let brokers = ["--set", "kafka.brokers=\(fixture.brokers)"]
        func refused(_ why: String) throws {
            let folder = disk.path
            for command in [
                ["snapshots", "export", "head", "--store", store, "--out", folder + "/export"],
                ["replay", "--events", log, "--report", folder + "/report.json"] + common,
                ["replay", "--events", log, "--predictions", folder + "/p.csv"] + common,
                ["replay", "--events", log, "--store", folder + "/store"] + common,
                [
                    "capture", "--out", folder + "/\(why).jsonl", "--set",
                    "kafka.topics=[\(fixture.events)]",
                ]
                    + brokers,
            ] {
                let outcome = try tidemark(command)
                #expect(
                    outcome.status == 69 && !outcome.isSignal,
                    "\(why), \(command): \(outcome.status) \(outcome.errors)")
                #expect(outcome.errors.contains(folder), "\(why), \(command): \(outcome.errors)")
            }
        }
        try disk.fill()
        try refused("full")
        #expect(disk.remountReadOnly())
        try refused("read-only")
    }
}
