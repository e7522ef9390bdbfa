import Foundation
import Synchronization

/// Turns SIGINT and SIGTERM into a flag that loops ask for, so that a stop is always a clean one.
///
/// A second signal of the same kind ends the process at once, as it would without this.
public enum StopSignal {
    /// The signal that came last, or 0. Global, since a handler can reach nothing else.
    private static let received = Atomic<Int32>(0)

    /// Takes both signals from now on and unblocks them; may be called any number of times.
    public static func install() {
        // Whoever started this process may have blocked them, and a child inherits that.
        var numbers = sigset_t()
        unsafe sigemptyset(&numbers)
        for number in [SIGINT, SIGTERM] {
            unsafe sigaddset(&numbers, number)
            signal(number, noteSignal)
        }
        unsafe pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
    }

    /// Whether one of them has come; stays true. Thread: any.
    public static var isReceived: Bool { received.load(ordering: .acquiring) != 0 }

    /// Whether a person at the terminal asked for the end.
    public static var isInterrupt: Bool { received.load(ordering: .acquiring) == SIGINT }

    /// Thread: any; called by the system inside a signal handler, so it only stores and resets.
    fileprivate static func note(_ number: Int32) {
        received.store(number, ordering: .releasing)
        signal(number, SIG_DFL)
    }
}

private func noteSignal(_ number: Int32) {
    StopSignal.note(number)
}
