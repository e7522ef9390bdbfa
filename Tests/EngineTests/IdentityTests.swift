import Engine
import Events
import Pricing
import Records
import Testing

/// Guests who become users, and prices that the catalogue tells.
@Suite(.serialized) struct IdentityTests {
    /// An engine that commits after each batch, and begins anew from its state where asked to.
    private struct Shop {
        let configuration: EngineConfiguration
        var engine: Engine
        var state = MemoryState()
        var rows: [[UInt8]: [UInt8]] = [:]
        var outputs: [StepOutput] = []
        private let training: InlineTraining
        private var offset: Int64 = 0

        init(refreshEvents: Int = 0, _ change: (inout EngineConfiguration) -> Void = { _ in })
            throws
        {
            configuration = try EngineFixture.configuration(refreshEvents: refreshEvents, change)
            engine = try EngineFixture.engine(configuration)
            training = InlineTraining(try EngineFixture.base.get())
        }

        mutating func take(_ events: [Event], restoring: Bool = false) throws {
            if restoring {
                engine = try EngineFixture.engine(configuration, reading: state)
                engine.resumeRefresh(training: training)
            }
            let inputs = events.map { event in
                offset += 1
                return EngineFixture.input(event, offset: offset)
            }
            outputs.append(
                try engine.step(
                    inputs, reading: state, embedding: WordEmbedding(dimension: 384),
                    training: training))
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
            for row in changes.rows {
                rows[Array(row.table.name.utf8) + [0] + row.key] = row.value
            }
        }

        var reasons: [String] { outputs.flatMap(\.unusable).map(\.reason) }

        func shopper(_ id: String) throws -> ShopperState {
            try engine.shopper(id, reading: state)
        }
    }

    private static func event(_ id: String, _ second: Int, _ body: Event.Body) -> Event {
        Event(eventID: id, tsMs: 1_700_000_000_000 + Int64(second) * 1_000, body: body)
    }

    private static func click(
        _ id: String, _ second: Int, _ user: String, item: String = "item-1", price: Double = 10
    ) -> Event {
        event(id, second, .click(.init(userID: user, itemID: item, price: price)))
    }

    private static func identify(_ second: Int, _ guest: String, as user: String) -> Event {
        event("id-\(second)", second, .identify(anonymousID: guest, userID: user))
    }

    private static let catalogue = EngineFixture.item(1, ts: 1_700_000_000_000)

