import CRdKafka
import Glibc

/// Milliseconds of the monotonic clock: for waits and ages, never for event time.
enum MonotonicClock {
    static func nowMs() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// A state behind a lock that threads can wait on.
///
/// Thread: any. The two C objects live at one address from `init` to `deinit`; `state` is touched
/// under the lock alone, which is what makes the class `Sendable`.
@safe
final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    init(_ state: State) {
        self.state = state
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // Waits must not depend on somebody setting the wall clock.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` under the lock; it must not block.
    func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Like `withLock`, and wakes whoever waits.
    func update<Result>(_ body: (inout State) -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Wakes whoever waits; may be called under the lock.
    func wakeAll() {
        unsafe pthread_cond_broadcast(condition)
    }

    /// Waits until `body` gives a result, at most up to `deadlineMs` of the monotonic clock.
    ///
    /// `body` runs at once, after every `update`, and once more at the deadline.
    /// - Returns: nil when the deadline passed first.
    func wait<Result, Failure: Error>(
        untilMs deadlineMs: Int64, _ body: (inout State) throws(Failure) -> Result?
    ) throws(Failure) -> Result? {
        var deadline = timespec(
            tv_sec: Int(deadlineMs / 1000), tv_nsec: Int(deadlineMs % 1000) * 1_000_000)
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = try body(&state) { return result }
            if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                return try body(&state)
            }
        }
    }
}

/// A named thread that is joined before its work's owner goes away.
///
/// Blocking calls run on such threads, never on the cooperative pool.
@safe
final class NamedThread: @unchecked Sendable {
    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    /// - Throws: `KafkaError.system` when the system has no room for another thread.
    init(name: String, _ body: @escaping @Sendable () -> Void) throws(KafkaError) {
        let work = unsafe Unmanaged.passRetained(Work(name: name, body: body))
        var created = pthread_t()
        let status = unsafe pthread_create(&created, nil, runWork, work.toOpaque())
        guard status == 0 else {
            unsafe work.release()
            throw .system("cannot start the thread \(name): \(errorText(status))")
        }
        thread = created
    }

    /// Waits for the end of the work; called once, by the owner.
    func join() {
        pthread_join(thread, nil)
    }

    /// Thread: the new one. Not a closure literal, since one formed in an isolated context would
    /// check its executor here and stop the process.
    fileprivate static func run(_ context: UnsafeMutableRawPointer) {
        let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
        unsafe tm_name_this_thread(work.name)
        work.body()
    }
}

private func runWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context = unsafe context { unsafe NamedThread.run(context) }
    return nil
}

func errorText(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}
