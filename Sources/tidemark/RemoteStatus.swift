import Daemon
import Engine
import Terminal

/// What is shown of `/v1/status`.
struct RemoteStatus: Decodable {
    struct Partition: Decodable {
        let topic: String
        let partition: Int32
        let next_offset: Int64
        let lag: Int64?
    }

    struct Publishing: Decodable {
        let waiting: Int?
        let oldest_ms: Int64?
        let error: String?
    }

    struct Broker: Decodable {
        let address: String
        let state: String
        let state_ms: Int64
        let error: String?
    }

    struct Score: Decodable {
        let log_loss: Double?
        let normalized_entropy: Double?
    }

    struct Events: Decodable {
        let read: Int
    }

    let version: String
    let librdkafka: String
    let ready_reason: String
    let activity: String
    let paused: PauseState
    let head: String?
    let lineage: Int?
    let state_sha256: String?
    let events: Events?
    let examples: Int?
    let recommendations_published: Int?
    let recommendations_unchanged: Int?
    let lag: Int64?
    let watermark_delay_ms: Int64?
    let recent: [String: Score]?
    let brokers: [Broker]
    let publishing: Publishing
    let partitions: [Partition]
    let budgets: [BudgetReport]?

    var text: String {
        var lines = [
            "Tidemark \(version) on librdkafka \(librdkafka), lineage \(lineage.map(String.init) ?? "unknown")",
            "\(ready_reason) (the learning thread: \(activity))",
            "head snapshot \(head ?? "unknown"), state \(state_sha256 ?? "unknown")",
            "\(events?.read ?? 0) events, \(examples ?? 0) examples, \(publishing.waiting ?? 0) messages on their way",
        ]
        if let error = publishing.error { lines.append("not published: \(error)") }
        lines += paused.lines.filter { $0.contains(" is paused ") }
        var table = TextTable([("PARTITION", .left), ("NEXT", .right), ("BEHIND", .right)])
        for row in partitions {
            table.add(
                "\(row.topic):\(row.partition)", String(row.next_offset),
                row.lag.map(String.init) ?? "unknown")
        }
        return placed(lines, table, budgets)
    }
}
