import Engine
import EventLog

extension Decoding {
    /// A line of a log, as the engine takes it: at least one input.
    func decode(_ entry: LogEntry, topic: String) -> [EngineInput] {
        let (record, rejected) = entry.input(topic: topic)
        guard let rejected else { return decode([record]) }
        return [EngineInput(record: record, event: .failure(rejected))]
    }
}
