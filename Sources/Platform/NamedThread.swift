import CPlatform
import Glibc

/// A named thread that is joined before its work's owner goes away.
///
/// Blocking calls run on such threads, never on the cooperative pool.
@safe
package final class NamedThread: @unchecked Sendable {
    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    /// - Throws: `PlatformError` when the system has no room for another thread.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(PlatformError) {
        let work = unsafe Unmanaged.passRetained(Work(name: name, body: body))
        var created = pthread_t()
        let status = unsafe pthread_create(&created, nil, runWork, work.toOpaque())
        guard status == 0 else {
            unsafe work.release()
            throw PlatformError("cannot start the thread \(name): \(errorText(status))")
        }
        thread = created
    }

    /// Waits for the end of the work; called once, by the owner.
    package func join() {
        pthread_join(thread, nil)
    }

    /// Thread: the new one. Not a closure literal, since one formed in an isolated context would
    /// check its executor here and stop the process.
    fileprivate static func run(_ context: UnsafeMutableRawPointer) {
        let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
        unsafe platform_name_this_thread(work.name)
        work.body()
    }
}

private func runWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context = unsafe context { unsafe NamedThread.run(context) }
    return nil
}
