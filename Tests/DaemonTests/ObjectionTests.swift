import Daemon
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

/// Shoppers who object to personalised prices, against a daemon.
@Suite(.serialized) struct ObjectionTests {
    private struct Holdings: Decodable {
        struct Offer: Decodable { let item_id: String }
        let objected_since: String?
        let offers: [Offer]
        let known: Bool
    }

    private func holdings(_ user: String, _ store: String) throws -> Holdings {
        let shown = try tidemark(["shopper", "show", user, "--store", store])
        #expect(shown.status == 0, "\(shown.errors)")
        return try shown.json(Holdings.self)
    }

    /// A click of a shopper, after everything that the stream has.
    private func click(_ user: String, _ id: String, atMs ms: Int64) -> String {
        """
        {"type":"click","event_id":"\(id)","ts":\(ms),"user_id":"\(user)","item_id":"i3","price":20}
        """
    }

    private struct Told: Decodable {
        let user_id: String
        let price: Double
        let discount: Double
        let personalised: Bool
    }

    private func told(_ fixture: DaemonFixture) throws -> [Told] {
        try fixture.read(fixture.recommendations).compactMap(\.value)
            .map { try JSONDecoder().decode(Told.self, from: Data($0)) }
    }

    @Test(
        "an objection ends what stands, is audited, and holds through a restart, a rollback and a rewind"
    )
    func holds() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let topic = "\(fixture.recommendations)-state"
        try fixture.makeTopics([topic])
        let settings =
            ShopStream.overrides + [
                "publish.state_topic=\(topic)", "pricing.offer_lifetime=30d",
                "pricing.holdout=0", "pricing.exploration=epsilon-greedy",
                "pricing.epsilon=1", "publish.disclosure=personal",
            ]
        let configuration = try fixture.configuration(settings)
        var shop = ShopStream(seed: 71)
        try fixture.send(shop.next(600), partition: 0)
        _ = try fixture.run(configuration)
        let user = try #require(try told(fixture).first { $0.discount > 0 }?.user_id)
        #expect(try holdings(user, fixture.store).objected_since == nil)
        #expect(try !holdings(user, fixture.store).offers.isEmpty)
        func standing() throws -> Set<String> {
            var last: [String: Bool] = [:]
            for record in try fixture.read(topic) {
                last[String(decoding: record.key ?? [], as: UTF8.self)] = record.value != nil
            }
            return Set(last.filter(\.value).keys)
        }
        #expect(try standing().contains { $0.hasPrefix("\(user)|") })
        let begin = ShopStream.startMs + 2_000_000
        try fixture.send(
            [
                click(user, "at once", atMs: begin - 1),
                #"{"type":"objection","event_id":"no","ts":\#(begin),"user_id":"\#(user)"}"#,
            ], partition: 0)
        _ = try fixture.run(configuration)
        #expect(try !standing().contains { $0.hasPrefix("\(user)|") })
        let shown = try holdings(user, fixture.store)
        #expect(shown.objected_since == Timestamp.text(ms: begin) && shown.offers.isEmpty)
        var store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        let noted = try store.audit().filter { $0.action == "objection" }
        #expect(noted.count == 1 && noted[0].who == "event")
        #expect(noted[0].reason.contains(fixture.events) && !noted[0].reason.contains(user))
        try store.close()
        let before = try told(fixture).count

        // A restart, a rollback, and a rewind to the beginning.
        for (number, rewind) in [nil, false, true].enumerated() {
            if let rewind {
                store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
                let first = try #require(try store.snapshots().last?.record.id)
                _ = try RollbackRequest(
                    reference: first, rewind: rewind, reason: "a drill", who: "ada"
                ).perform(on: store)
                try store.close()
            }
            try fixture.send(
                [click(user, "later \(number)", atMs: begin + Int64(number + 1) * 60_000)],
                partition: 0)
            _ = try fixture.run(configuration)
            #expect(try holdings(user, fixture.store).objected_since != nil)
        }
        let since = try told(fixture).dropFirst(before).filter { $0.user_id == user }
        #expect(!since.isEmpty)
        #expect(since.allSatisfy { $0.price == 20 && $0.discount == 0 && !$0.personalised })
        #expect(try wholeReplay(of: fixture.store).result == .identical)
    }

    @Test("an objection over HTTP and by the command is honoured at once, and outlives an erasure")
    func asked() throws {
        let daemon = try ServedDaemon(try DaemonFixture(), events: ServedDaemon.stream(300))
        try daemon.learned(300)
        let store = daemon.fixture.store
        let body = #"{"user":"u3","reason":"wrote to us","who":"ann"}"#
        #expect(daemon.ask("POST /v1/objections", body)?.status == 401)
        #expect(try daemon.operate("POST /v1/objections", #"{"user":"u3"}"#).status == 400)
        #expect(
            try daemon.operate("POST /v1/objections", #"{"user":"u3","reason":"x","items":1}"#)
                .status == 400)
        let answer = try daemon.operate("POST /v1/objections", body)
        #expect(answer.status == 200 && answer.body.contains(#""new" : true"#), "\(answer)")
        #expect(
            try OpenAPI().objections(to: answer.body, status: 200, of: "POST /v1/objections")
                .isEmpty)
        let audit = try #require(daemon.ask("GET /v1/audit?limit=1")).body
        #expect(audit.contains("\"objection\"") && audit.contains("wrote to us"))
        #expect(!audit.contains("u3") && !answer.body.contains("u3"))
        func rules() throws -> String {
            try daemon.operate("POST /v1/recommend", #"{"user":"u3","item":"i1","price":20}"#).body
        }
        #expect(try rules().contains("\"objection\""))
        #expect(try holdings("u3", store).objected_since != nil)
        let again = try tidemark(["shopper", "object", "u3", "--reason", "again", "--store", store])
        #expect(again.status == 0 && again.output.contains("had objected before"), "\(again)")
        let remote = try tidemark([
            "shopper", "object", "u4", "--reason", "asked", "--url", daemon.url, "--token-file",
            daemon.tokenFile, "--json",
        ])
        #expect(remote.status == 0 && remote.output.contains(#""new" : true"#), "\(remote)")
        #expect(
            try daemon.operate("POST /v1/erase", #"{"user":"u3","reason":"asked"}"#).status == 200)
        #expect(try !holdings("u3", store).known && rules().contains("\"objection\""))
        #expect(try holdings("u3", store).objected_since != nil)
        for wrong in [["", "--reason", "x"], ["u3", "--reason", ""]] {
            let refused = try tidemark(["shopper", "object"] + wrong + ["--store", store])
            #expect(refused.status == 64, "\(refused)")
        }
        daemon.end()
        let alone = try tidemark(["shopper", "object", "u5", "--reason", "x", "--store", store])
        #expect(alone.status == 69 && alone.errors.contains("no daemon has the store"))
        #expect(try wholeReplay(of: store).result == .erased)
    }
}
