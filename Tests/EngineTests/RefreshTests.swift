import ContinualLearning
import Encoder
import Engine
import Events
import Records
import Testing

@Suite(.serialized) struct RefreshTests {
    /// Runs the stream with the real encoder and refreshes, restoring before the given batches, with
    /// events put in front of some.
    private func run(
        restoringBefore restored: Set<Int>, adding added: [Int: Event] = [:], outcomes: Int = 1_400
    ) throws -> (
        engine: Engine, rows: [[UInt8]: [UInt8]], notices: [EngineNotice], jobs: Int
    ) {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration(refreshEvents: 800) {
            // Loose, so that the verdict on so short a stream is to promote.
            $0.refresh.gate = RefreshGate.Configuration(
                margin: 10, sliceMargin: 10, examplesMin: 100, usersMin: 10, examplesMax: 300)
            $0.refresh.gateSlices = 0
            $0.refresh.guards.remove(.earlyStopping)
            // Too little for the stream, so that examples grow old and are dropped.
            $0.memory = ReplayMemory.Configuration(capacity: 600, recent: 300, seed: 7)
        }
        let embedding = try RealEmbedding(base)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        try embedding.use(engine.adapters)
        var memory = MemoryState()
        var rows: [[UInt8]: [UInt8]] = [:]
        var notices: [EngineNotice] = []
        for (number, batch) in EngineFixture.stream(outcomes: outcomes).batches(of: 144)
            .enumerated()
        {
            if restored.contains(number) {
                engine = try EngineFixture.engine(configuration, reading: memory)
                try embedding.use(engine.adapters)
                engine.resumeRefresh(training: training)
            }
            let first = added[number].map { [EngineFixture.input($0, offset: 1_000_000)] } ?? []
            let output = try engine.step(
                first + batch, reading: memory, embedding: embedding, training: training)
            notices += output.notices
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            memory.apply(changes)
            for row in changes.rows {
                rows[Array(row.table.name.utf8) + [0] + row.key] = row.value
            }
        }
        // What was swapped in has left nothing behind that a restart would stumble over.
        _ = try EngineFixture.engine(configuration, reading: memory)
        return (engine, rows, notices, training.jobs)
    }

    @Test(
        "a refresh moves every adapter tensor, changes no base weight, and is swapped in once judged"
    )
    func promotes() throws {
        let base = try EngineFixture.base.get()
        let before = try EngineFixture.engine(
            try EngineFixture.configuration(refreshEvents: 800)
        ).adapters
        let weights = base.tensors
        let run = try run(restoringBefore: [])
        #expect(run.jobs == 1)
        #expect(run.engine.counters.gatePassed == 1)
        for (old, new) in zip(before.tensors, run.engine.adapters.tensors) {
            #expect(old.name == new.name)
            #expect(old.values != new.values, "\(old.name) did not move")
        }
        for (old, new) in zip(weights, base.tensors) {
            let same = zip(old.values, new.values).allSatisfy { $0.bitPattern == $1.bitPattern }
            #expect(same && old.name == new.name, "\(old.name) of the base changed")
        }
        #expect(run.engine.counters.examples == 1_400)
    }

    @Test("a stop in the middle of a refresh trains it again, to the same bits")
    func resumes() throws {
        // The refresh begins before batch 6 and is judged before batch 8. An item gets another name
        // after it began: what is trained again still knows the old one.
        let renamed = Event(
            eventID: "renamed", tsMs: 900_000,
            body: .item(
                Event.Item(itemID: "item-3", title: "Copper Lantern", category: "Garden", price: 10)
            ))
        let whole = try run(restoringBefore: [], adding: [6: renamed])
        let parted = try run(restoringBefore: [7], adding: [6: renamed])
        #expect(parted.jobs == 2)
        #expect(whole.engine.adapters == parted.engine.adapters)
        let different = whole.rows.filter { parted.rows[$0.key] != $0.value }
        #expect(different.isEmpty && whole.rows.count == parted.rows.count)
        #expect(whole.engine.rememberedExamples == 600)
    }

    @Test("an erasure in the middle of a refresh begins it anew, without the shopper's examples")
    func erased() throws {
        let erase = Event(eventID: "erase", tsMs: 900_000, body: .erase(userID: "u7"))
        let run = try run(restoringBefore: [], adding: [6: erase], outcomes: 1_800)
        #expect(run.jobs == 2)
        let started = run.notices.filter { if case .refreshStarted = $0 { true } else { false } }
        #expect(started.count == 2)
        #expect(run.engine.counters.gatePassed == 1)
    }
}
