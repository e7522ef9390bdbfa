import ArgumentParser
import Daemon

/// A time on the command line: `5s`, `250ms`.
package struct IdleTime: ExpressibleByArgument {
    /// 0 or more.
    package let milliseconds: Int

    /// For a default.
    package init(milliseconds: Int) { self.milliseconds = milliseconds }

    /// In whole seconds, for the help text.
    package var defaultValueDescription: String { "\(milliseconds / 1000)s" }

    /// `nil` for what is no time with a unit.
    package init?(argument: String) {
        guard let milliseconds = parseDuration(argument) else { return nil }
        self.milliseconds = milliseconds
    }
}
