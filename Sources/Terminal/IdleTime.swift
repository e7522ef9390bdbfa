import ArgumentParser
import Daemon

/// A time on the command line: `5s`, `250ms`.
package struct IdleTime: ExpressibleByArgument {
    package let milliseconds: Int

    package init(milliseconds: Int) { self.milliseconds = milliseconds }

    package var defaultValueDescription: String { "\(milliseconds / 1000)s" }

    package init?(argument: String) {
        guard let milliseconds = parseDuration(argument) else { return nil }
        self.milliseconds = milliseconds
    }
}
