import Foundation
import Records

/// Wall time, read at the edges alone. Units: milliseconds since 1970.
package func wallTimeMs() -> Int64 {
    Int64(Date().timeIntervalSince1970 * 1000)
}

/// Milliseconds of the monotonic clock.
func monotonicMs() -> Int64 { clockStart.duration(to: .now).wholeMilliseconds }

private let clockStart = ContinuousClock.now
