import Foundation
import Synchronization

/// Turns SIGHUP into a flag that the daemon asks for: its configuration is to be read again.
public enum ReloadSignal {
    /// Global, since a handler can reach nothing else.
    private static let received = Atomic<Bool>(false)

    /// Takes the signal from now on; may be called any number of times.
    ///
    /// Not for a process on a terminal: there it means that the terminal is gone.
    public static func install() {
        var numbers = sigset_t()
        unsafe sigemptyset(&numbers)
        unsafe sigaddset(&numbers, SIGHUP)
        signal(SIGHUP, noteReload)
        unsafe pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
    }

    /// Whether it has come since this was asked last. Thread: any.
    static func take() -> Bool { received.exchange(false, ordering: .acquiringAndReleasing) }

    /// Thread: any; called by the system inside a signal handler, so it only stores.
    fileprivate static func note() { received.store(true, ordering: .releasing) }
}

private func noteReload(_ number: Int32) { ReloadSignal.note() }
