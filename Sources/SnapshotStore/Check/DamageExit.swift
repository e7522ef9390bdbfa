import CLMDB
import Glibc

/// Ends the process with a message where damage would have LMDB crash it.
///
/// A store is checked before it is opened, so this is for damage that comes later: a disk that
/// fails under a running process, a file cut short by a hand. LMDB reads through a map of the file,
/// and what is gone there is a signal, not an error.
public enum DamageExit {
    /// Installs the handlers for the rest of the process; a program calls it once, at its start.
    ///
    /// - Parameter status: The exit code that says that data is bad.
    public static func install(status: Int32 = 65) {
        unsafe faults.pointee.status = status
        for number in [SIGBUS, SIGSEGV] {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_sigaction = onFault
            action.sa_flags = Int32(SA_SIGINFO)
            var previous = sigaction()
            unsafe sigaction(number, &action, &previous)
            if number == SIGBUS {
                unsafe faults.pointee.previousBus = previous
            } else {
                unsafe faults.pointee.previousSegment = previous
            }
        }
    }

    /// Tells the handlers where an environment's map lies, and LMDB what to do when an assertion of
    /// its own fails.
    static func watch(_ environment: OpaquePointer, _ folder: StoreFolder) {
        unsafe mdb_env_set_assert(environment, onAssertion)
        guard let range = mappedRange(folder) else { return }
        unsafe faults.pointee.start = range.lowerBound
        unsafe faults.pointee.end = range.upperBound
    }

    /// Where the data file is mapped. Source: proc(5), `/proc/pid/maps`.
    private static func mappedRange(_ folder: StoreFolder) -> Range<UInt>? {
        guard let inode = try? FileStatus.of(folder.data)?.inode,
            let maps = try? Descriptor("/proc/self/maps", O_RDONLY),
            let bytes = try? maps.readAll()
        else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count >= 6, UInt64(fields[4]) == inode, fields[5].hasSuffix("data.mdb")
            else { continue }
            let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2, ends[0] < ends[1] { return ends[0]..<ends[1] }
        }
        return nil
    }
}

/// What the handlers need, at a fixed address: they may not allocate, lock or initialise anything.
@unsafe private struct Faults {
    var status: Int32 = 65
    /// The map of the environment opened last; a process has one store as a rule.
    var start: UInt = 0
    var end: UInt = 0
    var previousBus = sigaction()
    var previousSegment = sigaction()
}

/// Allocated once, never freed; written before a handler can read it.
nonisolated(unsafe) private let faults: UnsafeMutablePointer<Faults> = {
    let state = UnsafeMutablePointer<Faults>.allocate(capacity: 1)
    unsafe state.initialize(to: Faults())
    return unsafe state
}()

private let message: StaticString =
    "tidemark: the store is damaged: its data file changed or was cut short while it was open\n"

/// Async-signal-safe: reads `faults`, writes to standard error, and leaves.
private func onFault(
    _ number: Int32, _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
) {
    let address = unsafe UInt(bitPattern: info?.pointee._sifields._sigfault.si_addr)
    if unsafe address >= faults.pointee.start, unsafe address < faults.pointee.end { leave() }
    // Not the store's: whoever handled this before does again, when the instruction is repeated.
    if number == SIGBUS {
        unsafe sigaction(SIGBUS, &faults.pointee.previousBus, nil)
    } else {
        unsafe sigaction(SIGSEGV, &faults.pointee.previousSegment, nil)
    }
}

/// Called by LMDB instead of an `abort` that says nothing to people.
private func onAssertion(_ environment: OpaquePointer?, _ text: UnsafePointer<CChar>?) {
    leave()
}

private func leave() -> Never {
    _ = unsafe write(2, message.utf8Start, message.utf8CodeUnitCount)
    unsafe _exit(faults.pointee.status)
}
