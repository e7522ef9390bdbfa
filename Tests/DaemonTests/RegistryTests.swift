import Daemon
import Foundation
import KafkaStream
import Records
import Schemas
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct RegistryTests {
    @Test("topics say their format, secrets are not shown, and what does not fit is refused")
    func settings() throws {
        let text = "kafka.topics=[{name: a, decoder: avro}, {name: b, decoder: json_schema}, c]"
        func configuration(_ more: String...) throws -> Configuration {
            try Configuration.load(file: nil, environment: [:], overrides: [text] + more)
        }
        let plain = try configuration("registry.url=https://r", "registry.token=abcdef")
        #expect(plain.kafka.topics.map(\.decoder) == [.avro, .jsonSchema, .json])
        let stored = plain.stored()
        #expect(!stored.contains("abcdef") && stored.contains("decoder: avro"))
        let again = try Configuration(stored: stored, place: "stored")
        #expect(again.kafka.topics == plain.kafka.topics && again.registry.url == "https://r")
        let secret = try configuration("registry.password={env: NAME}").stored()
        #expect(secret.contains(#"{env: "NAME"}"#))
        for wrong in ["registry.password=[a]", "registry.token={path: x}", "registry.timeout=1"] {
            #expect(throws: ConfigurationError.self, "\(wrong)") { try configuration(wrong) }
        }
        #expect(throws: ConfigurationError.self) {
            try Configuration.load(
                file: nil, environment: [:], overrides: ["kafka.topics=[{name: a, decoder: xml}]"])
        }
    }

    /// Events as Confluent's serializers frame JSON that a schema describes.
    private func framed(_ lines: [String], schema: UInt8) -> [[UInt8]?] {
        lines.map { [0, 0, 0, 0, schema] + Array($0.utf8) }
    }

    @Test(
        "records wait for a registry that is gone, nothing is lost, and what is kept needs no registry"
    )
    func waits() throws {
        let isThere = Mutex(false)
        let registry = try LoopbackServer { request in
            guard isThere.withLock({ $0 }) else { return .json("busy", status: 503) }
            return .json(#"{"schemaType":"JSON","schema":"{}"}"#)
        }
        defer { registry.stop() }
        let fixture = try DaemonFixture(partitions: 1)
        let settings =
            ShopStream.overrides + [
                "kafka.topics=[{name: \(fixture.events), decoder: json_schema}]",
                "registry.url=\(registry.url)", "store.commit_events=50",
            ]
        var shop = ShopStream(seed: 41)
        let first = shop.next(200)
        try fixture.send(framed(first, schema: 7), partition: 0)
        let daemon = RunningDaemon(try fixture.configuration(settings))
        let control = try daemon.connect(fixture.store)
        _ = try eventually("a daemon that waits") {
            try daemon.status(control).waitingFor?.contains("503") == true ? true : nil
        }
        // All requests are answered meanwhile, also those that change something.
        _ = try control.ask(.tag(reference: "head", name: "now", who: "ada"))
        _ = try control.ask(.untag(name: "now", who: "ada"))
        _ = try control.ask(.pause(.learning, reason: "a look", who: "ada"))
        _ = try control.ask(.resume(.learning, reason: "seen", who: "ada"))
        #expect(try daemon.status(control).events == 0)
        isThere.withLock { $0 = true }
        try daemon.wait(control) { $0.events == first.count }
        _ = try daemon.stop()

        // The same schema without a registry, a payload that is no frame, and one cut short.
        isThere.withLock { $0 = false }
        let second = shop.next(100)
        try fixture.send(framed(second, schema: 7), partition: 0)
        try fixture.send([Array(second[0].utf8), [0, 0]], partition: 0)
        let report = try fixture.run(try fixture.configuration(settings))
        #expect(report.events.read == shop.count + 2 && report.events.deadLettered == 2)
        let reasons = try fixture.read(fixture.deadLetters).map { record in
            record.headers.map { String(decoding: $0.value, as: UTF8.self) }.joined(separator: "|")
        }
        #expect(reasons.contains { $0.contains("it looks like JSON") }, "\(reasons)")
        let result = try wholeReplay(of: fixture.store)
        #expect(result.result == .identical, "\(result.text)")

        // What was learned is what the same events teach as plain JSON.
        let plain = try DaemonFixture(partitions: 1)
        try plain.send(first + second, partition: 0)
        let reference = try plain.run(
            try plain.configuration(ShopStream.overrides + ["store.commit_events=50"]))
        #expect(reference.events.accepted == report.events.accepted)
    }
}
