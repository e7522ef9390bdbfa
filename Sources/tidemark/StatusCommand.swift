import ArgumentParser
import Daemon
import Engine
import SnapshotStore
import Terminal

/// `tidemark status`: where a running daemon stands.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Where the daemon stands that has a store open.",
        discussion: """
            Asks it through the socket in the store's folder, or at --url; exit 69 when there is none.
            """)

    @OptionGroup var place: PlaceArguments

    func run() throws {
        try reportingFailures {
            if let remote = try place.remote() {
                let answer = try remote.get(["v1", "status"])
                if place.json { return print(String(decoding: answer, as: UTF8.self)) }
                return Terminal.show(try decoded(answer, as: RemoteStatus.self).text)
            }
            let store = place.store
            guard let daemon = try DaemonConnection(store: store.path) else {
                throw RequestError.noDaemon(store: store.path)
            }
            guard case .status(let status) = try daemon.ask(.status) else {
                throw RequestError.badRequest("the daemon answered something else")
            }
            print(store.json ? try jsonText(status) : status.text)
        }
    }
}

/// Lines, then a table, then that of the budgets where there are any.
func placed(
    _ lines: [String], _ table: TextTable, _ budgets: [BudgetReport]?
) -> String {
    let budgets = budgetTable(budgets ?? [])
    return (lines + ["", table.rendered()] + (budgets.isEmpty ? [] : ["", budgets]))
        .joined(separator: "\n")
}

extension LearnerStatus {
    fileprivate var text: String {
        var lines = [
            "Tidemark \(version) on librdkafka \(librdkafka), process \(process), lineage \(lineage)",
            "head snapshot \(head), state \(stateSHA256)",
            "\(events) events, \(examples) examples, \(recommendations) recommendations, \(outbox) messages on their way",
        ]
        if relearning {
            lines.append("learning again after a rewind; what was published is not published again")
        }
        lines += brokers.map { broker in
            "broker \(broker.address): \(broker.state) for \(broker.stateMs / 1000) s"
                + (broker.error.map { " (\($0))" } ?? "")
        }
        lines += paused.lines.filter { $0.contains(" is paused ") }
        if let waitingFor { lines.append("waits for a schema: \(waitingFor)") }
        if let publishingError { lines.append("not published: \(publishingError)") }
        if !skips.isEmpty { lines.append("never learned: \(skips.joined(separator: ", "))") }
        var table = TextTable([
            ("PARTITION", .left), ("NEXT", .right), ("BEHIND", .right),
            ("PUBLISHES FROM", .right),
        ])
        for row in partitions {
            table.add(
                "\(row.topic):\(row.partition)", String(row.next),
                row.lag.map(String.init) ?? "unknown",
                row.publishesFrom.map(String.init) ?? "now")
        }
        return placed(lines, table, budgets)
    }
}
