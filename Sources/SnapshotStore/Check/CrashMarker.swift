import Glibc
import Synchronization

/// Says in a file that the process crashed while it learned: what tells a crash from a kill.
///
/// Written by the handler of the signal, into a file that is open before: SIGSEGV, SIGBUS, SIGILL,
/// SIGTRAP (Swift's traps), SIGFPE, SIGABRT. A process that is killed, that the kernel ends for want of
/// memory, or that goes down with its machine leaves none. Crashes count on the thread that learns
/// and on the encoder's workers; what another thread dies of is not the records' doing.
public enum CrashMarker {
    /// What a marker takes of the file.
    public static let byteCount = MemoryLayout<UInt64>.size

    /// One armed file a process: a process has one learner, and tests take turns.
    private static let owner = Mutex<Int32>(-1)

    /// From now on a crash of the calling thread, or of the encoder's workers, writes the number of
    /// the signal into the open file.
    ///
    /// - Parameter offset: Where in the file; eight bytes, little-endian.
    public static func arm(file: Int32, at offset: Int) {
        owner.withLock { current in
            current = file
            unsafe faults.pointee.markAt = off_t(offset)
            unsafe faults.pointee.markThread = pthread_self()
            unsafe faults.pointee.markFile = file
        }
        FaultHandlers.useAlternateStack()
        FaultHandlers.install()
    }

    /// Before the file is closed; nothing where another one is armed meanwhile.
    public static func disarm(file: Int32) {
        owner.withLock { current in
            guard current == file else { return }
            current = -1
            unsafe faults.pointee.markFile = -1
        }
    }
}
