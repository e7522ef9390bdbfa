import Glibc

/// What the system refuses: a thread, a socket, or what is said over one.
public struct PlatformError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was wanted, and the system's reason.
    public let description: String

    /// An error whose text is `description`, a sentence without an end.
    package init(_ description: String) { self.description = description }
}

/// The system's own words for an `errno`.
package func errorText(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}
