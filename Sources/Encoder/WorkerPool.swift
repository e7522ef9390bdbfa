import Glibc
import Platform

/// Work that several threads share out by index.
protocol PoolWork: AnyObject {
    /// Called once for each item, from the thread numbered `worker`.
    func perform(item: Int, worker: Int)
}

/// Named threads that wait for work, and the owner's own thread working beside them.
///
/// Which thread takes which item is chance; whoever uses the pool makes results independent of it.
/// Giving out work allocates nothing.
///
/// Thread: `run` from one thread at a time. `deinit` joins all threads.
@safe final class WorkerPool {
    let threadCount: Int
    private let shared: Shared
    private var threads: [NamedThread] = []

    init(threads count: Int) {
        threadCount = max(1, count)
        shared = Shared()
        for worker in 1..<threadCount {
            let thread = try? NamedThread(name: "encoder-\(worker)") { [shared] in
                while shared.waitForWork() { shared.takePart(worker: worker) }
            }
            guard let thread else { preconditionFailure("the system refuses a thread") }
            threads.append(thread)
        }
    }

    deinit {
        shared.stop()
        for thread in threads { thread.join() }
    }

    /// Performs items 0 to `count` − 1 and returns when all are done.
    func run(_ work: any PoolWork, count: Int) {
        if threadCount == 1 || count <= 1 {
            for item in 0..<count { work.perform(item: item, worker: 0) }
            return
        }
        shared.begin(work, count)
        shared.takePart(worker: 0)
        shared.waitUntilDone()
    }

    /// What the threads share, under one lock.
    @safe fileprivate final class Shared: @unchecked Sendable {
        /// Allocated here, destroyed in `deinit`: their addresses must not change.
        private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private let done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private var work: (any PoolWork)?
        private var count = 0
        private var next = 0
        private var unfinished = 0
        private var isStopped = false

        init() {
            unsafe pthread_mutex_init(lock, nil)
            unsafe pthread_cond_init(wake, nil)
            unsafe pthread_cond_init(done, nil)
        }

        deinit {
            unsafe pthread_cond_destroy(done)
            unsafe pthread_cond_destroy(wake)
            unsafe pthread_mutex_destroy(lock)
            unsafe done.deallocate()
            unsafe wake.deallocate()
            unsafe lock.deallocate()
        }

        func begin(_ work: any PoolWork, _ count: Int) {
            unsafe pthread_mutex_lock(lock)
            self.work = work
            self.count = count
            next = 0
            unfinished = count
            unsafe pthread_cond_broadcast(wake)
            unsafe pthread_mutex_unlock(lock)
        }

        /// Takes items as long as there are some.
        func takePart(worker: Int) {
            unsafe pthread_mutex_lock(lock)
            while next < count, let work {
                let item = next
                next += 1
                unsafe pthread_mutex_unlock(lock)
                work.perform(item: item, worker: worker)
                unsafe pthread_mutex_lock(lock)
                unfinished -= 1
                if unfinished == 0 { unsafe pthread_cond_signal(done) }
            }
            unsafe pthread_mutex_unlock(lock)
        }

        func waitUntilDone() {
            unsafe pthread_mutex_lock(lock)
            while unfinished > 0 { unsafe pthread_cond_wait(done, lock) }
            work = nil
            count = 0
            next = 0
            unsafe pthread_mutex_unlock(lock)
        }

        func stop() {
            unsafe pthread_mutex_lock(lock)
            isStopped = true
            unsafe pthread_cond_broadcast(wake)
            unsafe pthread_mutex_unlock(lock)
        }

        /// - Returns: false when the pool ends.
        func waitForWork() -> Bool {
            unsafe pthread_mutex_lock(lock)
            while next >= count && !isStopped { unsafe pthread_cond_wait(wake, lock) }
            let goesOn = !isStopped
            unsafe pthread_mutex_unlock(lock)
            return goesOn
        }
    }
}
