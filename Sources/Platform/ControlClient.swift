import Glibc

/// Asks a process that listens with `ControlSocket`.
///
/// Thread: one at a time; `ask` waits for the answer.
public final class ControlClient {
    private let descriptor: Int32
    private let path: String
    private var received: [UInt8] = []

    /// - Returns: `nil` where nobody listens at `path`.
    /// - Throws: `PlatformError` where somebody may, and cannot be reached.
    public init?(path: String) throws(PlatformError) {
        let place = SocketPlace(path)
        defer { withExtendedLifetime(place) {} }
        guard let address = try? ControlSocket.address(place.path) else {
            throw PlatformError("control socket \(path): the path is too long")
        }
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw PlatformError("control socket: \(errorText(errno))") }
        let connected = unsafe ControlSocket.withAddress(address) {
            unsafe connect(descriptor, $0, $1)
        }
        guard connected != 0 else { return }
        let code = errno
        guard [ENOENT, ECONNREFUSED, ENOTDIR].contains(code) else {
            throw PlatformError("control socket \(path): \(errorText(code))")
        }
        return nil
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Sends one line and waits for its answer.
    ///
    /// - Returns: what came behind `ok`.
    /// - Throws: `PlatformError` with what came behind `error`, or when the other side went.
    public func ask(_ line: String) throws(PlatformError) -> String {
        guard ControlSocket.send(descriptor, line) else {
            throw PlatformError("control socket \(path): \(errorText(errno))")
        }
        let answer = try self.line()
        if answer.hasPrefix("ok ") { return String(answer.dropFirst(3)) }
        throw PlatformError(answer.hasPrefix("error ") ? String(answer.dropFirst(6)) : answer)
    }

    private func line() throws(PlatformError) -> String {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 16_384)
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw PlatformError(
                    "control socket \(path): the process that listened there ended before it answered"
                )
            }
            received += buffer[..<count]
        }
    }
}

/// A path that fits into a socket's address, of which the system takes 107 bytes: a longer one is
/// reached through its open folder.
final class SocketPlace: Sendable {
    let path: String
    private let folder: Int32

    init(_ path: String) {
        let slash = path.lastIndex(of: "/")
        let opened =
            path.utf8.count < 108
            ? -1
            : unsafe open(
                slash.map { String(path[..<$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        folder = opened
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        self.path = opened < 0 ? path : "/proc/self/fd/\(opened)/\(name)"
    }

    deinit {
        if folder >= 0 { close(folder) }
    }
}
