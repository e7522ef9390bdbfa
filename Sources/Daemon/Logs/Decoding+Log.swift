import Engine
import EventLog

extension Decoding {
    /// A line of a log, as the engine takes it.
    func decode(_ entry: LogEntry, topic: String) -> EngineInput {
        let (record, rejected) = entry.input(topic: topic)
        guard let rejected else { return decode([record])[0] }
        return EngineInput(record: record, event: .failure(rejected))
    }
}
