import Engine
import Events
import Records
import Telemetry

/// How many of the newest events came too late.
public struct LateShare: Codable, Sendable, Equatable {
    /// How many of one partition's newest events came too late.
    public struct Partition: Codable, Sendable, Equatable {
        /// The partition's topic.
        public var topic: String
        /// Its number in the topic.
        public var partition: Int32
        /// Its events among the newest.
        public var events: Int
        /// Those of them that were late.
        public var late: Int
    }

    /// The newest events, about a thousand at most, over all partitions.
    public var events: Int
    /// Those of them that were late.
    public var late: Int
    /// Those most of whose events were late.
    public var partitions: [Partition]

    /// Fewer events say nothing.
    private static let eventsMin = 50

    static func isMost(_ late: Int, of events: Int) -> Bool {
        events >= eventsMin && 2 * late > events
    }

    /// Whether hardly anything is learned for it.
    public var isMost: Bool { Self.isMost(late, of: events) }
}

/// Notices that what comes is not learned as it should be, and says so, at most once a minute.
///
/// Thread: the learning thread.
struct LossWatch {
    private static let sayEvery = Swift.Duration.seconds(60)

    private var newest = Newest<[TopicPartition: Arrivals]>()
    private var saidLate: ContinuousClock.Instant?
    private var saidRoom: ContinuousClock.Instant?
    /// What the join's counts were when they were last told.
    private var told: JoinCounts

    init(_ counts: JoinCounts) { told = counts }

    var lateShare: LateShare {
        var byPartition: [TopicPartition: Arrivals] = [:]
        for (step, _) in newest.steps {
            for (position, part) in step { byPartition[position, default: .init()].add(part) }
        }
        let late = byPartition.filter { LateShare.isMost($0.value.late, of: $0.value.all) }
        return LateShare(
            events: newest.count, late: byPartition.values.reduce(0) { $0 + $1.late },
            partitions: late.sorted { $0.key < $1.key }.map {
                LateShare.Partition(
                    topic: $0.key.topic, partition: $0.key.partition, events: $0.value.all,
                    late: $0.value.late)
            })
    }

    /// - Returns: what is to be said of it now.
    mutating func note(
        _ arrivals: [TopicPartition: Arrivals], _ engine: Engine, store: String,
        now: ContinuousClock.Instant = .now
    ) -> [TidemarkEvent] {
        var said: [TidemarkEvent] = []
        newest.add(arrivals, count: arrivals.values.reduce(0) { $0 + $1.all })
        if let event = room(engine, now) { said.append(event) }
        guard arrivals.values.contains(where: { $0.late > 0 }), isDue(saidLate, now) else {
            return said
        }
        let share = lateShare
        guard share.isMost || !share.partitions.isEmpty else { return said }
        saidLate = now
        said.append(
            .mostlyLate(
                late: share.late, of: share.events,
                partitions: share.partitions.map {
                    ("\($0.topic):\($0.partition)", $0.late, $0.events)
                },
                wayBack: engine.lastLeap.map { $0.wayBack(store: store) }))
        return said
    }

    private mutating func room(
        _ engine: Engine, _ now: ContinuousClock.Instant
    ) -> TidemarkEvent? {
        let counts = engine.joinCounts
        let join = engine.configuration.join
        var bounds: [(what: String, key: String, value: Int)] = []
        func look(_ count: KeyPath<JoinCounts, Int64>, _ what: String, _ key: String, _ value: Int)
        {
            let new = counts[keyPath: count] - told[keyPath: count]
            if new > 0 { bounds.append(("\(new) \(what)", key, value)) }
        }
        look(
            \.overflowed,
            "offers were closed early and learned as not taken, with less weight",
            "attribution.open_max", join.openMax)
        look(
            \.hurried, "events were taken before their order was sure", "attribution.pending_max",
            join.pendingMax)
        look(
            \.forgottenPurchases, "purchases were forgotten, whose refunds will not be learned",
            "attribution.purchases_max", join.purchasesMax)
        guard !bounds.isEmpty, isDue(saidRoom, now) else { return nil }
        saidRoom = now
        told = counts
        return .noRoom(bounds)
    }

    private func isDue(
        _ last: ContinuousClock.Instant?, _ now: ContinuousClock.Instant
    ) -> Bool {
        last.map { $0.duration(to: now) >= Self.sayEvery } ?? true
    }
}

extension Arrivals {
    fileprivate mutating func add(_ other: Arrivals) {
        all += other.all
        late += other.late
    }
}

extension TimeLeap {
    /// What happened, and the command that takes it back.
    fileprivate func wayBack(store: String) -> String {
        let place = "\(position.topic):\(position.partition):\(offset)"
        return "event time leapt from \(Timestamp.text(ms: fromMs)) to \(Timestamp.text(ms: toMs)) "
            + "with records \(offset) to \(lastOffset) of \(position); if that was a wrong clock, "
            + "`tidemark rollback offset:\(place) --rewind --skip \(place)-\(lastOffset) "
            + "--store \(store) --reason \"wrong clock\"` learns the stream again without them"
    }
}
