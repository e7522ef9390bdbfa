import Engine
import Events
import Foundation
import Records
import Testing

/// What a click may say of the item it is about.
@Suite struct InlineTests {
    private static let catalogue = [
        Event.Item(
            itemID: "dear", title: "Dear thing", category: "K", price: 10, cost: 9.5, stock: 5),
        Event.Item(
            itemID: "gone", title: "Gone thing", category: "K", price: 10, cost: 1, stock: 0),
        withdrawn,
    ]

    private static let withdrawn: Event.Item = {
        var item = Event.Item(
            itemID: "dead", title: "Withdrawn thing", category: "K", price: 10, cost: 1)
        item.deleted = true
        return item
    }()

    private static let claims: [Event.Item] = [
        Event.Item(itemID: "dear", title: nil, cost: 0),
        Event.Item(itemID: "gone", title: nil, brand: "Claimed", stock: 99),
        Event.Item(itemID: "dead", title: "Withdrawn thing"),
        Event.Item(itemID: "new", title: "New thing", brand: "B", price: 10, cost: 1, stock: 9),
    ]

    /// The two ways to have a topic say so: by the setting for all, and by its own.
    private static func allOf(
        _ fields: InlineFields, otherwise: InlineFields
    ) -> [(standard: InlineFields, topic: InlineFields?)] {
        [(fields, nil), (otherwise, fields)]
    }

    /// An engine that has heard the catalogue, then the claims of one stranger.
    private static func engine(
        _ inline: InlineFields, topic: InlineFields? = nil
    ) throws -> (engine: Engine, ask: (String, Int) throws -> Recommendation) {
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(
            try EngineFixture.configuration {
                $0.inline.standard = inline
                $0.inline.topics = topic.map { ["t": $0] } ?? [:]
                $0.pricing.exploration = .epsilonGreedy
                $0.pricing.epsilon = 1
            })
        var events = catalogue.map { Event(eventID: "i-\($0.itemID)", tsMs: 0, body: .item($0)) }
        events += claims.map { item in
            var offer = Event.Offer(userID: "stranger", itemID: item.itemID, price: 10)
            offer.item = item
            return Event(eventID: "c-\(item.itemID)", tsMs: 1_000, body: .click(offer))
        }
        _ = try engine.step(
            events.enumerated().map { EngineFixture.input($1, offset: Int64($0)) },
            reading: MemoryState(), embedding: embedding, training: training)
        let learned = engine
        return (
            learned,
            { item, number in
                var copy = learned
                let offer = Event.Offer(userID: "u\(number)", itemID: item, price: 10)
                let event = Event(eventID: "ask\(number)", tsMs: 5_000, body: .click(offer))
                let output = try copy.step(
                    [EngineFixture.input(event, offset: 100)], reading: MemoryState(),
                    embedding: embedding, training: training)
                guard let offer = output.recommendations.first else {
                    throw Missing(what: "an offer")
                }
                return offer
            }
        )
    }

    @Test("a click fills in texts that are not known, and changes no cost, stock or deletion")
    func texts() throws {
        let (engine, ask) = try Self.engine(.texts)
        let dear = try #require(try engine.item("dear"))
        #expect(dear.cost == 9.5 && dear.stock == 5)
        let gone = try #require(try engine.item("gone"))
        #expect(gone.stock == 0 && gone.brand == "Claimed" && gone.title == "Gone thing")
        let dead = try #require(try engine.item("dead"))
        #expect(dead.deleted)
        let new = try #require(try engine.item("new"))
        #expect(new.title == "New thing" && new.brand == "B")
        #expect(new.price == nil && new.cost == nil && new.stock == nil)
        #expect(engine.counters.ignoredInline == 4)
        for number in 0..<40 {
            #expect(try ask("dear", number).discount <= 0.05)
            #expect(try ask("gone", number).rules.contains("out_of_stock"))
            #expect(try ask("dead", number).rules.contains("deleted_item"))
            #expect(try ask("new", number).rules.contains("unknown_cost"))
        }
    }

    @Test("a topic that may say all sets what an item event would, but revives nothing")
    func all() throws {
        for (standard, topic) in Self.allOf(.all, otherwise: .none) {
            let (engine, ask) = try Self.engine(standard, topic: topic)
            #expect(try engine.item("dear")?.cost == 0)
            #expect(try engine.item("gone")?.stock == 99)
            #expect(try engine.item("dead")?.deleted == true)
            #expect(try engine.item("new")?.cost == 1)
            #expect(engine.counters.ignoredInline == 1)
            #expect(try ask("dead", 1).rules.contains("deleted_item"))
            #expect(try (0..<40).contains { try ask("dear", $0).discount > 0.05 })
        }
    }

    @Test("where nothing may be said, nothing is known of an item that only clicks speak of")
    func none() throws {
        for (standard, topic) in Self.allOf(InlineFields.none, otherwise: .all) {
            let (engine, _) = try Self.engine(standard, topic: topic)
            #expect(try engine.item("new") == nil)
            #expect(try engine.item("gone")?.brand == nil)
            #expect(engine.itemCount == 3)
            #expect(engine.counters.ignoredInline == 4)
        }
    }
}
