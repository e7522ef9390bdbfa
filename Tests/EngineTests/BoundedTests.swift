import ContinualLearning
import Engine
import Events
import Records
import Testing

/// What is kept of ever-new items, texts, shoppers and context keys.
@Suite(.serialized) struct BoundedTests {
    private struct Outcome {
        var rows: [[UInt8]: [UInt8]] = [:]
        var engine: Engine
        var notices: [EngineNotice] = []
        var unseen: [RowOwner] = []
        var textsEncoded = 0

        func rows(_ table: String) -> [[UInt8]: [UInt8]] {
            var start = Array(table.utf8)
            start.append(0)
            return rows.filter { $0.key.starts(with: start) }
        }
    }

    /// Learns batches, committing after each, and restoring from there where asked to.
    private func run(
        _ batches: [[EngineInput]], refreshEvents: Int = 0, restoringBefore restored: Set<Int> = [],
        _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> Outcome {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration(refreshEvents: refreshEvents, change)
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var memory = MemoryState()
        var outcome = Outcome(engine: try EngineFixture.engine(configuration))
        for (number, batch) in batches.enumerated() {
            if restored.contains(number) {
                outcome.engine = try EngineFixture.engine(configuration, reading: memory)
                outcome.engine.resumeRefresh(training: training)
            }
            let output = try outcome.engine.step(
                batch, reading: memory, embedding: embedding, training: training)
            outcome.notices += output.notices
            outcome.unseen += output.unseenShoppers
            var changes = StateChanges()
            outcome.engine.collectChanges(into: &changes)
            memory.apply(changes)
            for row in changes.rows {
                outcome.rows[Array(row.table.name.utf8) + [0] + row.key] = row.value
            }
        }
        outcome.textsEncoded = embedding.textsEncoded
        return outcome
    }

    private let dayMs: Int64 = 86_400_000

    /// Visits that nobody has made before: an item with a text of its own, and a click on it.
    private func visits(_ numbers: Range<Int>, everyMs: Int64, keys: Bool = false) -> [EngineInput]
    {
        numbers.flatMap { number -> [EngineInput] in
            let ts = Int64(number) * everyMs
            var item = Event.Item(
                itemID: "item-\(number)", title: "Lamp \(number)", category: "Light \(number)",
                price: 10, cost: 4)
            item.description = String(repeating: "long ", count: 1_000)
            let offer = Event.Offer(
                userID: "u\(number)", itemID: "item-\(number)", price: 10,
                context: keys ? [.init("key-\(number)", .number(1))] : [])
            return [
                EngineFixture.input(
                    Event(eventID: "i\(number)", tsMs: ts, body: .item(item)),
                    offset: Int64(2 * number)),
                EngineFixture.input(
                    Event(eventID: "c\(number)", tsMs: ts, body: .click(offer)),
                    offset: Int64(2 * number + 1)),
            ]
        }
    }

    @Test("what is at hand changes no bit: one item in memory or all of them, restored or not")
    func cacheSizes() throws {
        let stream = EngineFixture.stream(outcomes: 600)
        let clicks = (0..<80).map {
            EngineFixture.click($0, user: "u\($0 % 7)", item: $0 % 40, ts: Int64(700_000 + $0))
        }
        let batches = (stream + clicks).batches(of: 60)
        let large = try run(batches)
        for bytes in [0, 600] {
            let small = try run(batches, restoringBefore: [2, 7]) {
                $0.bounds.catalogCacheBytes = bytes
                $0.bounds.shopperCacheBytes = bytes
            }
            let different = large.rows.filter { small.rows[$0.key] != $0.value }
            #expect(different.isEmpty && large.rows.count == small.rows.count, "\(bytes) bytes")
            #expect(small.engine.counters == large.engine.counters)
        }
    }

    @Test("of a description nothing is kept")
    func descriptions() throws {
        let rows = try run([visits(0..<3, everyMs: 1_000)]).rows("items")
        #expect(rows.count == 3)
        for row in rows.values { #expect(row.count < 200, "a row of \(row.count) bytes") }
    }

    @Test("vectors stay within their bytes, the least recently used go, and a replay has the same")
    func vectors() throws {
        let stream = visits(0..<1_200, everyMs: 60_000)
        // One item is asked for in every batch.
        let batches = stream.batches(of: 60).enumerated().map { number, batch in
            batch + [
                EngineFixture.click(
                    10_000 + number, user: "ada", item: 0, ts: Int64(number) * 30 * 60_000)
            ]
        }
        let bytesMax = 400 << 10
        let bounded = try run(batches) { $0.bounds.vectorBytes = bytesMax }
        let report = bounded.engine.bounded
        #expect(report.vectorsForgotten > 500)
        // A batch may bring in more before the next one begins.
        #expect(report.vectorBytes <= bytesMax + 60 * 2_000)
        #expect(bounded.rows("vectors").values.count { !$0.isEmpty } == report.vectors)
        #expect(bounded.textsEncoded == 1_200, "the item used all along was encoded again")
        let parted = try run(batches, restoringBefore: [5, 11, 19]) {
            $0.bounds.vectorBytes = bytesMax
        }
        let different = bounded.rows.filter { parted.rows[$0.key] != $0.value }
        #expect(different.isEmpty && bounded.rows.count == parted.rows.count)
    }

    @Test("a text whose vector was forgotten is encoded again, to the same numbers")
    func encodedAgain() throws {
        let stream = visits(0..<400, everyMs: 60_000).batches(of: 40)
        let again = [EngineFixture.click(50_000, user: "ada", item: 3, ts: 400 * 60_000)]
        let bounded = try run(stream + [again]) { $0.bounds.vectorBytes = 200 << 10 }
        let whole = try run(stream + [again])
        #expect(bounded.textsEncoded > whole.textsEncoded)
        let heads = ["purchase.head", "purchase.vectors", "join.pending", "purchase.tail"]
        for table in heads { #expect(bounded.rows(table) == whole.rows(table), "\(table)") }
    }

    @Test(
        "items and shoppers not seen for as long as is configured are forgotten, and their rows go")
    func unseen() throws {
        // One visit an hour, for twenty days.
        let stream = visits(0..<480, everyMs: dayMs / 24)
        let outcome = try run(stream.batches(of: 24), restoringBefore: [9]) {
            $0.bounds.keepItemsMs = 5 * 86_400_000
            $0.bounds.keepShoppersMs = 4 * 86_400_000
        }
        let kept = outcome.engine.bounded
        #expect((120...140).contains(kept.items), "\(kept.items) items")
        #expect((96...116).contains(kept.shoppers), "\(kept.shoppers) shoppers")
        #expect(kept.items + kept.itemsForgotten == 480)
        #expect(outcome.unseen.count == kept.shoppersForgotten)
        #expect(outcome.rows("items").values.count { !$0.isEmpty } == kept.items)
        #expect(outcome.rows("items seen").values.count { !$0.isEmpty } == kept.items)
        #expect(outcome.rows("shoppers").values.count { !$0.isEmpty } == kept.shoppers)
        #expect(outcome.rows("shoppers seen").values.count { !$0.isEmpty } == kept.shoppers)
        let whole = try run(stream.batches(of: 24)) {
            $0.bounds.keepItemsMs = 5 * 86_400_000
            $0.bounds.keepShoppersMs = 4 * 86_400_000
        }
        #expect(whole.rows == outcome.rows)
    }

    @Test("who comes back is kept, and of too many those not seen for longest go")
    func surplus() throws {
        var stream = visits(0..<300, everyMs: 60_000)
        for number in stride(from: 20, to: 300, by: 20) {
            stream.append(
                EngineFixture.click(
                    90_000 + number, user: "u0", item: 0, ts: Int64(number) * 60_000))
        }
        stream.sort { a, b in
            guard case .success(let a) = a.event, case .success(let b) = b.event else {
                return false
            }
            return a.tsMs < b.tsMs
        }
        let outcome = try run(stream.batches(of: 20)) {
            $0.bounds.itemsMax = 50
            $0.bounds.shoppersMax = 40
            // So short that coming back is noted each time.
            $0.bounds.keepItemsMs = 3_600_000 * 24
            $0.bounds.keepShoppersMs = 60_000 * 16
        }
        let kept = outcome.engine.bounded
        #expect(kept.items <= 50 + 20 && kept.itemsForgotten >= 230)
        #expect(kept.shoppers <= 40 + 20)
        let shoppers = outcome.rows("shoppers")
        func row(_ user: String) -> [UInt8]? {
            var key = Array("shoppers".utf8)
            key.append(0)
            key += RowOwner(user: user).bytes
            return shoppers[key]
        }
        #expect(row("u0") != nil)
        #expect(row("u1") == nil)
    }

    @Test(
        "an item that comes when a refresh is under way and is forgotten leaves the refresh as it was"
    )
    func forgottenWhileHeld() throws {
        // Items of the first outcomes are never seen again; they are forgotten while a refresh that was
        // begun with them waits to be judged.
        var inputs = EngineFixture.stream(outcomes: 500)
        for number in 0..<200 {
            let ts: Int64 = 40 * dayMs + Int64(number) * 1_000
            let offer = Event.Offer(userID: "u\(number)", itemID: "item-1", price: 10)
            let outcome = Event.Outcome(offer: offer, purchased: number % 5 == 0)
            let event = Event(eventID: "late\(number)", tsMs: ts, body: .outcome(outcome))
            inputs.append(EngineFixture.input(event, offset: Int64(5_000 + number)))
        }
        func change(_ configuration: inout EngineConfiguration) {
            configuration.bounds.keepItemsMs = 10 * 86_400_000
        }
        let batches = inputs.batches(of: 50)
        let whole = try run(batches, refreshEvents: 400, change)
        let parted = try run(
            batches, refreshEvents: 400, restoringBefore: [10, 11, 12, 13], change)
        #expect(whole.engine.counters.itemsForgotten >= 35)
        #expect(whole.engine.adapters == parted.engine.adapters)
        let different = whole.rows.filter { parted.rows[$0.key] != $0.value }
        #expect(different.isEmpty && whole.rows.count == parted.rows.count)
    }

    @Test("context keys beyond the bound are left out, told once and named; the most used come in")
    func contextKeys() throws {
        let outcome = try run(
            visits(0..<200, everyMs: 1_000, keys: true).batches(of: 40), restoringBefore: [3]
        ) { $0.bounds.contextKeysMax = 5 }
        let kept = outcome.engine.bounded
        #expect(kept.contextKeys == 5)
        #expect(kept.contextEntriesLeftOut == 195)
        #expect(kept.contextKeysLeftOut.count == 20)
        #expect(kept.contextKeysLeftOut.first == "key-10")
        let told = outcome.notices.filter {
            if case .contextKeysLeftOut(let key, 5) = $0 { return key == "key-5" }
            return false
        }
        #expect(told.count == 1)
        let unbounded = try run(visits(0..<200, everyMs: 1_000).batches(of: 40))
        #expect(outcome.rows("join.pending").count == unbounded.rows("join.pending").count)
    }

    @Test("of a context key that is refused nothing reaches any row")
    func refusedContext() throws {
        let with = try run(
            visits(0..<200, everyMs: 1_000, keys: true).batches(of: 40), restoringBefore: [3]
        ) { $0.bounds.contextRefused = Set((0..<200).map { "key-\($0)" }) }
        let without = try run(
            visits(0..<200, everyMs: 1_000).batches(of: 40), restoringBefore: [3])
        #expect(with.rows == without.rows)
        #expect(with.engine.bounded.contextEntriesLeftOut == 0 && with.notices.isEmpty)
    }

    @Test(
        "a state of an earlier version is taken up: items and shoppers count as seen when first asked"
    )
    func earlierState() throws {
        let stream = visits(0..<40, everyMs: 60_000)
        let before = try run(stream.batches(of: 20))
        var state = MemoryState()
        var changes = StateChanges()
        let dropped = ["items seen", "shoppers seen"]
        for (key, value) in before.rows {
            let name = String(decoding: key.prefix { $0 != 0 }, as: UTF8.self)
            let inner = Array(key.dropFirst(name.utf8.count + 1))
            if dropped.contains(name) || (name == "engine" && inner == Array("uses".utf8)) {
                continue
            }
            changes.put(StateTable(name, Self.kind(name), keys: Self.keys(name)), inner, value)
        }
        state.apply(changes)
        var engine = try EngineFixture.engine(
            try EngineFixture.configuration { $0.bounds.keepItemsMs = 86_400_000 }, reading: state)
        #expect(engine.bounded.items == 40 && engine.bounded.shoppers == 40)
        let base = try EngineFixture.base.get()
        let later = visits(100..<101, everyMs: dayMs) + visits(101..<102, everyMs: dayMs)
        for (number, batch) in later.batches(of: 2).enumerated() {
            _ = try engine.step(
                batch, reading: state, embedding: WordEmbedding(dimension: base.hiddenSize),
                training: InlineTraining(base))
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
            // Their time begins at the first look; they are forgotten when it is over.
            #expect(engine.bounded.itemsForgotten == (number == 0 ? 0 : 40))
        }
    }

    private static func kind(_ table: String) -> StateKind {
        let weights = [
            "adapters", "vectors", "purchase", "click", "quantity", "offer", "offer_depth",
            "apprentice", "effect",
        ]
        return weights.contains { table == $0 || table.hasPrefix($0 + ".") } ? .weights : .keyed
    }

    private static func keys(_ table: String) -> StateKeys {
        table == "shoppers" ? .owner : .plain
    }
}
