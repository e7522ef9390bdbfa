import Daemon
import Foundation
import Records
import SnapshotStore
import Testing

/// Deep discounts that wait for a person's word, against a daemon.
@Suite(.serialized) struct ApprovalTests {
    private static let settings = [
        "pricing.aim=merchant", "learning.merchant=true", "pricing.approve_above=0.05",
        "pricing.holdout=0",
    ]

    private struct Listed: Decodable {
        struct Wish: Decodable {
            let discount: Double
            let decisions: Int
        }
        struct Answer: Decodable { let discount: Double }
        struct Entry: Decodable {
            let item_id: String
            let title: String?
            let wish: Wish?
            let answer: Answer?
        }
        let approvals: [Entry]
        let waiting: Int
    }

    private struct Offers: Decodable {
        struct Offer: Decodable {
            let user_id: String
            let discount: Double
            let rules: [String]
        }
        let recommendations: [Offer]
    }

    private func listed(_ text: String) throws -> Listed {
        try JSONDecoder().decode(Listed.self, from: Data(text.utf8))
    }

    @Test("what waits is listed, a person's word is taken over HTTP and by the command, and holds")
    func answered() throws {
        let daemon = try ServedDaemon(
            try DaemonFixture(), events: ServedDaemon.stream(600), settings: Self.settings)
        try daemon.learned(600)
        let store = daemon.fixture.store
        #expect(try daemon.operate("POST /v1/snapshots", "{}").status == 200)
        let list = try #require(daemon.ask("GET /v1/approvals"))
        #expect(list.status == 200)
        #expect(
            try OpenAPI().objections(to: list.body, status: 200, of: "GET /v1/approvals").isEmpty)
        let waiting = try listed(list.body)
        #expect(waiting.waiting > 0)
        let first = try #require(waiting.approvals.first)
        let wish = try #require(first.wish)
        #expect(wish.discount > 0.05 && wish.decisions > 0 && first.title?.isEmpty == false)
        let held = try JSONDecoder().decode(
            Offers.self,
            from: Data(try #require(daemon.ask("GET /v1/recommendations")).body.utf8))
        #expect(held.recommendations.allSatisfy { $0.discount <= 0.05 })
        #expect(held.recommendations.contains { $0.rules.contains("approval") })

        let path = "POST /v1/approvals/\(first.item_id)"
        #expect(daemon.ask(path, #"{"up_to":0.3,"reason":"r"}"#)?.status == 401)
        for wrong in [
            #"{"up_to":0.3}"#, #"{"up_to":1.5,"reason":"r"}"#, #"{"up_to":0,"reason":"r"}"#,
            #"{"up_to":0.3,"decline":true,"reason":"r"}"#,
            #"{"reason":"r"}"#, #"{"up_to":null,"reason":"r"}"#,
            #"{"up_to":0.3,"until":"2001-01-01T00:00:00Z","reason":"r"}"#,
            #"{"up_to":0.3,"until":"soon","reason":"r"}"#,
            #"{"up_to":0.3,"until":"2099-01-01T00:00:00Z","reason":"r"}"#,
        ] {
            #expect(try daemon.operate(path, wrong).status == 400, "\(wrong)")
        }
        let unknown = try daemon.operate(
            "POST /v1/approvals/nothing", #"{"up_to":0.3,"reason":"r"}"#)
        #expect(unknown.status == 400 && unknown.body.contains("does not know"), "\(unknown)")
        let said = try daemon.operate(
            path, #"{"up_to":\#(wish.discount),"reason":"end of line","who":"ann"}"#)
        #expect(said.status == 200, "\(said)")
        #expect(
            try OpenAPI().objections(to: said.body, status: 200, of: "POST /v1/approvals/{item}")
                .isEmpty)
        let entry = try JSONDecoder().decode(Listed.Entry.self, from: Data(said.body.utf8))
        #expect(entry.wish == nil && entry.answer?.discount == wish.discount)
        let audit = try #require(daemon.ask("GET /v1/audit?limit=1")).body
        #expect(audit.contains("\"approve\"") && audit.contains(first.item_id))
        #expect(audit.contains("end of line") && audit.contains("ann"))

        let ms = nowMs()
        try daemon.fixture.send(
            [
                """
                {"type":"click","event_id":"now","ts":\(ms),"user_id":"bo","item_id":"\(first.item_id)","price":20}
                """
            ], partition: 0)
        try daemon.learned(601)
        let offers = try JSONDecoder().decode(
            Offers.self,
            from: Data(try #require(daemon.ask("GET /v1/recommendations")).body.utf8))
        let offer = try #require(offers.recommendations.first { $0.user_id == "bo" })
        #expect(offer.discount > 0.05 && !offer.rules.contains("approval"))

        try decline(try #require(waiting.approvals.dropFirst().first).item_id, daemon)
        daemon.end()
        let kept = try listed(
            try tidemark(["approvals", "--store", store, "--json"]).output)
        #expect(kept.approvals.count { $0.answer != nil } == 2)
        let alone = try tidemark([
            "approve", first.item_id, "--up-to", "0.3", "--reason", "x", "--store", store,
        ])
        #expect(alone.status == 69 && alone.errors.contains("no daemon has the store"))
        #expect(try wholeReplay(of: store).result == .identical)
    }

    private func decline(_ item: String, _ daemon: ServedDaemon) throws {
        let store = daemon.fixture.store
        let said = try tidemark([
            "approve", item, "--decline", "--reason", "no", "--store", store,
        ])
        #expect(said.status == 0 && said.output.contains("\(item): declined until"), "\(said)")
        let remote = try tidemark(["approvals", "--url", daemon.url])
        #expect(remote.status == 0 && remote.output.contains("declined until"), "\(remote)")
        for wrong in [
            ["--decline", "--up-to", "0.3"], ["--up-to", "2"], [],
            ["--up-to", "0.3", "--until", "soon"],
        ] {
            let refused = try tidemark(
                ["approve", item, "--reason", "x", "--store", store] + wrong)
            #expect(refused.status == 64, "\(wrong): \(refused)")
        }
    }

    @Test("a daemon that asks nobody takes no answer, and says which key is not set")
    func unasked() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(50))
        try daemon.learned(50)
        let said = try daemon.operate("POST /v1/approvals/i1", #"{"up_to":0.3,"reason":"r"}"#)
        #expect(said.status == 400 && said.body.contains("pricing.approve_above"), "\(said)")
        #expect(try listed(try #require(daemon.ask("GET /v1/approvals")).body).approvals.isEmpty)
    }
}
