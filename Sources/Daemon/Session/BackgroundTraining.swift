import ContinualLearning
import Encoder
import Engine
import Foundation

/// Trains one refresh at a time on a thread of its own, beside learning and serving.
///
/// Thread: `start` and `finish` belong to the engine's thread; the result crosses under `condition`.
final class BackgroundTraining: RefreshTraining {
    private let base: BaseModel
    private let maxTokens: Int
    private let threads: Int
    private let prefixCacheBytes: Int
    private let givesWay: Bool
    private let faultInjection: FaultInjection
    private var running: Running?

    /// Of a training that gives way to whatever else the process does.
    ///
    /// On Linux a thread has a priority of its own, which its children inherit.
    private static let niceness: Int32 = 10

    init(
        base: BaseModel, maxTokens: Int, threads: Int, prefixCacheBytes: Int, givesWay: Bool,
        faultInjection: FaultInjection = .none
    ) {
        self.givesWay = givesWay
        self.faultInjection = faultInjection
        self.base = base
        self.maxTokens = maxTokens
        self.threads = threads
        self.prefixCacheBytes = prefixCacheBytes
    }

    deinit {
        running?.cancel()
    }

    func start(_ job: RefreshJob) {
        running?.cancel()
        let run = Running()
        running = run
        let thread = Thread {
            [base, maxTokens, threads, prefixCacheBytes, givesWay, faultInjection] in
            // Also of the threads that this one starts.
            if givesWay { setpriority(Int32(PRIO_PROCESS.rawValue), 0, Self.niceness) }
            faultInjection.at(.training)
            run.complete(
                Result {
                    try job.run(
                        base: base, maxTokens: maxTokens, threads: threads,
                        prefixCacheBytes: prefixCacheBytes, isCancelled: { run.isCancelled })
                })
        }
        thread.name = "lora-refresh"
        thread.stackSize = 8 << 20
        thread.start()
    }

    var isDone: Bool { running?.isDone ?? true }

    func finish() throws -> RefreshResult {
        guard let running else { throw TrainingError.nothingStarted }
        faultInjection.at(.beforeTrainingEnds)
        return try running.wait().get()
    }
}

/// For engines that never refresh.
package final class NoTraining: RefreshTraining {
    package init() {}

    package func start(_ job: RefreshJob) {}
    package func finish() throws -> RefreshResult { throw TrainingError.nothingStarted }
}

enum TrainingError: Error, CustomStringConvertible {
    case nothingStarted

    var description: String { "no refresh is being trained" }
}

/// One job under way.
///
/// `@unchecked Sendable`: all its state is read and written under `condition`.
private final class Running: @unchecked Sendable {
    private let condition = NSCondition()
    private var result: Result<RefreshResult, any Error>?
    private var cancelled = false

    var isCancelled: Bool {
        condition.withLock { cancelled }
    }

    func cancel() {
        condition.withLock { cancelled = true }
    }

    func complete(_ outcome: Result<RefreshResult, any Error>) {
        condition.withLock {
            result = outcome
            condition.broadcast()
        }
    }

    var isDone: Bool {
        condition.withLock { result != nil }
    }

    func wait() -> Result<RefreshResult, any Error> {
        condition.withLock {
            while true {
                if let result { return result }
                condition.wait()
            }
        }
    }
}
