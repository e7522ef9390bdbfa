import Foundation
import Records

/// What happens to one daemon and its brokers in the course of a scenario: from a seed alone.
struct FaultPlan: CustomStringConvertible {
    enum Action: Equatable {
        /// Sends so many more events.
        case send(Int)
        /// A command to the development broker's control socket.
        case fault(String)
        /// `kill -9`.
        case kill
        /// SIGTERM, waited for.
        case stop
        /// What a TCP proxy can do: all connections cut, new ones refused.
        case cut
        /// Every byte is this late.
        case slow(ms: Int)
        /// All faults of the brokers end.
        case heal
    }

    struct Step: Equatable {
        let action: Action
        let pauseMs: Int
    }

    let seed: UInt64
    let guarantee: String
    private(set) var steps: [Step] = []

    var description: String {
        "seed \(seed), \(guarantee): "
            + steps.map { "\($0.action) +\($0.pauseMs) ms" }.joined(separator: ", ")
    }

    /// - Parameters:
    ///   - brokers: of the development broker; 0 where only a proxy and signals can do anything.
    ///   - events: sent in all.
    init(seed: UInt64, events: Int, brokers: Int, topic: String, partitions: Int) {
        self.seed = seed
        var random = SeededRandom(seed: seed)
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        guarantee = seed % 2 == 0 ? "exactly_once" : "at_least_once"
        let rounds = 4 + below(3)
        for round in 0..<rounds {
            steps.append(
                Step(
                    action: .send(events * (round + 1) / rounds - events * round / rounds),
                    pauseMs: below(150)))
            let action: Action
            switch below(10) {
            case 0..<3: action = .kill
            case 3: action = .stop
            default:
                action =
                    brokers > 0
                    ? .fault(
                        Self.command(
                            &random, brokers: brokers, topic: topic, partitions: partitions))
                    : below(2) == 0 ? .cut : .slow(ms: 20 + below(150))
            }
            steps.append(Step(action: action, pauseMs: below(400)))
            if below(2) == 0 { steps.append(Step(action: .heal, pauseMs: below(100))) }
        }
    }

    private static func command(
        _ random: inout SeededRandom, brokers: Int, topic: String, partitions: Int
    ) -> String {
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        let broker = 1 + below(brokers)
        let count = 1 + below(5)
        switch below(12) {
        case 0: return "down all"
        case 1: return "down \(broker)"
        case 2: return "latency all \(20 + below(150))"
        case 3: return "leader \(topic) \(below(partitions)) \(broker)"
        case 4:
            let errors = [
                "NOT_LEADER_FOR_PARTITION", "REQUEST_TIMED_OUT", "_TRANSPORT",
                "LEADER_NOT_AVAILABLE", "OFFSET_OUT_OF_RANGE",
            ]
            return "errors fetch \(errors[below(errors.count)]) \(count)"
        case 5, 6:
            let errors = [
                "NOT_LEADER_FOR_PARTITION", "REQUEST_TIMED_OUT", "_TRANSPORT",
                "NOT_ENOUGH_REPLICAS",
            ]
            return "errors produce \(errors[below(errors.count)]) \(count)"
        case 7: return "errors metadata _TRANSPORT \(count)"
        case 8: return "errors end-txn COORDINATOR_NOT_AVAILABLE \(count)"
        case 9: return "errors add-partitions-to-txn CONCURRENT_TRANSACTIONS \(count)"
        case 10: return "errors init-producer-id COORDINATOR_LOAD_IN_PROGRESS \(count)"
        default: return "errors find-coordinator COORDINATOR_NOT_AVAILABLE \(count)"
        }
    }
}
