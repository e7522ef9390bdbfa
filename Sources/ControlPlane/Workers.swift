import Dispatch
import NIOCore
import NIOPosix
import Synchronization

/// The threads that make answers which take time: some for each lane, so that no lane waits for
/// another one.
///
/// Thread: any.
final class Workers: Sendable {
    private let pools: [Endpoint.Lane: NIOThreadPool]
    /// Requests of each lane that are answered or wait.
    private let waiting = Mutex<[Endpoint.Lane: Int]>([:])

    /// The learning thread answers one after the other; its lane has more, for those that wait.
    private static let threads: [Endpoint.Lane: Int] = [.figures: 1, .store: 1, .learning: 4]

    init() {
        pools = Self.threads.mapValues { NIOThreadPool(numberOfThreads: $0) }
        for pool in pools.values { pool.start() }
    }

    /// Makes an answer on a thread of the lane, or refuses where too many wait for one.
    func run(
        _ lane: Endpoint.Lane, on loop: any EventLoop, _ work: @escaping @Sendable () -> Answer
    ) -> EventLoopFuture<Answer> {
        guard let pool = pools[lane] else { return loop.makeSucceededFuture(work()) }
        let isTaken = waiting.withLock { waiting in
            guard waiting[lane, default: 0] < HTTPLimits.waitingMax else { return false }
            waiting[lane, default: 0] += 1
            return true
        }
        guard isTaken else {
            var answer = Answer.problem(
                .serviceUnavailable, "too many requests of this kind wait already; ask again")
            answer.headers.append(("Retry-After", "1"))
            return loop.makeSucceededFuture(answer)
        }
        return pool.runIfActive(eventLoop: loop) { [self] in
            defer { waiting.withLock { $0[lane, default: 1] -= 1 } }
            return work()
        }
    }

    /// Does what is to be done now and then, beside the figures.
    func tick(_ body: @escaping @Sendable () -> Void) {
        pools[.figures]?.submit { state in
            if case .active = state { body() }
        }
    }

    /// Enters the group for each pool, and leaves it when the pool's threads have ended.
    func shutDown(_ group: DispatchGroup, on queue: DispatchQueue) {
        for pool in pools.values {
            group.enter()
            pool.shutdownGracefully(queue: queue) { _ in group.leave() }
        }
    }
}
