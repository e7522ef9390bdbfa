import Glibc

/// Milliseconds of the monotonic clock: for waits and ages, never for event time.
package enum MonotonicClock {
    /// The time since an arbitrary start, mostly that of the machine. It never goes back.
    package static func nowMs() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
