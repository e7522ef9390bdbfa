import ContinualLearning
import Encoder
import Engine
import Records
import Testing

@Suite(.serialized) struct RefreshTests {
    /// Runs the stream with the real encoder and refreshes, restoring before the given batches.
    private func run(restoringBefore restored: Set<Int>) throws -> (
        engine: Engine, rows: [[UInt8]: [UInt8]], notices: [EngineNotice], jobs: Int
    ) {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration(refreshEvents: 800) {
            // Loose, so that the verdict on so short a stream is to promote.
            $0.refresh.gate = RefreshGate.Configuration(
                margin: 10, sliceMargin: 10, examplesMin: 100, usersMin: 10, examplesMax: 300)
            $0.refresh.gateSlices = 0
            $0.refresh.guards.remove(.earlyStopping)
        }
        let embedding = try RealEmbedding(base)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        try embedding.use(engine.adapters)
        var memory = MemoryState()
        var rows: [[UInt8]: [UInt8]] = [:]
        var notices: [EngineNotice] = []
        for (number, batch) in EngineFixture.stream(outcomes: 1_400).batches(of: 144).enumerated() {
            if restored.contains(number) {
                engine = try EngineFixture.engine(configuration, reading: memory)
                try embedding.use(engine.adapters)
                engine.resumeRefresh(training: training)
            }
            let output = try engine.step(
                batch, reading: memory, embedding: embedding, training: training)
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
        let whole = try run(restoringBefore: [])
        // The refresh begins after batch 5 and is judged after batch 8.
        let parted = try run(restoringBefore: [7])
        #expect(parted.jobs == 2)
        #expect(whole.engine.adapters == parted.engine.adapters)
        let different = whole.rows.filter { parted.rows[$0.key] != $0.value }
        #expect(different.isEmpty && whole.rows.count == parted.rows.count)
    }
}
