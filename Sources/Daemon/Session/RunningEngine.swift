import Engine
import Records

/// An engine with what its steps need beside its state.
///
/// Whatever learns or predicts does it through this: the live loop and a replay of logs, the replay of
/// a journal, ablations and evaluations.
/// Thread: one at a time.
struct RunningEngine {
    var engine: Engine
    let embedding: any TextEmbedding
    let training: any RefreshTraining

    /// Takes an engine up as a process does that starts: texts are embedded under its adapters, and a
    /// refresh that was under way is trained again.
    static func takingUp(
        _ engine: Engine, embedding: any TextEmbedding, training: any RefreshTraining
    ) throws -> RunningEngine {
        let running = RunningEngine(engine: engine, embedding: embedding, training: training)
        try running.takeUp()
        return running
    }

    /// Likewise where another state has taken the engine's place.
    func takeUp() throws {
        try embedding.use(engine.adapters)
        engine.resumeRefresh(training: training)
    }

    mutating func step(
        _ batch: [EngineInput], reading state: any StateReader, judging: Bool = true,
        clockMs: Int64? = nil
    ) throws -> StepOutput {
        try engine.step(
            batch, reading: state, embedding: embedding, training: training, judging: judging,
            clockMs: clockMs)
    }

    mutating func wait(
        for positions: [TopicPartition], reading state: any StateReader
    ) throws -> StepOutput {
        try engine.wait(for: positions, reading: state, embedding: embedding)
    }

    mutating func setIdle(
        _ position: TopicPartition, reading state: any StateReader
    ) throws -> StepOutput {
        try engine.setIdle(position, reading: state, embedding: embedding)
    }

    mutating func erase(
        _ userID: String, atMs ts: Int64, reading state: any StateReader
    ) throws -> [String] {
        try engine.erase(userID, atMs: ts, reading: state, embedding: embedding)
    }

    mutating func object(_ userID: String, atMs ms: Int64, reading state: any StateReader) throws
        -> (isNew: Bool, userIDs: [String])
    {
        try engine.object(userID, atMs: ms, reading: state)
    }

    mutating func drain(reading state: any StateReader) throws -> StepOutput {
        try engine.drain(reading: state, embedding: embedding)
    }
}
