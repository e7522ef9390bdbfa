import Daemon
import Foundation
import KafkaStream
import Testing

@Suite(.serialized) struct LoopTests {
    private func item(_ id: String, cost: Double = 5, at ts: Int64) -> String {
        """
        {"type":"item","event_id":"i-\(id)","ts":\(ts),"item_id":"\(id)","title":"Steel Kettle \(id)",\
        "category":"Kitchen / Kettles","brand":"Hearth","price":20,"cost":\(cost)}
        """
    }

    private func outcome(_ number: Int, at ts: Int64) -> String {
        let discounted = number % 3 == 0
        return """
            {"type":"outcome","event_id":"o-\(number)","ts":\(ts + Int64(number)),"user_id":"u\(number % 40)",\
            "item_id":"kettle-\(number % 5)","price":20,"discount":\(discounted ? 0.2 : 0),\
            "purchased":\(number % (discounted ? 2 : 9) == 0)}
            """
    }

    private func click(_ number: Int, user: String, at ts: Int64) -> String {
        """
        {"type":"click","event_id":"c-\(number)","ts":\(ts),"user_id":"\(user)",\
        "item_id":"kettle-\(number % 5)","price":20}
        """
    }

    private func training(at ts: Int64) -> [String] {
        (0..<5).map { item("kettle-\($0)", at: ts) } + (0..<600).map { outcome($0, at: ts) }
    }

