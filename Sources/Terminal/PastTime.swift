import ArgumentParser
import Daemon
import Records

/// A time that is over, on the command line: `2026-11-23T12:00:00Z`, or how long ago: `2h`.
package struct PastTime: ExpressibleByArgument {
    /// By the wall clock. Unit: milliseconds since 1970.
    package let ms: Int64

    /// `nil` for what is neither.
    package init?(argument: String) {
        if let ms = Timestamp.milliseconds(argument) {
            self.ms = ms
        } else if let ago = parseDuration(argument) {
            ms = wallTimeMs() - Int64(ago)
        } else {
            return nil
        }
    }
}
