import Daemon
import Engine
import Events
import Foundation
import Records
import Testing

@Suite struct PublishedOffersTests {
    private func recommendation(
        _ id: String, user: String = "u", item: String = "i", price: Double = 8,
        listPrice: Double = 10, issuedMs: Int64 = 1000, expiresMs: Int64 = 5000
    ) throws -> Recommendation {
        let json = """
            {"recommendation_id":"\(id)","user_id":"\(user)","item_id":"\(item)",\
            "discount":\(1 - price / listPrice),"list_price":\(listPrice),"price":\(price),\
            "expected_conversion":0.1,"baseline_conversion":0.1,"expected_quantity":1,"propensity":1,"policy":"none",\
            "explored":false,"holdout":false,"snapshot":"s",\
            "issued_at":"\(Timestamp.text(ms: issuedMs))",\
            "expires_at":"\(Timestamp.text(ms: expiresMs))","rules":[],"reasons":[]}
            """
        return try JSONDecoder().decode(Recommendation.self, from: Data(json.utf8))
    }

    private func commit(_ offers: inout PublishedOffers, _ state: inout MemoryState) -> [String] {
        var changes = StateChanges()
        let published = offers.collect(into: &changes)
        state.apply(changes)
        return published.map(\.recommendationID)
    }

    @Test("within a commit only the newest of a shopper and item is published")
    func newest() throws {
        var offers = PublishedOffers()
        var state = MemoryState()
        for (id, item, price) in [("a", "i", 8.0), ("b", "j", 8), ("c", "i", 7), ("d", "i", 6)] {
            #expect(
                try offers.offer(try recommendation(id, item: item, price: price), reading: state))
        }
        #expect(commit(&offers, &state) == ["b", "d"])
        #expect(commit(&offers, &state) == [])
    }

    @Test(
        "what was published to a shopper who is forgotten goes with the shopper, and what is new stays"
    )
    func unseen() throws {
        var offers = PublishedOffers()
        var state = MemoryState()
        func rows() -> Int {
            var count = 0
            state.forEach(PublishedOffers.table) { _, _ in count += 1 }
            return count
        }
        for user in ["u", "v"] {
            _ = try offers.offer(try recommendation("a", user: user), reading: state)
        }
        #expect(commit(&offers, &state).count == 2)
        #expect(rows() == 2)
        offers.forget(unseen: RowOwner(user: "u"))
        offers.forget(unseen: RowOwner(user: "v"))
        _ = try offers.offer(
            try recommendation("b", user: "v", price: 7, issuedMs: 9000, expiresMs: 9999),
            reading: state)
        #expect(commit(&offers, &state) == ["b"])
        #expect(rows() == 1)
    }

    @Test("an unchanged offer is not published again before it expires, a changed one is")
    func unchanged() throws {
        var offers = PublishedOffers()
        var state = MemoryState()
        func publish(_ recommendation: Recommendation) throws -> [String] {
            _ = try offers.offer(recommendation, reading: state)
            return commit(&offers, &state)
        }
        #expect(try publish(try recommendation("a")) == ["a"])
        #expect(try publish(try recommendation("b", issuedMs: 4999)) == [])
        #expect(try publish(try recommendation("c", price: 7, issuedMs: 2000)) == ["c"])
        #expect(
            try publish(try recommendation("d", price: 7, listPrice: 11, issuedMs: 2001)) == ["d"])
        #expect(try publish(try recommendation("e", user: "v")) == ["e"])
        #expect(
            try publish(
                try recommendation(
                    "f", price: 7, listPrice: 11, issuedMs: 5000, expiresMs: 9000)) == ["f"])
    }

    @Test("what was published is ledger, goes with an erased shopper, and stays bounded")
    func state() throws {
        #expect(PublishedOffers.table.kind == .ledger)
        var offers = PublishedOffers()
        var state = MemoryState()
        for number in 0..<100 {
            _ = try offers.offer(try recommendation("r", item: "i\(number)"), reading: state)
        }
        _ = commit(&offers, &state)
        var bytes = 0
        state.forEach(PublishedOffers.table) { bytes += $1.count }
        #expect(bytes < 32 * 64)
        offers.forget("u")
        _ = commit(&offers, &state)
        var rows = 0
        state.forEach(PublishedOffers.table) { _, _ in rows += 1 }
        #expect(rows == 0)
    }
}