    @Test("a click comes back as one recommendation under every rule, keyed by the shopper")
    func clickToRecommendation() throws {
        let fixture = try DaemonFixture()
        let ts = nowMs() - 60_000
        try fixture.send(training(at: ts), partition: 0)
        try fixture.send(
            (0..<20).map { click($0, user: "shopper-\($0)", at: ts + 10_000) }, partition: 0)
        let report = try fixture.run(try fixture.configuration("pricing.epsilon=0.3"))
        #expect(report.events.byType["click"] == 20)
        #expect(report.examples == 600)
        #expect(report.recommendations.published == 20)
        #expect(report.recommendations.ruleViolations == 0)
        let published = try fixture.read(fixture.recommendations)
        #expect(published.count == 20)
        var ids: Set<String> = []
        for record in published {
            let body = try #require(record.value)
            let fields = try #require(
                try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
            let user = try #require(fields["user_id"] as? String)
            #expect(record.key == Array(user.utf8))
            ids.insert(try #require(fields["recommendation_id"] as? String))
            let discount = try #require(fields["discount"] as? Double)
            #expect((0...0.5).contains(discount))
            let propensity = try #require(fields["propensity"] as? Double)
            #expect(propensity > 0 && propensity <= 1)
            #expect((fields["snapshot"] as? String)?.isEmpty == false)
        }
        #expect(ids.count == 20)
    }

    @Test("an offer that stands is published once, however often the shopper comes back")
    func publishedOnce() throws {
        let fixture = try DaemonFixture()
        let ts = nowMs() - 60_000
        try fixture.send(training(at: ts), partition: 0)
        let visits = (0..<6).map { click(5 * $0, user: "ada", at: ts + 10_000 + Int64($0)) }
        try fixture.send(visits, partition: 0)
        let report = try fixture.run(try fixture.configuration())
        #expect(report.events.byType["click"] == 6)
        #expect(report.recommendations.published == 1)
        // Not in another run either, unless it has changed.
        try fixture.send([click(100, user: "ada", at: ts + 20_000)], partition: 0)
        _ = try fixture.run(try fixture.configuration("kafka.on_gap=stop"))
        #expect(try fixture.read(fixture.recommendations).count == 1)
        let dearer = click(105, user: "ada", at: ts + 30_000)
            .replacing("\"price\":20", with: "\"price\":22")
        try fixture.send([dearer], partition: 0)
        _ = try fixture.run(try fixture.configuration())
        #expect(try fixture.read(fixture.recommendations).count == 2)
    }

    @Test("a second run goes on behind the first: nothing is learned twice, nothing is missed")
    func goesOn() throws {
        let fixture = try DaemonFixture()
        let ts = nowMs() - 60_000
        let configuration = try fixture.configuration("kafka.on_gap=stop")
        try fixture.send(training(at: ts), partition: 0)
        let first = try fixture.run(configuration)
        let again = try fixture.run(configuration)
        #expect(again.examples == first.examples)
        #expect(again.events.read == first.events.read)
        try fixture.send((600..<700).map { outcome($0, at: ts) }, partition: 1)
        try fixture.send([click(0, user: "ada", at: ts + 20_000)], partition: 1)
        let third = try fixture.run(configuration)
        #expect(third.examples == first.examples + 100)
        #expect(try fixture.read(fixture.recommendations).count == 1)
    }

    @Test(
        "what cannot be used goes to the dead letters with its bytes and the reason, and the stream goes on"
    )
    func deadLetters() throws {
        let fixture = try DaemonFixture()
        let ts = nowMs() - 60_000
        let good = outcome(1, at: ts)
        let bad: [(bytes: [UInt8]?, reason: String)] = [
            (Array("{\"type\":\"click\",".utf8), ""),
            (Array(good.replacing("\"price\":20", with: "\"price\":\"20\"").utf8), "price"),
            (Array(good.replacing("\"price\":20", with: "\"price\":NaN").utf8), ""),
            (Array(good.replacing("\"price\":20", with: "\"price\":1e999").utf8), ""),
            (Array(good.replacing("\"price\":20", with: "\"price\":-3").utf8), "price"),
            (Array(good.replacing("\"discount\":0.0", with: "\"discount\":1").utf8), "discount"),
            (Array(good.replacing("\"discount\":0.0", with: "\"discount\":-0.1").utf8), "discount"),
            (Array(good.replacing("\"ts\":\(ts + 1)", with: "\"ts\":4070908800000").utf8), "ts"),
            (Array(good.replacing("\"outcome\"", with: "\"wish\"").utf8), "wish"),
            ([0xff, 0xfe, 0x22], ""),
        ]
        try fixture.send([Array(item("kettle-1", at: ts).utf8)], partition: 0)
        try fixture.send(bad.map(\.bytes), partition: 0)
        try fixture.send([good], partition: 0)
        let report = try fixture.run(try fixture.configuration())
        #expect(report.events.deadLettered == bad.count)
        #expect(report.examples == 1)
        let letters = try fixture.read(fixture.deadLetters)
        #expect(letters.count == bad.count)
        // A batch orders what it cannot read by where it came from.
        for (letter, expected) in zip(letters, bad) {
            #expect(letter.value == expected.bytes)
            let headers = Dictionary(
                letter.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }
            ) { $1 }
            let reason = try #require(headers["tidemark-reason"])
            #expect(!reason.isEmpty)
            #expect(
                expected.reason.isEmpty || reason.contains(expected.reason), "said: \(reason)")
            #expect(headers["tidemark-topic"] == fixture.events)
            #expect(headers["tidemark-partition"] == "0")
            #expect(headers["tidemark-offset"] != nil)
        }
    }

    @Test("brokers that cannot be reached are named, and nothing is made on disk")
    func unreachable() throws {
        let fixture = try DaemonFixture()
        let configuration = try fixture.configuration(
            "kafka.brokers=127.0.0.1:1", "kafka.connect_timeout=500ms")
        do {
            _ = try fixture.run(configuration)
            Issue.record("the daemon ran without brokers")
        } catch {
            #expect("\(error)".contains("127.0.0.1:1"))
            #expect(FailureKind(error) == .unavailable)
        }
        #expect(!FileManager.default.fileExists(atPath: fixture.store))
    }

    @Test("a missing or truncated base is a clear error, and nothing is made on disk")
    func badBase() throws {
        let fixture = try DaemonFixture()
        do {
            _ = try fixture.run(try fixture.configuration("model.base=/nowhere"))
            Issue.record("the daemon ran without a base")
        } catch {
            #expect("\(error)".contains("/nowhere"))
            #expect(FailureKind(error) == .badConfiguration)
        }
        let copy = fixture.folder + "/base"
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: try realPath(DaemonFixture.model()), toPath: copy)
        let weights = copy + "/model.safetensors"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: weights)
        let handle = try #require(FileHandle(forWritingAtPath: weights))
        try handle.truncate(atOffset: 1_000_000)
        try handle.close()
        do {
            _ = try fixture.run(try fixture.configuration("model.base=\(copy)"))
            Issue.record("the daemon ran on a truncated base")
        } catch {
            #expect("\(error)".contains("model.safetensors"), "said: \(error)")
            #expect(FailureKind(error) == .badData)
        }
        #expect(!FileManager.default.fileExists(atPath: fixture.store))
    }

    private func realPath(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }
}
