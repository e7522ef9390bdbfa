import CPosterior
import Records

/// How far what is learned may move what is predicted, on the logit scale; infinite: no bound.
///
/// A move of one logit changes the odds by a factor of 2.7 and a probability by a quarter at most.
/// An event that would move more is learned with the smaller weight that moves just as much.
public struct MoveBounds: Sendable, Hashable {
    /// One event, its own prediction.
    public var event = Double.infinity
    /// All events of one user in a day, what is predicted for others: the sum of their moves of what
    /// is not the user's own.
    public var user = Double.infinity
    /// All events of one hour, in net, what is predicted for anybody: half of it the events about an
    /// item for that item, half of it all events for what items share.
    public var hour = Double.infinity
    /// Events that a head learns before it is bound: one that knows nothing has to move.
    public var after: UInt64 = 0

    /// No bounds.
    public init() {}
}

/// A bound that an event was met by.
public enum MoveBound: Sendable, CaseIterable {
    case event, user, hour

    init?(kernel code: Int) {
        switch code {
        case POSTERIOR_BOUND_OWN: self = .event
        case POSTERIOR_BOUND_USER: self = .user
        case POSTERIOR_BOUND_ITEM, POSTERIOR_BOUND_COMMON: self = .hour
        default: return nil
        }
    }
}

/// How much of an event was learned.
public struct AcceptedWeight: Sendable, Hashable {
    /// Smaller than the weight asked for where a bound was met.
    public let weight: Double
    /// The bound that was met; `nil` where all was learned.
    public let bound: MoveBound?
}

/// How far something was moved in the present hour or day.
struct Moved: Sendable, Equatable {
    /// Hours or days since 1970.
    var window: Int64
    var by: Double

    /// A window that lies this far ahead of an event's was opened by a wrong clock.
    private static let aheadMax: Int64 = 24

    /// What counts against a bound now: late events count for the window that has begun since.
    static func current(_ moved: Moved?, window: Int64) -> Moved {
        guard let moved, moved.window >= window, moved.window - window <= aheadMax else {
            return Moved(window: window, by: 0)
        }
        return moved
    }

    func write(to writer: inout ByteWriter) {
        writer.integer(window)
        writer.double(by)
    }

    init(window: Int64, by: Double) {
        self.window = window
        self.by = by
    }

    init(from reader: inout ByteReader) throws(ByteCodingError) {
        window = try reader.integer()
        by = try reader.double()
    }
}

extension ResponseHead {
    /// What has been moved by this user today, and in this hour of this item and of all.
    struct Moves {
        var user: Moved
        var item: Moved
        var common: Moved
    }

    func moves(_ pages: OwnerPages, at hours: Double) -> Moves {
        func memory(_ page: Int32) -> Moved? {
            page < 0 ? nil : posterior.tail.memories[Int(page)].moved
        }
        // Times of any size occur; those beyond all calendars share a window.
        let hour = Int64(max(-1e12, min(hours, 1e12)).rounded(.down))
        let day = hour >= 0 ? hour / 24 : (hour - 23) / 24
        return Moves(
            user: .current(memory(pages.user), window: day),
            item: .current(memory(pages.item), window: hour),
            common: .current(present.commonMoved, window: hour))
    }

    /// What an event may move before it meets a bound.
    func limits(_ moves: Moves) -> posterior_limits {
        let bounds = eventCount < configuration.bounds.after ? MoveBounds() : configuration.bounds
        let half = bounds.hour / 2
        return posterior_limits(
            own: bounds.event, user: bounds.user - moves.user.by,
            item_up: half - moves.item.by, item_down: half + moves.item.by,
            common_up: half - moves.common.by, common_down: half + moves.common.by)
    }

    /// Counts what an event has moved.
    mutating func charge(_ learned: GaussianCore.Learned, _ pages: OwnerPages, _ moves: Moves) {
        let bounds = configuration.bounds
        guard eventCount >= bounds.after, bounds.user.isFinite || bounds.hour.isFinite else {
            return
        }
        var moves = moves
        moves.user.by += abs(learned.sharedMove)
        moves.item.by += learned.sharedMove
        moves.common.by += learned.commonMove
        if pages.user >= 0 { posterior.tail.memories[Int(pages.user)].moved = moves.user }
        if pages.item >= 0 { posterior.tail.memories[Int(pages.item)].moved = moves.item }
        present.commonMoved = moves.common
    }
}
