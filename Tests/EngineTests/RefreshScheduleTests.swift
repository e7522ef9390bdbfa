import ContinualLearning
import Engine
import Records
import Testing

/// When the adapters are refreshed: by the texts that came in, not by the examples alone.
@Suite(.serialized) struct RefreshScheduleTests {
    /// The counts of texts with which refreshes began, and the engine's state at the end.
    private func run(
        events: Int, texts: Int, outcomes: Int, restoring: Bool = false
    ) throws -> [Int] {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration(refreshEvents: events) {
            $0.refresh.texts = texts
            $0.refresh.judgeEvents = 60
            $0.refresh.training.epochs = 1
            // Nothing is ever promoted: what counts is when the next one begins.
            $0.refresh.gate = RefreshGate.Configuration(
                examplesMin: 1_000_000, examplesMax: 10_000_000, atBound: .reject)
        }
        let embedding = try RealEmbedding(base)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        var memory = MemoryState()
        var begun: [Int] = []
        for (number, batch) in EngineFixture.stream(outcomes: outcomes).batches(of: 20).enumerated()
        {
            if restoring, number % 4 == 3 {
                engine = try EngineFixture.engine(configuration, reading: memory)
                engine.resumeRefresh(training: training)
            }
            let output = try engine.step(
                batch, reading: memory, embedding: embedding, training: training)
            for case .refreshStarted(let texts, _) in output.notices { begun.append(texts) }
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            memory.apply(changes)
        }
        return begun
    }

    @Test(
        "a refresh begins with the texts it was told to wait for, the next with half as many again")
    func byTexts() throws {
        let begun = try run(events: 1_000_000, texts: 12, outcomes: 400)
        #expect(begun.count == 2)
        #expect(begun.first.map { (12...24).contains($0) } == true)
        #expect(begun.last.map { (24...40).contains($0) } == true)
        #expect(try run(events: 1_000_000, texts: 12, outcomes: 400, restoring: true) == begun)
    }

    @Test("with fewer texts there is none, however many examples there are")
    func tooFew() throws {
        #expect(try run(events: 100, texts: 41, outcomes: 400).isEmpty)
        #expect(try !run(events: 100, texts: 0, outcomes: 400).isEmpty)
    }
}
