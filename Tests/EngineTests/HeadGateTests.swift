import ContinualLearning
import Engine
import Events
import Records
import ResponseModel
import Simulator
import Testing

/// Anchors, and the judgement of heads and refreshes by them, where labels are poisoned.
@Suite(.serialized) struct HeadGateTests {
    private static func configuration(
        _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> EngineConfiguration {
        try EngineFixture.configuration {
            $0.headGate.intervalMs = 3_600_000
            $0.headGate.examplesMin = 1_500
            // Wide enough for so few anchors to tell anything.
            $0.headGate.harm = 0.1
            $0.headGate.anchors = AnchorSet.Configuration(
                every: 5, count: 10_000, ageMs: 600_000, seed: 7)
            $0.memory = ReplayMemory.Configuration(capacity: 40_000, recent: 20_000, seed: 7)
            change(&$0)
        }
    }

    private static func inputs(_ stream: inout PoisonedStream, _ count: Int) -> [EngineInput] {
        (0..<count).map { _ in
            let visit = stream.next()
            return EngineFixture.input(
                PoisonedStream.event(visit),
                offset: Int64(1_000 + visit.number))
        }
    }

    private static func items() -> [EngineInput] {
        (0..<40).map { number in
            EngineFixture.input(
                Event(
                    eventID: "i\(number)", tsMs: 0,
                    body: .item(
                        Event.Item(
                            itemID: "item-\(number)", title: "thing \(number)",
                            category: PoisonedStream.category(number % 5), price: 10, cost: 4))),
                offset: Int64(number))
        }
    }

    /// An engine with what it is run by, committing every batch.
    private final class Machine {
        var engine: Engine
        var state = MemoryState()
        let embedding: WordEmbedding
        let training: any RefreshTraining
        private(set) var verdicts: [HeadVerdict] = []
        private(set) var refreshes: [RefreshVerdict] = []

        init(_ configuration: EngineConfiguration) throws {
            engine = try EngineFixture.engine(configuration)
            let base = try EngineFixture.base.get()
            embedding = WordEmbedding(dimension: base.hiddenSize)
            training = InlineTraining(base)
            try step(HeadGateTests.items())
        }

        func step(_ batch: [EngineInput]) throws {
            let output = try engine.step(
                batch, reading: state, embedding: embedding, training: training)
            for notice in output.notices {
                if case .headsJudged(let verdict) = notice { verdicts.append(verdict) }
                if case .refreshJudged(let verdict) = notice { refreshes.append(verdict) }
            }
            commit()
        }

        func commit() {
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
        }

        func learn(_ stream: inout PoisonedStream, _ count: Int) throws {
            for batch in HeadGateTests.inputs(&stream, count).batches(of: 250) { try step(batch) }
        }
    }

    @Test("one example in so many is predicted and never learned, also after a restart")
    func anchors() throws {
        let configuration = try Self.configuration()
        let machine = try Machine(configuration)
        var stream = PoisonedStream(seed: 1, poisoned: 0..<0, share: 0)
        try machine.learn(&stream, 2_000)
        let anchors = machine.engine.anchorCount
        #expect(anchors > 300 && anchors < 500)
        #expect(machine.engine.counters.examples == 2_000)
        #expect(machine.engine.rememberedExamples == 2_000 - anchors)
        #expect(machine.engine.scores.progressive["purchase"]?.count == 2_000)
        #expect(machine.engine.eventCount("purchase") == 2_000 - anchors)
        let restored = try EngineFixture.engine(configuration, reading: machine.state)
        #expect(restored.anchorCount == anchors)
    }

    @Test(
        "with a tenth of one category's labels poisoned the labels are told to have shifted, the category is named, and a person is left to decide"
    )
    func poisoned() throws {
        let machine = try Machine(try Self.configuration())
        var stream = PoisonedStream(seed: 2, poisoned: 24_000..<60_000, share: 0.1)
        try machine.learn(&stream, 24_000)
        #expect(machine.verdicts.allSatisfy { $0.outcome != .reject })
        #expect(machine.engine.counters.headPassed > 0, "\(machine.verdicts.map(\.outcome))")
        let judged = machine.verdicts.count
        try machine.learn(&stream, 16_000)
        let rejected = machine.verdicts.dropFirst(judged).filter { $0.outcome == .reject }
        #expect(rejected.count >= 3)
        #expect(rejected.allSatisfy { $0.slice == PoisonedStream.poisonedCategory })
        let shift = try #require(rejected.first?.shift)
        #expect(shift.observed > 1.5 * shift.expected, "\(shift)")
        #expect(rejected.allSatisfy { !$0.rollsBack })
        #expect(machine.engine.counters.selfRollbacks == 0)
    }

    /// Visits half of which buy, each of an item of its own or all of the catalogue's.
    private static func halfBought(
        _ stream: inout PoisonedStream, count: Int, areNew: Bool
    ) -> [EngineInput] {
        var random = SeededRandom(seed: 9)
        return (0..<count).map { _ in
            let visit = stream.next()
            return EngineFixture.input(
                Event(
                    eventID: "h\(visit.number)", tsMs: visit.tsMs,
                    body: .outcome(
                        Event.Outcome(
                            offer: Event.Offer(
                                userID: "u\(visit.user)",
                                itemID: areNew ? "new-\(visit.number)" : "item-\(visit.item)",
                                price: 10, discount: 0), purchased: random.unit() < 0.5))),
                offset: Int64(1_000 + visit.number))
        }
    }

    @Test(
        "items never seen that sell otherwise than was guessed are no labels that shifted; known ones are",
        arguments: [true, false])
    func newItems(areNew: Bool) throws {
        let machine = try Machine(try Self.configuration())
        var stream = PoisonedStream(seed: 5, poisoned: 0..<0, share: 0)
        try machine.learn(&stream, 9_000)
        let judged = machine.verdicts.count
        for batch in Self.halfBought(&stream, count: 6_000, areNew: areNew).batches(of: 250) {
            try machine.step(batch)
        }
        let after = machine.verdicts.dropFirst(judged)
        #expect(judged > 0 && after.count > 1)
        #expect(after.contains { $0.shift != nil } == !areNew, "\(after.map(\.shift))")
    }

    @Test(
        "heads that have learned very wrong labels are rejected by their anchors, and the category named"
    )
    func harmed() throws {
        let machine = try Machine(
            try Self.configuration {
                $0.headGate.shift.margin = 1e9
                $0.headGate.rollbackAfter = 2
            })
        var stream = PoisonedStream(seed: 2, poisoned: 24_000..<60_000, share: 0.6)
        try machine.learn(&stream, 24_000)
        let clean = machine.state
        let judged = machine.verdicts.count
        try machine.learn(&stream, 9_000)
        let rejected = machine.verdicts.dropFirst(judged).filter { $0.outcome == .reject }
        #expect(rejected.count >= 2)
        #expect(rejected.allSatisfy { $0.slice == PoisonedStream.poisonedCategory })
        let last = try #require(rejected.first { $0.rollsBack })
        #expect(try #require(last.sliceLower) > 0.1 && last.shift == nil)
        #expect(last.reason.contains("anchors") && last.reason.contains("Department 0"))
        // What is owed outlives a restart, and is done with once the weights have gone back.
        #expect(machine.engine.owedRollback?.contains("Department 0") == true)
        let configuration = machine.engine.configuration
        let restored = try EngineFixture.engine(configuration, reading: machine.state)
        #expect(restored.owedRollback == machine.engine.owedRollback)
        let back = try EngineFixture.engine(
            configuration, reading: RolledBack(weights: clean, rest: machine.state))
        #expect(back.owedRollback == nil)
    }

    @Test("a refresh that learned very wrong labels is never served: the anchors name the category")
    func refresh() throws {
        let machine = try Machine(
            try Self.configuration {
                // A gate on fresh examples that lets all pass: what rejects is the anchors.
                $0.refresh.events = 15_000
                $0.refresh.judgeEvents = 1_000
                $0.refresh.training.guards.remove(.earlyStopping)
                $0.refresh.gate = RefreshGate.Configuration(
                    margin: 10, sliceMargin: 10, examplesMin: 100, usersMin: 10, examplesMax: 900)
                $0.refresh.gateSlices = 0
                $0.headGate.examplesMin = 1_000_000
                $0.headGate.shift.margin = 1e9
            })
        var stream = PoisonedStream(seed: 3, poisoned: 18_000..<60_000, share: 0.6)
        try machine.learn(&stream, 33_000)
        #expect(machine.refreshes.map(\.outcome) == [.promote, .reject])
        let verdict = try #require(machine.refreshes.last)
        #expect(verdict.slice == PoisonedStream.poisonedCategory)
        #expect(verdict.byAnchors && verdict.shift == nil)
        #expect(machine.engine.counters.gateRejected == 1)
    }

    @Test(
        "after a rollback of the weights replay memory forgets what only the weights gone back from had learned"
    )
    func forgets() throws {
        let configuration = try Self.configuration { $0.headGate.intervalMs = 0 }
        let machine = try Machine(configuration)
        var stream = PoisonedStream(seed: 4, poisoned: 0..<0, share: 0)
        try machine.learn(&stream, 3_000)
        let before = machine.state
        let remembered = machine.engine.rememberedExamples
        let anchors = machine.engine.anchorCount
        try machine.learn(&stream, 2_000)
        // A restart without a rollback keeps everything.
        let same = try EngineFixture.engine(configuration, reading: machine.state)
        #expect(same.rememberedExamples == machine.engine.rememberedExamples)
        #expect(same.rememberedExamples > remembered)
        // What a rollback of the weights leaves: weights of before beside rows of today.
        let back = try EngineFixture.engine(
            configuration,
            reading: RolledBack(weights: before, rest: machine.state))
        #expect(back.rememberedExamples == remembered && back.anchorCount == anchors)
        #expect(same.anchorCount > anchors)
        #expect(back.eventCount("purchase") == UInt64(remembered))
    }

    /// The weights of one state and everything else of another.
    private struct RolledBack: StateReader {
        let weights: MemoryState
        let rest: MemoryState

        func value(_ table: StateTable, _ key: [UInt8]) throws -> [UInt8]? {
            table.kind == .weights ? weights.value(table, key) : rest.value(table, key)
        }

        func forEach(
            _ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
        ) throws {
            try (table.kind == .weights ? weights : rest).forEach(table, body)
        }
    }
}
