import Daemon
import Engine
import Foundation
import KafkaStream
import Records
import Schemas
import SnapshotStore
import Synchronization
import TestSupport
import Testing

/// A registry for tests: it gives ids, from 70001 on, or answers as it is told.
final class TestRegistry: Sendable {
    typealias Refusal = (status: Int, text: String)

    private final class Memory: Sendable {
        /// In the place of an answer.
        let refusal = Mutex<Refusal?>(nil)
        /// What was registered.
        let subjects = Mutex<[String: [UInt8]]>([:])
        let ids = Mutex<[String: Int]>([:])
        let lastID = Mutex(70_000)
    }

    private let memory = Memory()
    let server: LoopbackServer

    init(refusal: Refusal? = nil) throws {
        let memory = memory
        memory.refusal.withLock { $0 = refusal }
        server = try LoopbackServer { request in
            if let refusal = memory.refusal.withLock({ $0 }) {
                return .json(refusal.text, status: refusal.status)
            }
            let path = request.path.split(separator: "/").map(String.init)
            guard request.line.hasPrefix("POST"), path.count == 2 || path.count == 3 else {
                return .json(#"{"error_code":40401,"message":"no subject"}"#, status: 404)
            }
            if let id = memory.ids.withLock({ $0[path[1]] }) { return .json(#"{"id":\#(id)}"#) }
            guard path.count == 3 else {
                return .json(#"{"error_code":40403,"message":"Schema not found"}"#, status: 404)
            }
            memory.subjects.withLock { $0[path[1]] = request.body }
            let id = memory.lastID.withLock { last in
                last += 1
                return last
            }
            memory.ids.withLock { $0[path[1]] = id }
            return .json(#"{"id":\#(id)}"#)
        }
    }

    func answer(_ refusal: Refusal?) { memory.refusal.withLock { $0 = refusal } }

    /// As a registry that was made anew: it knows no schema, and its next ids are others.
    func forget() { memory.ids.withLock { $0 = [:] } }

    /// The body that a subject's schema came in.
    func body(of subject: String) -> [UInt8]? { memory.subjects.withLock { $0[subject] } }

    var posts: Int { server.requests.count { $0.line.hasPrefix("POST") } }
}

@Suite(.serialized) struct RegisteredFormTests {
    private func settings(_ registry: TestRegistry, _ format: PayloadFormat, _ more: String...)
        -> [String]
    {
        ShopStream.overrides.filter { !$0.hasPrefix("store.commit_interval") } + [
            "registry.url=\(registry.server.url)", "publish.format=\(format.rawValue)",
            "registry.timeout=500ms", "store.commit_interval=20ms",
        ] + more
    }

    /// Reads back what is on the topic, as any reader with the registry's schema does.
    private func documents(
        _ records: [SourceRecord], _ format: PayloadFormat, id: UInt32
    ) throws -> [SchemaJSON] {
        let form = try OfferForm(
            try Configuration.load(
                file: nil, environment: [:],
                overrides: ["registry.url=http://r", "publish.format=\(format.rawValue)"]
            ).publish)
        let reader = PayloadReader(format)
        reader.add(try #require(form.schema), as: .number(id))
        return try records.map { record in
            try reader.read(try #require(record.value))
            return try SchemaJSON(reader.json)
        }
    }

    @Test(
        "with the registry gone learning goes on, nothing is published and the state says so; then all of it is, once",
        arguments: [
            (PayloadFormat.avro, "at_least_once"), (.protobuf, "exactly_once"),
            (.jsonSchema, "at_least_once"),
        ])
    func waits(format: PayloadFormat, guarantee: String) throws {
        let registry = try TestRegistry(refusal: (503, "busy"))
        defer { registry.server.stop() }
        let fixture = try DaemonFixture(partitions: 1)
        let settings = settings(registry, format, "publish.guarantee=\(guarantee)")
        let port = try Wires.freePort()
        var shop = ShopStream(seed: 51)
        try fixture.send(shop.next(400), partition: 0)
        let daemon = RunningDaemon(
            try fixture.configuration(
                settings + ["http.enabled=true", "http.port=\(port)"]))
        let control = try daemon.connect(fixture.store)
        try daemon.wait(control) { $0.events == shop.count }
        _ = try eventually("a second request") { registry.posts > 1 ? true : nil }
        #expect(try fixture.read(fixture.recommendations).isEmpty)
        let ready = try eventually("a daemon that is not ready") {
            Wires.ask(port: port, "/ready").flatMap {
                $0.body.contains("a schema is registered") ? $0 : nil
            }
        }
        #expect(ready.status == 503 && ready.body.contains("(503): busy"), "\(ready)")
        #expect(Wires.ask(port: port, "/v1/status")?.body.contains("its schema is not") == true)
        // A refusal is waited out, too.
        registry.answer((409, #"{"error_code":409,"message":"incompatible"}"#))
        let posts = registry.posts
        _ = try eventually("a request that is refused") { registry.posts > posts ? true : nil }
        #expect(try fixture.read(fixture.recommendations).isEmpty)
        registry.answer(nil)
        _ = try eventually("what waited") { () -> Bool? in
            try fixture.read(fixture.recommendations).isEmpty ? nil : true
        }
        _ = try eventually("a daemon that is ready") {
            Wires.ask(port: port, "/ready")?.status == 200 ? true : nil
        }
        let report = try daemon.stop()
        #expect(report.recommendations.published > 50)
        let subject = "\(fixture.recommendations)-value"
        let body = try #require(registry.body(of: subject))
        #expect(try SchemaJSON(body)["schema"]?.text?.contains("recommendation_id") == true)
        // The registry gone for good: what it has said is known.
        registry.answer((503, "gone"))
        try fixture.send(shop.next(200), partition: 0)
        _ = try fixture.run(try fixture.configuration(settings))
        let records = try fixture.read(fixture.recommendations)
        let documents = try documents(records, format, id: 70_001)
        let ids = documents.compactMap { $0["recommendation_id"]?.text }
        #expect(ids.count == documents.count)
        if guarantee == "exactly_once" { #expect(Set(ids).count == ids.count) }
        for (record, document) in zip(records, documents) {
            #expect(record.key == document["user_id"]?.text.map { Array($0.utf8) })
            #expect(record.headers.isEmpty)
        }
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        #expect(try store.outboxCount() == 0)
        try store.close()

        // The same offers as JSON, by another store.
        let plain = try DaemonFixture(partitions: 1)
        var again = ShopStream(seed: 51)
        try plain.send(again.next(400), partition: 0)
        _ = try plain.run(try plain.configuration(ShopStream.overrides))
        try plain.send(again.next(200), partition: 0)
        _ = try plain.run(try plain.configuration(ShopStream.overrides))
        let expected = try plain.read(plain.recommendations).map { record in
            try SchemaJSON(try #require(record.value))["recommendation_id"]?.text
        }
        #expect(Set(expected) == Set(ids))
    }

    @Test(
        "killed before it publishes, what was committed without an id is framed by the next run, and comes once"
    )
    func killed() async throws {
        let registry = try TestRegistry(refusal: (503, "busy"))
        defer { registry.server.stop() }
        let fixture = try DaemonFixture(partitions: 1)
        let settings = settings(
            registry, .avro, "publish.guarantee=exactly_once", "publish.headers=true")
        var shop = ShopStream(seed: 52)
        try fixture.send(shop.next(400), partition: 0)
        let overrides = try fixture.overrides(settings)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [overrides = overrides as [String]] in
            try runChild(overrides, SelfHarm(moment: .afterCommit, spared: 1))
        }
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        #expect(try store.outboxCount() > 0)
        try store.close()
        registry.answer(nil)
        let report = try fixture.run(try fixture.configuration(settings))
        #expect(report.events.read == shop.count)
        let records = try fixture.read(fixture.recommendations)
        let ids = try documents(records, .avro, id: 70_001).compactMap {
            $0["recommendation_id"]?.text
        }
        #expect(ids.count == records.count && Set(ids).count == ids.count && ids.count > 50)
        for record in records {
            let names = record.headers.map(\.name)
            #expect(
                names == ["tidemark-snapshot", "tidemark-lineage", "tidemark-schema-version"])
        }
    }

    @Test("a schema that must be there already is looked up and not registered")
    func lookUp() throws {
        let registry = try TestRegistry()
        defer { registry.server.stop() }
        let fixture = try DaemonFixture(partitions: 1)
        var shop = ShopStream(seed: 53)
        try fixture.send(shop.next(100), partition: 0)
        let answer = (404, #"{"error_code":40403,"message":"Schema not found"}"#)
        registry.answer((status: answer.0, text: answer.1))
        let settings = settings(registry, .avro, "publish.register_schemas=false")
        let daemon = RunningDaemon(try fixture.configuration(settings))
        let control = try daemon.connect(fixture.store)
        // The publisher asks when it has something to send, which is after it was learned.
        try daemon.wait(control) { status in
            status.events == shop.count && !registry.server.requests.isEmpty
        }
        let asked = try #require(registry.server.requests.first)
        #expect(asked.line.hasPrefix("POST /subjects/\(fixture.recommendations)-value HTTP"))
        #expect(try fixture.read(fixture.recommendations).isEmpty)
        _ = try daemon.stop()
    }

    @Test(
        "an id that the registry has lost is asked for again at the next start, and one that it has is not"
    )
    func lost() throws {
        let registry = try TestRegistry()
        defer { registry.server.stop() }
        let fixture = try DaemonFixture(partitions: 1)
        let settings = settings(registry, .avro)
        var shop = ShopStream(seed: 54)
        func run() throws -> Set<[UInt8]> {
            let before = try fixture.read(fixture.recommendations).count
            try fixture.send(shop.next(300), partition: 0)
            _ = try fixture.run(try fixture.configuration(settings))
            let records = try fixture.read(fixture.recommendations).dropFirst(before)
            #expect(records.count > 20)
            return Set(records.map { Array($0.value?.prefix(5) ?? []) })
        }
        func frame(_ id: UInt32) -> Set<[UInt8]> {
            [[0] + (0..<4).map { UInt8(truncatingIfNeeded: id >> UInt32(24 - 8 * $0)) }]
        }
        #expect(try run() == frame(70_001))
        #expect(try run() == frame(70_001))
        #expect(registry.posts == 2)
        registry.forget()
        #expect(try run() == frame(70_002))
        // One that does not answer is believed to have it.
        registry.answer((503, "gone"))
        #expect(try run() == frame(70_002))
    }
}
