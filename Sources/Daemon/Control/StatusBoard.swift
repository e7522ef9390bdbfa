import Foundation
import KafkaStream
import Records
import SnapshotStore
import Synchronization

/// What the learning thread is at.
package enum Activity: String, Sendable, Encodable {
    case starting
    case waiting, learning, committing
    /// Beginning a refresh of the adapters, or judging one: the step that may take long.
    case refreshing
    /// The store's disk is full: nothing is learned until there is room.
    case waitingForRoom = "waiting_for_room"
    /// A record's schema is not known, and the registry does not give it: nothing is learned until
    /// it does.
    case waitingForSchema = "waiting_for_schema"
    /// A person has paused learning: nothing is learned until it is resumed.
    case paused
    case stopping
}

/// What other threads may know of the learning thread: what it is at, since when, and how things
/// stood when it last looked up.
///
/// It is written at the boundaries of each step, so that a long one is seen to be long.
package final class StatusBoard: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package struct Beat: Sendable {
        package var activity: Activity
        package var since: Instant
    }

    private struct State {
        var beat: Beat
        /// What is waited for, while it is tried again now and then.
        var wait: Activity?
        /// Why, where that is more than its name says.
        var waitReason: String?
        var figures: LearnerFigures?
        var consumer: KafkaConsumer?
        var publisher: Publisher?
        var place: Place?
        var store: SnapshotStore?
    }

    /// What stands still because a person wants it to.
    package let pauses = Pauses()

    /// What is learned from, and into what.
    struct Place: Sendable {
        let cluster: String
        let store: String
    }

    private let state: Mutex<State>

    package init(now: Instant = .now) {
        state = Mutex(State(beat: Beat(activity: .starting, since: now)))
    }

    package func enter(_ activity: Activity, reason: String? = nil, now: Instant = .now) {
        state.withLock {
            $0.beat = Beat(activity: activity, since: now)
            switch activity {
            case .waitingForRoom, .waitingForSchema: ($0.wait, $0.waitReason) = (activity, reason)
            case .stopping: $0.wait = nil
            default: break
            }
        }
    }

    /// What was waited for is there.
    func leave(_ wait: Activity) {
        state.withLock { if $0.wait == wait { $0.wait = nil } }
    }

    /// What is waited for, between two attempts too; else what the thread is at.
    package var standing: Activity { state.withLock { $0.wait ?? $0.beat.activity } }

    /// Why that is waited for; `nil` where nothing is.
    package var waitReason: String? { state.withLock { $0.wait == nil ? nil : $0.waitReason } }

    package var beat: Beat { state.withLock(\.beat) }

    func show(_ figures: LearnerFigures) {
        state.withLock { $0.figures = figures }
    }

    var figures: LearnerFigures? { state.withLock(\.figures) }

    func learns(from cluster: String, into store: SnapshotStore) {
        state.withLock {
            $0.place = Place(cluster: cluster, store: store.identity.id)
            $0.store = store
        }
    }

    /// It can be read on any thread; nil before it is open.
    var store: SnapshotStore? { state.withLock(\.store) }

    var place: Place? { state.withLock(\.place) }

    /// Its status can be asked for on any thread.
    func reads(from consumer: KafkaConsumer) {
        state.withLock { $0.consumer = consumer }
    }

    /// Its standing can be asked for on any thread.
    func publishes(through publisher: Publisher) {
        state.withLock { $0.publisher = publisher }
    }

    var publishing: (failure: PublishingFailure?, oldestMs: Int64?)? {
        let publisher = state.withLock(\.publisher)
        return publisher?.standing
    }

    var consumer: ConsumerStatus? {
        let consumer = state.withLock(\.consumer)
        return consumer?.status()
    }
}