    @Test("a guest's history and open offer go along, and a purchase by the user counts for them")
    func goesAlong() throws {
        var shop = try Shop()
        try shop.take([Self.catalogue, Self.click("c1", 1, "guest-7")])
        let offered = try #require(shop.outputs.last?.recommendations.first)
        try shop.take([Self.identify(2, "guest-7", as: "ada")])
        try shop.take([Self.click("c2", 3, "ada"), Self.click("c3", 4, "guest-7")])
        let later = try #require(shop.outputs.last?.recommendations)
        // The offer stands: the same decision under the user's name, whichever id asks.
        #expect(later.map(\.userID) == ["ada", "ada"])
        #expect(
            later.map(\.recommendationID) == [offered.recommendationID, offered.recommendationID])
        for id in ["ada", "guest-7"] {
            let known = try shop.shopper(id)
            #expect(known.clicks == 3 && known.recentItems == ["item-1"] && known.offers.count == 1)
        }
        let bought = Event.Purchase(
            offer: .init(
                userID: "guest-7", itemID: "item-1", price: 10,
                recommendationID: offered.recommendationID))
        try shop.take([Self.event("p", 5, .purchase(bought))])
        try shop.take([Self.click("late", 8_000, "bob")])
        #expect(shop.engine.counters.unattributed == 0)
        #expect(try shop.shopper("guest-7").purchases == 1)
        let counts = shop.engine.counters.identities
        #expect(counts.joined == 1 && counts.moved == 0)
        // Nothing is left under the guest's name but where it leads.
        let guest = RowOwner(user: "guest-7")
        #expect(shop.state.value(ShopperState.table, guest.bytes) == nil)
    }

    @Test(
        "a state with guests who became users goes on to the same bits from any commit, refreshes included"
    )
    func replays() throws {
        var random = SeededRandom(seed: 9)
        var stream = EngineFixture.stream(outcomes: 1_200).compactMap { try? $0.event.get() }
        for place in stride(from: 100, to: 1_200, by: 15) {
            let guest = "u\(random.next() % 50)"
            let user =
                random.next() % 4 == 0 ? "u\(random.next() % 50)" : "member-\(random.next() % 9)"
            stream.insert(
                Event(
                    eventID: "id\(place)", tsMs: stream[place].tsMs,
                    body: .identify(anonymousID: guest, userID: user)), at: place)
        }
        func run(restoring: Set<Int>) throws -> Shop {
            var shop = try Shop(refreshEvents: 300)
            for (number, batch) in stream.batches(of: 80).enumerated() {
                try shop.take(batch, restoring: restoring.contains(number))
            }
            return shop
        }
        let whole = try run(restoring: [])
        let parted = try run(restoring: [2, 5, 6, 7, 11, 13])
        #expect(whole.engine.counters == parted.engine.counters)
        let different = whole.rows.filter { parted.rows[$0.key] != $0.value }
        let names = Set(
            different.keys.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        #expect(different.isEmpty, "rows that differ are in \(names.sorted())")
        #expect(whole.engine.counters.gatePassed + whole.engine.counters.gateRejected > 0)
        let counts = whole.engine.counters.identities
        #expect(counts.joined > 20 && counts.moved > 0)
        #expect(whole.reasons.allSatisfy { $0.contains("nobody is joined in a circle") })
    }

    @Test("of two users of one id the later identity holds, and what was stays with the first")
    func moves() throws {
        var shop = try Shop()
        try shop.take([
            Self.catalogue, Self.click("c1", 1, "tablet"), Self.identify(10, "tablet", as: "ada"),
            Self.click("c2", 11, "tablet"), Self.identify(20, "tablet", as: "bob"),
            Self.click("c3", 21, "tablet"), Self.identify(15, "tablet", as: "cleo"),
            Self.identify(22, "tablet", as: "bob"), Self.identify(23, "ada", as: "ada"),
        ])
        #expect(try shop.shopper("ada").clicks == 2)
        #expect(try shop.shopper("bob").clicks == 1)
        #expect(try shop.shopper("tablet") == shop.shopper("bob"))
        var counts = IdentityCounts()
        // By their times the one that came third is the second.
        (counts.joined, counts.moved, counts.known) = (1, 2, 2)
        #expect(shop.engine.counters.identities == counts)
        // In a later batch it is older than what is known.
        try shop.take([Self.identify(16, "tablet", as: "cleo")])
        #expect(shop.engine.counters.identities.outdated == 1)
    }

    @Test("users who are joined to each other go along together, and nobody is joined in a circle")
    func chains() throws {
        var shop = try Shop()
        try shop.take([Self.catalogue, Self.click("c1", 1, "a"), Self.identify(2, "a", as: "b")])
        try shop.take([Self.click("c2", 3, "b"), Self.identify(4, "b", as: "c")])
        try shop.take([Self.click("c3", 5, "a"), Self.identify(6, "c", as: "a")])
        #expect(try shop.shopper("a") == shop.shopper("c"))
        #expect(try shop.shopper("b") == shop.shopper("c"))
        #expect(try shop.shopper("c").clicks == 3)
        #expect(
            shop.reasons == [
                "anonymous_id: \"c\" is the shopper that user_id \"a\" was joined to; nobody is joined in a circle"
            ])
        #expect(shop.engine.counters.deadLetterReasons["circular_identity"] == 1)
        let counters = shop.engine.counters
        #expect(counters.byType.values.reduce(counters.deadLettered, +) == counters.read)
    }

    @Test(
        "an erasure by any of a shopper's ids takes them all, and nothing from before brings one back"
    )
    func erasure() throws {
        var shop = try Shop()
        let first = [
            Self.catalogue, Self.click("c1", 1, "tablet"), Self.click("c2", 2, "phone"),
            Self.identify(3, "tablet", as: "ada"), Self.identify(4, "phone", as: "ada"),
        ]
        try shop.take(first)
        try shop.take([Self.event("erase", 10, .erase(userID: "phone"))])
        #expect(Set(shop.outputs.last?.erasedUsers ?? []) == ["ada", "phone", "tablet"])
        // Read again, as after a rewind.
        try shop.take([
            Self.click("c1-again", 1, "tablet"), Self.identify(3, "tablet", as: "ada"),
            Self.identify(9, "phone", as: "bob"),
        ])
        #expect(shop.engine.counters.suppressed == 3)
        for id in ["ada", "phone", "tablet", "bob"] {
            #expect(try shop.shopper(id).clicks == 0)
            let row = shop.state.value(
                StateTable("identities", .keyed, keys: .owner), RowOwner(user: id).bytes)
            #expect(row == nil)
        }
        // Later ones are of a new acquaintance.
        try shop.take([Self.click("c3", 20, "tablet"), Self.identify(21, "tablet", as: "ada")])
        #expect(try shop.shopper("ada").clicks == 1)
    }

    @Test(
        "an erasure that overtakes its identity takes the guest's past when the identity comes, and nobody else's"
    )
    func overtaken() throws {
        var shop = try Shop()
        try shop.take([
            Self.catalogue, Self.click("c1", 1, "tablet"), Self.click("c2", 2, "phone"),
            Self.identify(3, "phone", as: "bob"),
        ])
        try shop.take([Self.event("erase", 10, .erase(userID: "ada"))])
        #expect(try shop.shopper("tablet").clicks == 1)
        try shop.take([Self.identify(4, "tablet", as: "ada"), Self.identify(2, "phone", as: "ada")])
        #expect(shop.outputs.last?.erasedUsers == ["tablet"])
        #expect(try shop.shopper("tablet").clicks == 0)
        #expect(try shop.shopper("bob").clicks == 1)
        // Read again, nothing of before the erasure comes back; what is newer is of a new acquaintance.
        try shop.take([Self.click("c1-again", 1, "tablet"), Self.click("c3", 20, "tablet")])
        #expect(try shop.shopper("tablet").clicks == 1)
        try shop.take([Self.identify(4, "tablet", as: "ada")])
        #expect(shop.outputs.last?.erasedUsers == [])
        #expect(try shop.shopper("tablet").clicks == 1)
    }

    @Test("so does one that names the erased user by another id")
    func overtakenByAlias() throws {
        var shop = try Shop()
        try shop.take([Self.catalogue, Self.click("c1", 1, "tablet")])
        try shop.take([Self.event("erase", 10, .erase(userID: "ada"))])
        try shop.take([Self.identify(12, "ada-2", as: "ada")])
        try shop.take([Self.identify(4, "tablet", as: "ada-2")])
        #expect(shop.outputs.last?.erasedUsers == ["tablet"])
        #expect(try shop.shopper("tablet").clicks == 0)
    }

    @Test("a shopper has 256 ids at most: for one more the oldest is on its own again")
    func bound() throws {
        var shop = try Shop()
        for number in 0..<300 {
            try shop.take([
                Self.click("c\(number)", number, "g\(number)"),
                Self.identify(number, "g\(number)", as: "ada"),
            ])
        }
        #expect(try shop.shopper("ada").clicks == 300)
        #expect(try shop.shopper("g299").clicks == 300)
        #expect(try shop.shopper("g43").clicks == 0)
        #expect(try shop.shopper("g44").clicks == 300)
    }

    @Test("a price that an event leaves out is the catalogue's, and without one it is no event")
    func unpriced() throws {
        var shop = try Shop()
        try shop.take([Self.click("c1", 1, "ada", price: 0)])
        #expect(
            shop.reasons == [
                "price: is missing, and the catalogue has none of item \"item-1\" so far"
            ])
        #expect(shop.engine.counters.deadLetterReasons["unpriced"] == 1)
        try shop.take([Self.catalogue, Self.click("c2", 2, "ada", price: 0)])
        #expect(shop.outputs.last?.recommendations.first?.listPrice == 10)
    }

    @Test(
        "an update of a price or a stock alone leaves the rest as it was, and brings nothing back")
    func updates() throws {
        var shop = try Shop()
        let price = Event.Item(itemID: "item-1", title: nil, price: 12)
        let stock = Event.Item(itemID: "item-1", title: nil, stock: 3)
        try shop.take([
            Self.catalogue, Self.event("i2", 1, .item(price)), Self.event("i3", 2, .item(stock)),
        ])
        try shop.take([Self.click("c", 3, "ada", price: 0)])
        let row = try #require(shop.state.value(StateTable("items", .keyed), Array("item-1".utf8)))
        #expect(shop.outputs.last?.recommendations.first?.listPrice == 12)
        #expect(String(decoding: row, as: UTF8.self).contains("Wool Scarf 0"))
        var deleted = Event.Item(itemID: "item-1", title: nil)
        deleted.deleted = true
        try shop.take([Self.event("i4", 4, .item(deleted)), Self.event("i5", 5, .item(stock))])
        try shop.take([Self.click("c2", 6, "bob", price: 0)])
        #expect(shop.outputs.last?.recommendations.first?.discount == 0)
        #expect(shop.outputs.last?.recommendations.first?.rules == ["deleted_item"])
    }
}
