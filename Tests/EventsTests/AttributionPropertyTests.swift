import Events
import Foundation
import Records
import Testing

@Suite struct AttributionPropertyTests {
    private func check(
        _ stream: JoinStream, _ configuration: AttributionConfiguration, seed: UInt64
    ) {
        let arrivals = stream.arrivals(seed: seed)
        let oracle = JoinOracle(arrivals, configuration)
        var join = AttributionJoin(configuration: configuration)
        var outputs: [JoinOutput] = []
        for arrival in arrivals { arrival.enter(&join, &outputs) }
        let found = fates(outputs)
        let wanted = oracle.fates.filter { $0.value != ExampleFate() }
        let differing =
            wanted.keys.filter { found[$0] != wanted[$0] }
            + found.keys.filter { wanted[$0] == nil }
        #expect(
            differing.isEmpty,
            """
            seed \(seed): \(differing.count) of \(wanted.count) differ, first \
            \(differing.first ?? "") \(String(describing: differing.first.map { found[$0] })) \
            for \(String(describing: differing.first.map { wanted[$0] }))
            """)
        let counts = join.counts
        for (name, count) in [
            ("opened", counts.opened), ("repeated", counts.repeated), ("late", counts.late),
            ("duplicates", counts.duplicates), ("superseded", counts.superseded),
            ("unattributed", counts.unattributedPurchases), ("unmatched", counts.unmatchedRefunds),
            ("matched", counts.matchedRefunds),
        ] {
            #expect(oracle.counts[name, default: 0] == Int(count), "seed \(seed): \(name)")
        }
        #expect(counts.overflowed == 0 && counts.hurried == 0, "seed \(seed)")
    }

    @Test("labels are the naive oracle's on seeded streams, with zero differences")
    func oracle() {
        for seed in 0..<60 {
            var stream = JoinStream()
            stream.partitions = 1 + seed % 4
            stream.users = 1 + seed % 17
            var configuration = AttributionConfiguration.brisk
            configuration.rule = seed % 2 == 0 ? .lastClick : .lastTouch
            if seed % 3 == 0 { configuration.waitMs = configuration.windowMs }
            if seed % 5 == 0 { configuration.latenessMs = 0 }
            check(stream, configuration, seed: UInt64(seed))
        }
    }

    /// `TIDEMARK_JOIN_EVENTS` makes it longer.
    @Test("labels are the naive oracle's on a long stream")
    func longOracle() {
        let wanted = ProcessInfo.processInfo.environment["TIDEMARK_JOIN_EVENTS"].flatMap { Int($0) }
        var stream = JoinStream()
        stream.eventCount = wanted ?? 100_000
        stream.users = stream.eventCount / 160 + 1
        check(stream, .brisk, seed: 77)
    }

    @Test("the order of arrival within the lateness changes nothing, not even the order of labels")
    func arrivalOrder() {
        var stream = JoinStream()
        stream.slowShare = 0
        stream.duplicateShare = 0
        stream.idleShare = 0
        stream.decisionShare = 0
        for seed: UInt64 in 0..<10 {
            let arrivals = stream.arrivals(seed: seed)
            var random = SeededRandom(seed: seed)
            func shuffled() -> [Arrival] {
                let keyed = arrivals.map { arrival in
                    guard case .event(let event, _, _) = arrival else { return (Int64(0), arrival) }
                    return (event.tsMs + Int64(random.next() % 6000), arrival)
                }
                return keyed.sorted { $0.0 < $1.0 }.map(\.1)
            }
            func run(_ arrivals: [Arrival]) -> [JoinOutput] {
                var join = AttributionJoin(configuration: .brisk)
                var outputs: [JoinOutput] = []
                for arrival in arrivals { arrival.enter(&join, &outputs) }
                join.drain(into: &outputs)
                return outputs
            }
            let first = run(arrivals)
            #expect(run(shuffled()) == first && run(shuffled()) == first, "seed \(seed)")
            #expect(first.count > 500)
        }
    }

    /// `TIDEMARK_JOIN_EVENTS` makes it longer.
    @Test(
        "above the bounds every example goes out once, with its age, and which does not depend on its label"
    )
    func overflow() {
        let wanted = ProcessInfo.processInfo.environment["TIDEMARK_JOIN_EVENTS"].flatMap { Int($0) }
        var stream = JoinStream()
        stream.eventCount = wanted ?? 20_000
        stream.users = 3000
        for openMax in [1, 40, 120] {
            var configuration = AttributionConfiguration.brisk
            configuration.openMax = openMax
            let arrivals = stream.arrivals(seed: 5)
            let (outputs, join) = run(arrivals, configuration)
            let closed = outputs.compactMap { output -> EarlyClose? in
                if case .closedEarly(let closed) = output { closed } else { nil }
            }
            #expect(Int64(closed.count) == join.counts.overflowed && closed.count > 1000)
            #expect(Set(closed.map(\.example.id)).count == closed.count)
            // Each is told whole: what was known before, and what is not learned of it any more.
            var known: [ExampleID: ExampleLabel] = [:]
            var clicks: Set<ExampleID> = []
            var gone: Set<ExampleID> = []
            for output in outputs {
                switch output {
                case .labelled(let example):
                    #expect(!gone.contains(example.id))
                    switch example.label {
                    case .clicked, .notClicked: clicks.insert(example.id)
                    default: known[example.id] = example.label
                    }
                case .converted(let example):
                    #expect(!gone.contains(example.id))
                    known[example.id] = example.label
                case .matured(let example): #expect(!gone.contains(example.id))
                case .closedEarly(let closed):
                    gone.insert(closed.example.id)
                    #expect((closed.label == .unknown) == (known[closed.example.id] == nil))
                    #expect(closed.ageMs >= 0 && closed.ageMs < configuration.windowMs)
                    #expect(
                        closed.awaitedClick
                            == (closed.example.opening != .click
                                && !clicks.contains(closed.example.id)))
                default: break
                }
            }
            // Without its purchases the same stream closes the same examples at the same time.
            let without = run(arrivals, configuration, buying: false)
            #expect(
                without.0.compactMap(\.early)
                    == closed.map { [$0.example.id.number, UInt64($0.ageMs)] })
            // Some stay to the end all the same, so that the delays of labels are known.
            let matured = outputs.count { if case .matured = $0 { true } else { false } }
            #expect(openMax == 1 || matured > 20, "\(openMax): \(matured)")
        }
    }

    /// - Parameter buying: whether purchases are of those who have something open.
    private func run(
        _ arrivals: [Arrival], _ configuration: AttributionConfiguration, buying: Bool = true
    ) -> ([JoinOutput], AttributionJoin) {
        var join = AttributionJoin(configuration: configuration)
        var outputs: [JoinOutput] = []
        for arrival in arrivals {
            var arrival = arrival
            if !buying, case .event(let event, let position, let offset) = arrival,
                case .purchase(let purchase) = event.body
            {
                let offer = Event.Offer(userID: "nobody", itemID: "i", price: 1)
                var other = event
                other.body = .purchase(.init(offer: offer, quantity: purchase.quantity))
                arrival = .event(other, position, offset)
            }
            arrival.enter(&join, &outputs)
            if join.openCount > configuration.openMax {
                Issue.record("\(join.openCount) examples are open")
            }
        }
        return (outputs, join)
    }

    @Test("a join restored at random points goes on bit for bit like one that never stopped")
    func restore() throws {
        let tables = [
            "join.clock", "join.open", "join.pending", "join.purchases", "join.seen", "join.sold",
        ].map { StateTable($0, .keyed) }
        for seed: UInt64 in 0..<12 {
            var random = SeededRandom(seed: seed)
            var stream = JoinStream()
            stream.eventCount = 4000
            var configuration = AttributionConfiguration.brisk
            if seed % 3 == 0 {
                configuration.openMax = 30
                configuration.pendingMax = 40
                configuration.purchasesMax = 20
                configuration.duplicatesMax = 600
            }
            var steady = AttributionJoin(configuration: configuration)
            var broken = steady
            var steadyStore = MemoryState()
            var brokenStore = MemoryState()
            var expected: [JoinOutput] = []
            var found: [JoinOutput] = []
            for (index, arrival) in stream.arrivals(seed: seed).enumerated() {
                arrival.enter(&steady, &expected)
                arrival.enter(&broken, &found)
                if index % 700 == 0 {
                    steady.erase(userID: "u1")
                    broken.erase(userID: "u1")
                }
                if random.next() % 100 == 0 {
                    steady.commit(to: &steadyStore)
                }
                if random.next() % 50 == 0 {
                    broken.commit(to: &brokenStore)
                    if random.next() % 2 == 0 {
                        broken = try AttributionJoin(
                            configuration: configuration, from: brokenStore)
                    }
                }
            }
            #expect(found == expected, "seed \(seed)")
            steady.commit(to: &steadyStore)
            broken.commit(to: &brokenStore)
            for table in tables {
                #expect(
                    rows(steadyStore, table) == rows(brokenStore, table),
                    "seed \(seed): \(table.name)")
            }
            var untouched = broken
            var changes = StateChanges()
            untouched.collectChanges(into: &changes)
            #expect(changes.rows.map(\.table.name) == ["join.clock"], "nothing else has changed")
        }
    }

    @Test("a commit writes rows for what changed and removes only rows that were written")
    func rowsAreExact() {
        var join = AttributionJoin(configuration: .brisk)
        var written: Set<[UInt8]> = []
        var removed = 0
        var outputs: [JoinOutput] = []
        for (index, arrival) in JoinStream().arrivals(seed: 1).enumerated() {
            arrival.enter(&join, &outputs)
            guard index % 37 == 0 else { continue }
            var changes = StateChanges()
            join.collectChanges(into: &changes)
            for row in changes.rows {
                let key = Array(row.table.name.utf8) + row.key
                if row.value != nil {
                    written.insert(key)
                } else {
                    removed += 1
                    #expect(written.remove(key) != nil, "row \(index) was removed unwritten")
                }
            }
        }
        #expect(removed > 1000 && !written.isEmpty)
    }

    @Test("damaged rows are errors, not traps")
    func damagedRows() throws {
        var join = AttributionJoin(configuration: .brisk)
        var outputs: [JoinOutput] = []
        for arrival in JoinStream().arrivals(seed: 2) { arrival.enter(&join, &outputs) }
        var changes = StateChanges()
        join.collectChanges(into: &changes)
        var random = SeededRandom(seed: 3)
        var refused = 0
        for _ in 0..<300 {
            var store = MemoryState()
            var damaged = StateChanges()
            let victim = Int(random.next() % UInt64(changes.rows.count))
            for (index, row) in changes.rows.enumerated() {
                guard var value = row.value else { continue }
                if index == victim {
                    value.removeLast(1 + Int(random.next() % UInt64(value.count)))
                }
                damaged.put(row.table, row.key, value)
            }
            store.apply(damaged)
            do {
                _ = try AttributionJoin(configuration: .brisk, from: store)
            } catch is ByteCodingError {
                refused += 1
            }
        }
        #expect(refused == 300)
    }
}

extension AttributionJoin {
    fileprivate mutating func commit(to store: inout MemoryState) {
        var changes = StateChanges()
        collectChanges(into: &changes)
        store.apply(changes)
    }
}

private func rows(_ store: MemoryState, _ table: StateTable) -> [[[UInt8]]] {
    var found: [[[UInt8]]] = []
    store.forEach(table) { found.append([$0, $1]) }
    return found
}

extension JoinOutput {
    /// Number and age of an example that was closed early.
    fileprivate var early: [UInt64]? {
        if case .closedEarly(let closed) = self {
            [closed.example.id.number, UInt64(closed.ageMs)]
        } else {
            nil
        }
    }
}
