import Records

/// How a broker stands, as its client sees it.
public struct BrokerState: Sendable, Hashable {
    /// Whether a broker answers.
    public enum Standing: String, Sendable {
        /// It answers, or it does not.
        case up, down
        /// Nothing is asked of it at present.
        case unused
    }

    /// The broker's id in the cluster.
    public let id: Int32
    /// `host:port`.
    public let address: String
    /// Whether it answers.
    public let standing: Standing
    /// How long it has stood so.
    public let forMs: Int64
    /// The last error, while it is down.
    public let reason: String?
}

/// Which brokers answer and which partitions have one that does: a pure value, told what
/// librdkafka's statistics say and when.
///
/// Units: times are milliseconds of one monotonic clock.
package struct BrokerWatch: Sendable {
    /// What `take` has found to be new.
    package enum Change: Sendable, Equatable {
        /// A broker that has answered does so no more.
        case lost(address: String, reason: String?)
        /// A broker that was told as lost answers again.
        case back(address: String, afterMs: Int64)
        /// No broker answers any more.
        case allLost
        /// One answers again.
        case answering(afterMs: Int64)
    }

    private struct Broker {
        var address: String
        var standing: BrokerState.Standing
        var sinceMs: Int64
        var reason: String?
        /// It has answered since it was last said to be lost.
        var hasAnswered = false
        var wasSaidLost = false
    }

    /// A broker that owes an answer for so long does not answer, though its connection stands.
    private let silentMaxMs: Int64
    private var brokers: [Int32: Broker] = [:]
    private var sources: [TopicPartition: Int32] = [:]
    /// Since when a partition has had no broker that answers.
    private var unserved: [TopicPartition: Int64] = [:]
    private var noneSinceMs: Int64?
    private var lastError: String?
    private var errors: [String: String] = [:]

    /// - Parameter silentMaxMs: beyond how long a broker may hold an answer back.
    package init(silentMaxMs: Int64 = 5000) {
        self.silentMaxMs = silentMaxMs
    }

    /// An error of a connection; its text begins with the broker's name.
    package mutating func failed(_ reason: String) {
        lastError = reason
        let name = Self.address(String(reason.prefix { $0 != " " }))
        if errors.count > 64 { errors = [:] }
        errors[name] = reason
    }

    /// `127.0.0.1:9092/1: …` to `127.0.0.1:9092`.
    private static func address(_ name: String) -> String {
        let plain = name.split(separator: "/", maxSplits: 1).first.map(String.init) ?? name
        // Where librdkafka tells TLS listeners apart, it puts the protocol in front.
        guard let scheme = name.firstRange(of: "://") else { return plain }
        return address(String(name[scheme.upperBound...]))
    }

    /// Takes statistics in, and tells what has changed since those before. A broker that has never
    /// answered is not told as lost.
    package mutating func take(_ statistics: ClientStatistics, nowMs: Int64) -> [Change] {
        let known = statistics.brokers.filter { $0.id >= 0 }
        sources = statistics.sources
        var changes: [Change] = []
        var isAnyUp = false
        var isAnyDown = false
        for broker in known.sorted(by: { $0.id < $1.id }) {
            let standing = standing(of: broker)
            isAnyUp = isAnyUp || standing == .up
            isAnyDown = isAnyDown || standing == .down
            if let change = note(broker, standing, nowMs) { changes.append(change) }
        }
        for broker in forgotten(beside: known, isAnyUp: isAnyUp) {
            isAnyDown = true
            if let change = note(broker, .down, nowMs) { changes.append(change) }
        }
        noteServing(nowMs)
        if isAnyUp, let since = noneSinceMs {
            noneSinceMs = nil
            changes.append(.answering(afterMs: nowMs - since))
        } else if !isAnyUp, isAnyDown, noneSinceMs == nil {
            noneSinceMs = nowMs
            changes.append(.allLost)
        }
        return changes
    }

    /// Brokers that statistics do not name any more.
    ///
    /// From version 2.11 on librdkafka forgets all brokers when none answers, and looks for them anew:
    /// then they are down. One that is forgotten while others answer has left the cluster.
    private mutating func forgotten(
        beside known: [ClientStatistics.Broker], isAnyUp: Bool
    ) -> [ClientStatistics.Broker] {
        let gone = Set(brokers.keys).subtracting(known.map(\.id)).sorted()
        guard !isAnyUp else {
            for id in gone { brokers[id] = nil }
            return []
        }
        return gone.compactMap { id in
            brokers[id].map {
                ClientStatistics.Broker(id: id, name: $0.address, state: "DOWN")
            }
        }
    }

    private func standing(of broker: ClientStatistics.Broker) -> BrokerState.Standing {
        switch broker.state {
        case "UP", "UPDATE", "REAUTH":
            broker.waiting > 0 && broker.silentMs > silentMaxMs ? .down : .up
        case "INIT":
            // No connection is wanted, unless it is only between two attempts.
            brokers[broker.id]?.standing == .down && sources.values.contains(broker.id)
                ? .down : .unused
        default: .down
        }
    }

    private mutating func note(
        _ broker: ClientStatistics.Broker, _ standing: BrokerState.Standing, _ nowMs: Int64
    ) -> Change? {
        let address = Self.address(broker.name)
        guard var known = brokers[broker.id] else {
            // Not yet connected is not lost.
            brokers[broker.id] = Broker(
                address: address, standing: standing, sinceMs: nowMs,
                hasAnswered: standing == .up)
            return nil
        }
        known.address = address
        var change: Change?
        if known.standing != standing {
            let afterMs = nowMs - known.sinceMs
            known.standing = standing
            known.sinceMs = nowMs
            if standing == .down {
                known.reason =
                    errors[address]
                    ?? (broker.waiting > 0 ? "it owes an answer for \(broker.silentMs) ms" : nil)
                // Between the two the connection may have been wanted by nobody.
                if known.hasAnswered {
                    known.hasAnswered = false
                    known.wasSaidLost = true
                    change = .lost(address: address, reason: known.reason)
                }
            } else if standing == .up {
                known.reason = nil
                errors[address] = nil
                if known.wasSaidLost { change = .back(address: address, afterMs: afterMs) }
                known.wasSaidLost = false
                known.hasAnswered = true
            }
        } else if standing == .down {
            known.reason = errors[address] ?? known.reason
        }
        brokers[broker.id] = known
        return change
    }

    private mutating func noteServing(_ nowMs: Int64) {
        var now: [TopicPartition: Int64] = [:]
        for (position, source) in sources where brokers[source]?.standing != .up {
            now[position] = unserved[position] ?? nowMs
        }
        unserved = now
    }

    /// For how long a partition has had no broker that answers; nil while it has one.
    package func unservedMs(_ position: TopicPartition, nowMs: Int64) -> Int64? {
        unserved[position].map { max(0, nowMs - $0) }
    }

    /// For how long no broker has answered; nil while one does.
    package func withoutBrokerMs(nowMs: Int64) -> Int64? {
        noneSinceMs.map { max(0, nowMs - $0) }
    }

    /// Whether statistics have told of any broker.
    package var hasBrokers: Bool { !brokers.isEmpty }

    /// The last error of any connection.
    package var lastReason: String? { lastError }

    /// Every broker that is known, by id.
    package func states(nowMs: Int64) -> [BrokerState] {
        brokers.sorted { $0.key < $1.key }.map { id, broker in
            BrokerState(
                id: id, address: broker.address, standing: broker.standing,
                forMs: max(0, nowMs - broker.sinceMs), reason: broker.reason)
        }
    }
}

extension BrokerWatch.Change: CustomStringConvertible {
    /// A sentence for the log.
    package var description: String {
        switch self {
        case .lost(let address, let reason):
            "broker \(address) does not answer any more" + (reason.map { ": \($0)" } ?? "")
        case .back(let address, let afterMs):
            "broker \(address) answers again, after \(afterMs / 1000) s"
        case .allLost:
            "no broker answers: nothing is read until one does, and how far behind learning is is "
                + "not known"
        case .answering(let afterMs): "a broker answers again, after \(afterMs / 1000) s"
        }
    }
}
