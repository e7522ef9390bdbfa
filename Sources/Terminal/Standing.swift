import Foundation

/// How a thing stands, said in one word before a line about it.
package enum Standing {
    /// As it is to be.
    case fine
    /// A person should know.
    case warning
    /// Not as it is to be.
    case failed

    /// Prints a line for people; its first word has a colour on a terminal, and nowhere else.
    package func show(_ text: String) {
        let line = "  " + text.printableLines
        print((Self.hasColours ? "\u{1b}[\(colour)m\(word)\u{1b}[0m" : word) + line)
    }

    /// All of one width.
    private var word: String {
        switch self {
        case .fine: "ok     "
        case .warning: "WARNING"
        case .failed: "FAILED "
        }
    }

    private var colour: Int {
        switch self {
        case .fine: 32
        case .warning: 33
        case .failed: 31
        }
    }

    /// Whether standard output is a terminal that knows colours, whose owner wants them.
    ///
    /// Source: no-color.org.
    private static let hasColours: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
            && (environment["NO_COLOR"] ?? "").isEmpty
    }()
}
