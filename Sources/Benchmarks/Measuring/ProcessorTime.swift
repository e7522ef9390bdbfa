import Glibc

func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Seconds that `body` takes: on the clock, and of the thread's processor time alone.
func measured<E: Error>(_ body: () throws(E) -> Void) throws(E) -> (
    wall: Double, cpu: Double
) {
    let wall = nanoseconds(CLOCK_MONOTONIC)
    let cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID)
    try body()
    return (
        Double(nanoseconds(CLOCK_MONOTONIC) - wall) * 1e-9,
        Double(nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1e-9
    )
}
