import Daemon
import Foundation
import KafkaStream
import Records
import Schemas
import SnapshotStore
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct UnknownSchemaTests {
    @Test("an id is given up when the registry has said long enough that it does not have it")
    func patience() {
        var unknown = UnknownSchemas(patienceMs: 1_000)
        let id = SchemaID.number(9)
        unknown.note(missing: id, nowMs: 50)
        // Time alone is no answer.
        #expect(!unknown.isGivenUp(id) && unknown.asks(id, nowMs: 10_000))
        unknown.note(missing: id, nowMs: 1_049)
        #expect(!unknown.isGivenUp(id))
        unknown.note(missing: id, nowMs: 1_050)
        #expect(unknown.isGivenUp(id) && !unknown.isGivenUp(.number(8)))
        // Now and then it is asked for still, and taken when it is there.
        #expect(!unknown.asks(id, nowMs: 2_000) && unknown.asks(id, nowMs: 61_050))
        unknown.note(found: id)
        #expect(!unknown.isGivenUp(id) && unknown.asks(id, nowMs: 61_050))
        var forEver = UnknownSchemas(patienceMs: 0)
        forEver.note(missing: id, nowMs: 0)
        forEver.note(missing: id, nowMs: .max)
        #expect(!forEver.isGivenUp(id) && forEver.asks(id, nowMs: .max))
    }

    private func framed(_ lines: [String], schema: UInt8) -> [[UInt8]?] {
        lines.map { [0, 0, 0, 0, schema] + Array($0.utf8) }
    }

    @Test(
        "records of an id that never was are dead letters after registry.unknown_after, others are learned; a registry that is down is waited for"
    )
    func givenUp() throws {
        let isDown = Mutex(true)
        let has9 = Mutex(false)
        let registry = try LoopbackServer { request in
            if isDown.withLock({ $0 }) { return .json("busy", status: 503) }
            guard request.path.hasSuffix("/7") || has9.withLock({ $0 }) else {
                return .json(#"{"error_code":40403,"message":"Schema not found"}"#, status: 404)
            }
            return .json(#"{"schemaType":"JSON","schema":"{}"}"#)
        }
        defer { registry.stop() }
        let fixture = try DaemonFixture(partitions: 1)
        let settings =
            ShopStream.overrides + [
                "kafka.topics=[{name: \(fixture.events), decoder: json_schema}]",
                "registry.url=\(registry.url)", "registry.unknown_after=700ms",
                "store.commit_events=50", "store.commit_interval=20ms", "batch.linger=20ms",
            ]
        var shop = ShopStream(seed: 43)
        let first = shop.next(100)
        let never = [
            #"{"type":"item","event_id":"x","ts":\#(ShopStream.startMs),"item_id":"late","title":"late"}"#
        ]
        try fixture.send(framed(first, schema: 7) + framed(never, schema: 9), partition: 0)
        let daemon = RunningDaemon(try fixture.configuration(settings))
        let control = try daemon.connect(fixture.store)
        // A registry that is down counts for nothing, however long it is.
        usleep(900_000)
        #expect(try fixture.read(fixture.deadLetters).isEmpty)
        isDown.withLock { $0 = false }
        _ = try eventually("a word on what to do") { () -> Bool? in
            let reason = try daemon.status(control).waitingFor ?? ""
            return reason.contains("--skip \(fixture.events):0:100-100")
                && reason.contains("registry.unknown_after") ? true : nil
        }
        let letters = try eventually("a dead letter") { () -> [SourceRecord]? in
            let letters = try fixture.read(fixture.deadLetters)
            return letters.isEmpty ? nil : letters
        }
        let letter = StoredDeadLetter(letters[0])
        #expect(letters.count == 1 && letter.sourceOffset == 100)
        #expect(letter.reason.contains("it does not have schema 9"), "\(letter.reason)")
        #expect(letters[0].value == [0, 0, 0, 0, 9] + Array(never[0].utf8))
        // What comes after is learned; the next of the kind is not waited for.
        let second = shop.next(50)
        try fixture.send(framed(never, schema: 9) + framed(second, schema: 7), partition: 0)
        try daemon.wait(control) { $0.events == first.count + second.count }
        _ = try daemon.stop()
        #expect(try wholeReplay(of: fixture.store).result == .identical)
        // Registered at last, and sent again.
        has9.withLock { $0 = true }
        try fixture.send(framed(never, schema: 9), partition: 0)
        let report = try fixture.run(try fixture.configuration(settings))
        #expect(report.events.byType["item"] == ShopStream.items + 1)
        #expect(try wholeReplay(of: fixture.store).result == .identical)
    }

    @Test("check --connect tries the newest records, and asks the registry")
    func check() throws {
        let status = Mutex(200)
        let registry = try LoopbackServer { request in
            let status = status.withLock { $0 }
            guard status == 200 else { return .json(#"{"message":"no"}"#, status: status) }
            if request.path == "/subjects" { return .json("[]") }
            guard request.path.hasSuffix("/7") else {
                return .json(#"{"error_code":40403,"message":"Schema not found"}"#, status: 404)
            }
            return .json(#"{"schemaType":"JSON","schema":"{}"}"#)
        }
        defer { registry.stop() }
        let fixture = try DaemonFixture(partitions: 2)
        let configuration = try fixture.configuration(
            ShopStream.overrides + [
                "kafka.topics=[{name: \(fixture.events), decoder: json_schema, ignore_types: [page]}]",
                "registry.url=\(registry.url)",
            ])
        var shop = ShopStream(seed: 44)
        func findings(_ what: String) -> [ConfigurationCheck.Finding] {
            ConfigurationCheck(configuration).run(connect: true).filter { $0.what == what }
        }
        #expect(findings("records of \(fixture.events)").first?.message == "has no records yet")
        try fixture.send(framed(shop.next(200), schema: 7), partition: 0)
        try fixture.send(
            framed([#"{"type":"page"}"#, #"{"type":"click"}"#], schema: 7), partition: 1)
        try fixture.send([Array("{}".utf8)] + framed(["{}"], schema: 9), partition: 1)
        let newest = try #require(findings("records of \(fixture.events)").first)
        #expect(newest.status == .warning && newest.exitCode == 0)
        for part in [
            "of the newest 54 records 50 would be accepted (92.6 %)", "1 passed over",
            "2 refused: ",
            "1 unframed, as \(fixture.events):1:2: ",
            "1 wait for a schema: the registry does not have",
        ] {
            #expect(newest.message.contains(part), "\(newest.message)")
        }
        #expect(findings("registry").last?.message.hasSuffix("answers") == true)
        status.withLock { $0 = 401 }
        let refused = try #require(findings("registry").last)
        #expect(refused.status == .failed && refused.exitCode == 69)
        #expect(refused.message.contains("other credentials"))
        // Nothing was committed or written.
        #expect(!FileManager.default.fileExists(atPath: fixture.store))
        #expect(try fixture.read(fixture.deadLetters).isEmpty)
    }
}
