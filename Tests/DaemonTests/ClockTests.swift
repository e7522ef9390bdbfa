import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

/// A producer's clock, the record's own included, does not end learning.
@Suite(.serialized) struct ClockTests {
    private static let item = """
        {"type":"item","event_id":"i","ts":\(nowMs() - 60_000),"item_id":"kettle","title":"Kettle",\
        "price":39.9,"cost":21}
        """

    private func click(_ number: Int, user: String? = nil, at tsMs: Int64) -> [UInt8] {
        Array(
            """
            {"type":"click","event_id":"c\(number)","ts":\(tsMs),"user_id":"\(user ?? "u\(number)")",\
            "item_id":"kettle","price":39.9}
            """.utf8)
    }

    private func events(_ port: Int) throws -> [String: Any]? {
        guard let body = Wires.ask(port: port, "/v1/status")?.body else { return nil }
        let status = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        return status?["events"] as? [String: Any]
    }

    private func settings(_ more: String...) throws -> [String] {
        [
            "model.base=\(ShopStream.base)", "attribution.window=2s", "attribution.click_window=1s",
            "learning.delayed_feedback=wait", "attribution.lateness=1s", "batch.events=20",
        ] + more
    }

    @Test(
        "a click stamped a year ahead, record and all, is refused, and the clicks after it are learned"
    )
    func future() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let now = nowMs() - 400_000
        let yearMs: Int64 = 365 * 86_400_000
        try fixture.send([Array(Self.item.utf8)] + (0..<100).map { click($0, at: now + Int64($0)) })
        try Wires.send(
            [click(5_000, at: now + yearMs)], to: fixture.events, brokers: fixture.brokers,
            timestampMs: now + yearMs)
        try fixture.send((1_000..<1_300).map { click($0, at: now + Int64($0) * 100) })
        let report = try fixture.run(try fixture.configuration(try settings()))
        #expect(report.events.late == 0)
        #expect(report.events.deadLetterReasons == ["ahead_of_clock": 1])
        // Windows closed as they should: all but those of the last seconds.
        #expect(report.examples >= 200, "\(report.examples) examples")
        #expect(report.recommendations.published == 400)
        let letter = try #require(try fixture.read(fixture.deadLetters).first)
        let reason = try #require(letter.headers.first { $0.name == "tidemark-reason" }).value
        let text = String(decoding: reason, as: UTF8.self)
        #expect(
            text.contains(Timestamp.text(ms: now + yearMs)) && text.contains("daemon's clock (2"),
            "said: \(text)")
        // The clock is in the journal, so a replay comes to the same years later.
        let verified = try wholeReplay(of: fixture.store)
        #expect(verified.result == .identical, "\(verified.text)")
    }

    @Test(
        "one click of now in a stream of long ago is answered, and the stream goes on being learned"
    )
    func byHand() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let then = nowMs() - 700 * 86_400_000
        try fixture.send(
            [Array(Self.item.utf8)] + (0..<100).map { click($0, at: then + Int64($0)) })
        try fixture.send([click(5_000, user: "ada", at: nowMs())])
        try fixture.send((1_000..<1_300).map { click($0, at: then + Int64($0) * 100) })
        let report = try fixture.run(try fixture.configuration(try settings()))
        #expect(report.events.late == 0 && report.events.deadLettered == 0)
        #expect(report.examples >= 200, "\(report.examples) examples")
        #expect(try fixture.read(fixture.recommendations).contains { text($0).contains("\"ada\"") })
        #expect(try wholeReplay(of: fixture.store).result == .identical)
    }

    @Test(
        "what expired while its record lay in the topic is learned and counted, not published; a stream whose event time lies behind the clock is"
    )
    func backlog() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let past = nowMs() - 5 * 86_400_000
        let settings = try settings("pricing.offer_lifetime=1d")
        let item =
            #"{"type":"item","event_id":"i","ts":\#(past),"item_id":"kettle","title":"Kettle","price":39.9,"cost":21}"#
        // As after an outage of five days: the records are as old as what they tell.
        try Wires.send(
            [Array(item.utf8)] + (0..<60).map { click($0, user: "ada", at: past + Int64($0)) },
            to: fixture.events, brokers: fixture.brokers, timestampMs: past)
        let backlog = try fixture.run(try fixture.configuration(settings))
        #expect(backlog.events.accepted == 61 && backlog.recommendations.published == 0)
        #expect(try fixture.read(fixture.recommendations).isEmpty)
        // The same event time, brought now.
        try fixture.send((100..<160).map { click($0, user: "bob", at: past + Int64($0)) })
        let played = try fixture.run(try fixture.configuration(settings))
        #expect(played.events.accepted == 121 && played.recommendations.published > 0)
        let published = try fixture.read(fixture.recommendations).map(text)
        #expect(!published.isEmpty && published.allSatisfy { $0.contains("\"bob\"") })
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        #expect(try store.status().counters["recommendations_expired"] == 60)
        try store.close()
        #expect(try wholeReplay(of: fixture.store).result == .identical)
    }

    @Test(
        "where a leap was believed, the daemon says that most events are late, is not ready, and what it says brings the stream back"
    )
    func alarm() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let now = nowMs() - 86_400_000
        let port = try Wires.freePort()
        let overrides = try fixture.overrides(
            settings(
                "http.enabled=true", "http.port=\(port)", "log.level=warning",
                "attribution.leap_max=1h", "store.snapshot_events=50", "store.commit_events=50"))
        let log = fixture.folder + "/daemon.log"
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let daemon = DaemonProcess(overrides: overrides, log: log)
        try daemon.keepRunning()
        defer { daemon.end(SIGTERM) }
        try fixture.send([Array(Self.item.utf8)] + (0..<100).map { click($0, at: now + Int64($0)) })
        // Nine shoppers of a shop whose clock is five hours ahead, in one go.
        let ahead = now + 5 * 3_600_000
        try fixture.send((200..<209).map { click($0, at: ahead + Int64($0)) })
        // A batch is learned in the order of time: the others must not come into one with these.
        _ = try eventually("all that came so far") {
            try events(port).flatMap { $0["read"] as? Int == 110 ? true : nil }
        }
        try fixture.send((1_000..<1_300).map { click($0, at: now + Int64($0) * 100) })
        let ready = try eventually("a daemon that is not ready") {
            Wires.ask(port: port, "/ready").flatMap {
                $0.status == 503 && $0.body.contains("of the newest") ? $0.body : nil
            }
        }
        #expect(ready.contains("attribution.lateness"))
        let metrics = try #require(Wires.ask(port: port, "/metrics")).body
        #expect(metrics.contains("tidemark_newest_late_events"))
        let line = try eventually("a warning") {
            (try? String(contentsOfFile: log, encoding: .utf8))?.split(separator: "\n")
                .first { $0.contains("of the newest") }
        }
        #expect(line.contains("\(fixture.events):0 ("), "said: \(line)")
        // The command that the line names, word for word.
        let command = try #require(line.split(separator: "`").dropFirst().first)
        let words = command.split(separator: "\"", omittingEmptySubsequences: true)
        let arguments =
            words[0].split(separator: " ").dropFirst().map(String.init) + [String(words[1])]
        #expect(arguments.contains("\(fixture.events):0:101-108"), "\(arguments)")
        let rollback = Process()
        rollback.executableURL = DaemonProcess.program
        rollback.arguments = arguments
        rollback.standardOutput = FileHandle.nullDevice
        rollback.standardError = FileHandle.nullDevice
        try rollback.run()
        rollback.waitUntilExit()
        #expect(rollback.terminationStatus == 0)
        // Of 410 records eight are skipped, and none of the others is late.
        _ = try eventually("a stream that is learned again") {
            guard let counts = try events(port), counts["read"] as? Int == 402 else {
                return nil as Bool?
            }
            #expect(counts["late"] as? Int == 0)
            return Wires.ask(port: port, "/ready")?.status == 200 ? true : nil
        }
    }
}
