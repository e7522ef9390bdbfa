import Glibc
import Records
import Synchronization

/// Where lines for people and machines go: standard error, which a progress bar may share.
///
/// A bar that is drawn is cleared before a line and drawn again behind it, so that neither is written
/// over the other. What cannot be written is dropped: a log that nobody reads ends nothing.
/// Thread: any; each line goes out whole.
public final class LineSink: Sendable {
    /// The one of the process: everything that writes to standard error must use it.
    public static let standardError = LineSink(
        descriptor: STDERR_FILENO, isTerminal: isatty(STDERR_FILENO) == 1)

    private struct State {
        /// The bar as it is drawn now.
        var bar: String?
        var format = LogFormat.text
    }

    /// Whether there is a person to draw a bar for.
    public let isTerminal: Bool
    private let descriptor: Int32
    private let state = Mutex(State())

    /// How long a reader that does not read is waited for, all in all a write.
    private static let waitMs: Int32 = 1_000

    /// - Parameter descriptor: it stays the caller's to close.
    public init(descriptor: Int32, isTerminal: Bool) {
        self.descriptor = descriptor
        self.isTerminal = isTerminal
    }

    /// How lines of the program itself look: the format of the log, once that is known.
    public var format: LogFormat {
        get { state.withLock { $0.format } }
        set { state.withLock { $0.format = newValue } }
    }

    /// Writes lines, each with its end.
    public func write(_ lines: String) {
        state.withLock { state in
            guard let bar = state.bar else { return put(lines) }
            put(Self.clearing + lines + bar)
        }
    }

    /// Draws a bar in the place of the one before; does nothing where there is no terminal.
    public func draw(bar: String) {
        guard isTerminal else { return }
        state.withLock { state in
            state.bar = bar.printable
            put(Self.clearing + bar.printable)
        }
    }

    /// Leaves the bar as it stands, on a line of its own.
    public func endBar() {
        state.withLock { state in
            guard state.bar != nil else { return }
            state.bar = nil
            put("\n")
        }
    }

    /// To the line's beginning, and clear it.
    private static let clearing = "\r\u{1b}[K"

    private func put(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard unsafe poll(&wait, 1, Self.waitMs) > 0 else { return }
            } else if errno != EINTR {
                return
            }
        }
    }
}
