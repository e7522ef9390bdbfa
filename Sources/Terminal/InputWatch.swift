import ArgumentParser
import Foundation

/// For programs that are started by another one, and are to end with it, however that ends.
package struct InputWatch: ParsableArguments {
    @Flag(
        help: ArgumentHelp("End in order once standard input ends.", visibility: .hidden))
    /// Whether the flag was given.
    package var untilInputEnds = false

    /// Nothing was given yet.
    package init() {}

    /// What a program that starts this one passes.
    package static let argument = "--until-input-ends"

    /// Waits on a thread of its own; the end of the input is then a SIGTERM.
    package func start() {
        guard untilInputEnds else { return }
        Thread {
            var byte: UInt8 = 0
            while true {
                let count = unsafe read(STDIN_FILENO, &byte, 1)
                if count > 0 || (count < 0 && errno == EINTR) { continue }
                break
            }
            kill(getpid(), SIGTERM)
        }.start()
    }
}
