import Daemon
import Foundation
import Records
import SnapshotStore
import Testing

/// What is held of one shopper, and that it can be taken away.
@Suite(.serialized) struct ShopperTests {
    private struct Holdings: Decodable {
        struct Row: Decodable {
            let table: String
            let about: String
            let value: String
        }

        struct Example: Decodable {
            let head: String
            let item_id: String
            let price: Double
        }

        let user_id: String
        let other_ids: [String]
        let known: Bool
        let examples: [Example]
        let pseudonym: String
        let clicks: Int
        let rows: [Row]
    }

    private struct Gone: Decodable {
        struct Count: Decodable {
            let table: String
            let rows: Int
        }

        let gone: [Count]
        let left: [String]
        let snapshots: Int
    }

    private func holdings(_ user: String, _ store: String) throws -> Holdings {
        let shown = try tidemark(["shopper", "show", user, "--store", store])
        #expect(shown.status == 0, "\(shown.errors)")
        return try shown.json(Holdings.self)
    }

    @Test(
        "all rows of a shopper are shown; after an erasure there is none, and the audit has no id")
    func erased() throws {
        let fixture = try DaemonFixture()
        // Each click of this stream is of a shopper of its own.
        let stream = ServedDaemon.stream(600)
        let click = try #require(stream.first { $0.contains(#""type":"click""#) })
        let user = String(
            try #require(click.firstMatch(of: /"user_id":"(c\d+)"/)?.output.1))
        let daemon = try ServedDaemon(fixture, events: stream)
        try daemon.learned(600)
        // Commits what was learned.
        #expect(try daemon.operate("POST /v1/snapshots", "{}").status == 200)
        let before = try holdings(user, fixture.store)
        #expect(before.known && before.clicks == 1)
        let tables = Set(before.rows.map(\.table))
        #expect(tables.isSuperset(of: ["shoppers", "join.open"]), "\(tables)")
        #expect(
            before.rows.allSatisfy { Data(base64Encoded: $0.value) != nil && !$0.about.isEmpty })
        let unauthorized = daemon.ask("POST /v1/erase", #"{"user":"x","reason":"y"}"#)
        #expect(unauthorized?.status == 401)
        #expect(try daemon.operate("POST /v1/erase", #"{"user":"x"}"#).status == 400)
        let answer = try daemon.operate(
            "POST /v1/erase", #"{"user":"\#(user)","reason":"asked for it","who":"ann"}"#)
        #expect(answer.status == 200, "\(answer)")
        #expect(
            try OpenAPI().objections(to: answer.body, status: 200, of: "POST /v1/erase").isEmpty)
        let gone = try JSONDecoder().decode(Gone.self, from: Data(answer.body.utf8))
        #expect(gone.gone.reduce(0) { $0 + $1.rows } >= before.rows.count)
        #expect(gone.snapshots > 0)
        #expect(gone.left.contains { $0.contains(fixture.events) })
        let after = try holdings(user, fixture.store)
        #expect(!after.known && after.rows.isEmpty)
        let audit = try #require(daemon.ask("GET /v1/audit?limit=1")).body
        #expect(audit.contains("\"erase\"") && audit.contains("asked for it"))
        for said in [audit, answer.body] {
            #expect(!said.contains("\"\(user)\"") && !said.contains(before.pseudonym))
        }
        // The same click once more, as after a rewind: it is from before.
        try fixture.send(
            [click.replacing(#""event_id":"e"#, with: #""event_id":"again"#)], partition: 0)
        try daemon.learned(601)
        #expect(try daemon.operate("POST /v1/snapshots", "{}").status == 200)
        #expect(try !holdings(user, fixture.store).known)
        daemon.end()
        let verified = try tidemark(["snapshots", "verify", "--store", fixture.store])
        #expect(verified.status == 0, "\(verified.errors)")
        // The journal cannot have again what the shopper had a part in, and says so.
        #expect(try wholeReplay(of: fixture.store).result == .erased)
    }

    @Test("a joined id shows what is held of the shopper that it stands for, who has further ids")
    func joined() throws {
        let scratch = try Scratch()
        func line(_ number: Int, _ fields: String) -> String {
            #"{"event_id":"e\#(number)","ts":\#(1_700_000_000_000 + number * 1_000),\#(fields)}"#
        }
        let log = try scratch.log([
            line(1, #""type":"item","item_id":"kettle","title":"Kettle","price":40,"cost":20"#),
            line(2, #""type":"click","anonymous_id":"g-7","item_id":"kettle","price":40"#),
            line(3, #""type":"identify","anonymous_id":"g-7","user_id":"ada""#),
            line(4, #""type":"click","anonymous_id":"g-7","item_id":"kettle","price":40"#),
            line(5, #""type":"click","user_id":"bob","item_id":"kettle","price":40"#),
        ])
        let store = "\(scratch.path)/store"
        _ = try Replay(
            try ShopStream.configuration(), events: [log], catalog: nil, store: store
        ).run()
        for id in ["g-7", "ada"] {
            let held = try holdings(id, store)
            #expect(held.user_id == "ada" && held.other_ids == ["g-7"] && held.known)
            #expect(held.clicks == 2)
        }
        let other = try holdings("bob", store)
        #expect(other.user_id == "bob" && other.other_ids.isEmpty && other.clicks == 1)
    }

    @Test("the command erases by the socket of the daemon, and says what went and what is left")
    func command() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(300))
        try daemon.learned(300)
        let store = daemon.fixture.store
        #expect(try daemon.operate("POST /v1/snapshots", "{}").status == 200)
        let before = try holdings("u3", store)
        let kept = before.rows.filter { ["replay", "anchors"].contains($0.table) }
        #expect(!kept.isEmpty && before.examples.count == kept.count)
        #expect(before.examples.allSatisfy { $0.price == 20 && $0.item_id.hasPrefix("i") })
        let erased = try tidemark(["erase", "u3", "--reason", "asked", "--store", store])
        #expect(erased.status == 0, "\(erased.errors)")
        #expect(erased.output.contains(/The shopper's key is destroyed, in commit \d+\. \d+ rows/))
        #expect(erased.output.contains("Not reached:\n- topics that are read"))
        let again = try tidemark([
            "erase", "u3", "--reason", "asked", "--url", daemon.url, "--token-file",
            daemon.tokenFile,
        ])
        #expect(again.status == 0 && again.output.contains("Nothing was known"), "\(again)")
        #expect(try tidemark(["erase", "", "--reason", "x", "--store", store]).status == 64)
        #expect(try tidemark(["erase", "u3", "--reason", "", "--store", store]).status == 64)
        daemon.end()
        let alone = try tidemark(["erase", "u4", "--reason", "asked", "--store", store])
        #expect(alone.status == 69 && alone.errors.contains("no daemon has the store"))
    }
}
