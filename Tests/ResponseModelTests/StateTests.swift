import Records
import ResponseModel
import Testing

@Suite struct StateTests {
    static func configuration() -> HeadConfiguration {
        var configuration = HeadConfiguration()
        configuration.slotCountMax = 16
        configuration.priorEventCount = 300
        configuration.denseCountMax = 12
        // Small enough that owners are evicted while the test runs.
        configuration.tailPageCountMax = 120
        configuration.ownerPageCountMax = 6
        return configuration
    }

    typealias Rows = [StateTable: [[UInt8]: [UInt8]]]

    static func rows(_ state: MemoryState, _ head: ResponseHead) -> Rows {
        var rows: Rows = [:]
        for table in ResponseHead.tables(name: head.name) {
            state.forEach(table) { rows[table, default: [:]][$0] = $1 }
        }
        return rows
    }

    static func dump(_ head: ResponseHead) -> Rows {
        var changes = StateChanges()
        head.dump(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        return rows(state, head)
    }

    @Test("a head restored from its collected rows goes on bit for bit")
    func restore() throws {
        var stream = Stream(seed: 5, items: 60, users: 200, spread: 40)
        let configuration = Self.configuration()
        var head = ResponseHead(
            name: "purchase", dimension: stream.dimension, configuration: configuration)
        // Never collected from: collecting must not influence what is learned.
        var alone = head
        var state = MemoryState()
        for round in 0..<11 {
            for example in stream.examples(round == 10 ? 137 : 500) {
                let made = try head.learn(example)
                let expected = try alone.learn(example)
                #expect(made == expected)
            }
            var changes = StateChanges()
            head.collectChanges(into: &changes)
            state.apply(changes)
            #expect(Self.rows(state, head) == Self.dump(head), "after round \(round)")
        }
        var restored = try #require(
            try ResponseHead(
                restoring: "purchase", dimension: stream.dimension, configuration: configuration,
                from: state))
        #expect(Self.dump(restored) == Self.dump(head))
        for example in stream.examples(1200) {
            let expected = try alone.predict(example)
            #expect(try restored.predict(example) == expected)
            let learned = try alone.learn(example)
            let made = try restored.learn(example)
            #expect(made == learned)
        }
        #expect(Self.dump(restored) == Self.dump(alone))
        #expect(restored.summary == alone.summary)
    }

    @Test("a new head is collected whole, and nothing is collected twice")
    func nothingTwice() throws {
        var stream = Stream(seed: 6, spread: 10)
        var head = ResponseHead(name: "click", dimension: stream.dimension)
        var first = StateChanges()
        head.collectChanges(into: &first)
        var state = MemoryState()
        state.apply(first)
        #expect(Self.rows(state, head) == Self.dump(head))
        var again = StateChanges()
        head.collectChanges(into: &again)
        #expect(again.rows.isEmpty)
        try head.learn(stream.next())
        _ = try head.predict(stream.next())
        var one = StateChanges()
        head.collectChanges(into: &one)
        // Scalars, means, pending, slots; a vector; covariance rows; pages of five owners at most.
        #expect(one.rows.count < 30)
        #expect(try ResponseHead(restoring: "purchase", from: state) == nil)
    }

    @Test("every row that is missing, cut or too long is refused, and named")
    func damage() throws {
        var stream = Stream(seed: 7, spread: 10)
        var head = ResponseHead(name: "click", dimension: stream.dimension)
        for example in stream.examples(200) { try head.learn(example) }
        var changes = StateChanges()
        head.dump(into: &changes)
        var whole = MemoryState()
        whole.apply(changes)
        for row in changes.rows {
            let value = try #require(row.value)
            for damaged in [Array(value.dropLast()), value + [0], []] {
                var change = StateChanges()
                change.put(row.table, row.key, damaged)
                var state = whole
                state.apply(change)
                #expect(throws: ResponseError.self, "\(row.table.name) \(row.key)") {
                    try ResponseHead(
                        restoring: "click", dimension: stream.dimension, from: state)
                }
            }
            if row.table.name != "click.tail" && row.table.name != "click.users"
                && row.key != Array("scalars".utf8)
            {
                var change = StateChanges()
                change.remove(row.table, row.key)
                var state = whole
                state.apply(change)
                #expect(throws: ResponseError.self, "\(row.table.name) \(row.key)") {
                    try ResponseHead(
                        restoring: "click", dimension: stream.dimension, from: state)
                }
            }
        }
    }

    @Test("a head of vectors of another length is refused, with both lengths")
    func otherDimension() throws {
        var head = ResponseHead(name: "click", dimension: 16)
        var changes = StateChanges()
        head.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        #expect(
            throws: ResponseError.damagedState(
                table: "click.head", key: "scalars",
                reason: "it has vectors of 16 numbers where items have 12")
        ) { try ResponseHead(restoring: "click", dimension: 12, from: state) }
    }

    @Test("flipped bytes in stored rows never trap")
    func flips() throws {
        var stream = Stream(seed: 8, spread: 10)
        var head = ResponseHead(
            name: "click", dimension: stream.dimension, configuration: Self.configuration())
        for example in stream.examples(300) { try head.learn(example) }
        var changes = StateChanges()
        head.dump(into: &changes)
        var whole = MemoryState()
        whole.apply(changes)
        var random = SeededRandom(seed: 1)
        var refused = 0
        for _ in 0..<2000 {
            let row = changes.rows[Int(random.next() % UInt64(changes.rows.count))]
            var value = try #require(row.value)
            value[Int(random.next() % UInt64(value.count))] ^= UInt8(1 << (random.next() % 8))
            var change = StateChanges()
            change.put(row.table, row.key, value)
            var state = whole
            state.apply(change)
            do {
                _ = try ResponseHead(
                    restoring: "click", dimension: stream.dimension,
                    configuration: Self.configuration(), from: state)
            } catch is ResponseError {
                refused += 1
            }
        }
        #expect(refused > 50)
    }

    @Test("a copy does not learn with its original")
    func values() throws {
        var stream = Stream(seed: 9, spread: 10)
        var head = ResponseHead(name: "click", dimension: stream.dimension)
        for example in stream.examples(300) { try head.learn(example) }
        let copy = head
        let before = Self.dump(copy)
        for example in stream.examples(600) { try head.learn(example) }
        #expect(Self.dump(copy) == before)
        #expect(Self.dump(head) != before)
    }

    @Test("a commit of 500 events on a grown head stays below a megabyte and a half")
    func commitSize() throws {
        var stream = Stream(seed: 10, dimension: 384, items: 60, users: 80, spread: 60)
        var head = ResponseHead(name: "click", dimension: 384)
        for example in stream.examples(1500) { try head.learn(example) }
        var changes = StateChanges()
        head.collectChanges(into: &changes)
        for example in stream.examples(500) { try head.learn(example) }
        changes = StateChanges()
        head.collectChanges(into: &changes)
        let bytes = changes.rows.reduce(0) { $0 + $1.key.count + ($1.value?.count ?? 0) }
        #expect(bytes < 1_500_000, "\(bytes) bytes in \(changes.rows.count) rows")
    }
}
