import Glibc

/// What the process does at signals by which it would crash.
///
/// One handler for all of them: it ends the process with a message where the fault lies in a store's
/// map, and else notes the crash for `CrashMarker` and leaves the signal to whoever handled it before.
enum FaultHandlers {
    static let signals = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT]
    /// Environments watched at one time: a rewrite has two open, tests some more.
    static let mapsMax = 16
    static let alternateStackBytes = 64 << 10

    /// Takes over the signals of a process, once; a second call changes nothing.
    static func install() { _ = installed }

    private static let installed: Bool = {
        for number in signals {
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_sigaction = onFault
            action.sa_flags = Int32(SA_SIGINFO) | Int32(SA_ONSTACK)
            var previous = sigaction()
            unsafe sigaction(number, &action, &previous)
            unsafe faults.pointee.previous[Int(number)] = previous
        }
        return true
    }()

    /// Gives the calling thread a stack for its handlers: one that has run out of its own can then
    /// still say that it crashed. The memory stays with the thread for good.
    static func useAlternateStack() {
        var current = unsafe stack_t()
        guard unsafe sigaltstack(nil, &current) == 0, unsafe current.ss_sp == nil else { return }
        var stack = unsafe stack_t()
        unsafe stack.ss_sp = UnsafeMutableRawPointer.allocate(
            byteCount: alternateStackBytes, alignment: 16)
        unsafe stack.ss_size = alternateStackBytes
        unsafe sigaltstack(&stack, nil)
    }
}

/// What the handler needs, at a fixed address: it may not allocate, lock or initialise anything.
@unsafe struct Faults {
    /// The exit code that says that data is bad, and the one for a disk that does not answer.
    var damagedStatus: Int32 = 65
    var diskStatus: Int32 = 69
    var previous: InlineArray<32, sigaction> = .init(repeating: sigaction())
    var maps: InlineArray<16, FaultMap> = .init(repeating: FaultMap())
    /// Where the crash of a thread that learns is noted; -1 for nowhere.
    var markFile: Int32 = -1
    var markAt: off_t = 0
    var markThread: pthread_t = 0
    /// Written to the file; made here, since the handler's own stack may be all but used up.
    var mark: UInt64 = 0
    var name: InlineArray<16, UInt8> = .init(repeating: 0)
    var byte: UInt8 = 0
}

/// The map of one open environment.
struct FaultMap {
    var start: UInt = 0
    var end: UInt = 0
    var file: Int32 = -1
}

/// Allocated once, never freed; written before the handler can read it.
nonisolated(unsafe) let faults: UnsafeMutablePointer<Faults> = {
    let state = UnsafeMutablePointer<Faults>.allocate(capacity: 1)
    unsafe state.initialize(to: Faults())
    return unsafe state
}()

private let damaged: StaticString =
    "tidemark: the store is damaged: its data file changed or was cut short while it was open\n"
private let unreadable: StaticString =
    "tidemark: the disk that holds the store cannot be read any more; see the system's log, and start again when the disk is back\n"
private let threadName: StaticString = "/proc/thread-self/comm"
private let workerName: StaticString = "encoder-"

/// Async-signal-safe: reads and writes `faults`, makes system calls, and leaves.
private func onFault(
    _ number: Int32, _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
) {
    let code = unsafe info?.pointee.si_code ?? 0
    if code > 0, number == SIGBUS || number == SIGSEGV {
        leaveIfMapped(unsafe UInt(bitPattern: info?.pointee._sifields._sigfault.si_addr))
    }
    // What this process did to itself, not what another one sent it.
    let isOwn = unsafe code > 0 || info?.pointee._sifields._kill.si_pid == getpid()
    if isOwn, unsafe faults.pointee.markFile >= 0, isLearning() {
        unsafe faults.pointee.mark = UInt64(number)
        _ = unsafe pwrite(
            faults.pointee.markFile, &faults.pointee.mark, MemoryLayout<UInt64>.size,
            faults.pointee.markAt)
    }
    // Whoever handled this before does again: a fault when the instruction is repeated, what was sent
    // when it is sent once more.
    unsafe sigaction(number, &faults.pointee.previous[Int(number)], nil)
    if code <= 0 { raise(number) }
}

/// Whether the calling thread learns, or works for the one that does.
private func isLearning() -> Bool {
    if unsafe pthread_self() == faults.pointee.markThread { return true }
    let file = unsafe open(
        UnsafeRawPointer(threadName.utf8Start).assumingMemoryBound(to: CChar.self), O_RDONLY)
    guard file >= 0 else { return false }
    let count = unsafe read(file, &faults.pointee.name, 16)
    close(file)
    guard count >= workerName.utf8CodeUnitCount else { return false }
    for index in 0..<workerName.utf8CodeUnitCount
    where unsafe faults.pointee.name[index] != workerName.utf8Start[index] { return false }
    return true
}

/// Ends the process where the address is a store's.
private func leaveIfMapped(_ address: UInt) {
    for index in 0..<FaultHandlers.mapsMax {
        let map = unsafe faults.pointee.maps[index]
        guard address >= map.start, address < map.end else { continue }
        // Behind the end there is nothing to read; a disk that fails says so.
        let got = unsafe pread(
            map.file, &faults.pointee.byte, 1, off_t(address - map.start))
        if got < 0 {
            _ = unsafe write(2, unreadable.utf8Start, unreadable.utf8CodeUnitCount)
            unsafe _exit(faults.pointee.diskStatus)
        }
        leaveDamaged()
    }
}

/// Says that the store is damaged, and ends the process.
func leaveDamaged() -> Never {
    _ = unsafe write(2, damaged.utf8Start, damaged.utf8CodeUnitCount)
    unsafe _exit(faults.pointee.damagedStatus)
}
