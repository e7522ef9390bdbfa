import CRdKafka
import Glibc

/// A Unix socket that takes one command a line and answers each with one line, `ok …` or
/// `error …`.
///
/// Bounds: 16 clients, lines of 64 KiB; a client beyond that is let go.
/// Thread: its own; `answer` runs there.
public final class ControlSocket: Sendable {
    private static let clientsMax = 16
    private static let lineBytesMax = 64 << 10

    private struct Descriptors {
        var listener: Int32
        /// A byte in here ends the thread.
        var stopReader: Int32
        var stopWriter: Int32
    }

    private struct Client {
        let descriptor: Int32
        var line: [UInt8] = []
    }

    private let place: SocketPlace
    private let descriptors: Descriptors
    private let answer: @Sendable (String) throws(KafkaError) -> String
    private let thread = Monitor<NamedThread?>(nil)

    /// Listens at `path`, readable and writable by this user alone.
    ///
    /// A socket that nobody listens at any more is replaced; anything else at the path stays.
    /// Throws: `KafkaError.system` naming the path and the reason.
    public init(
        path: String, answer: @escaping @Sendable (String) throws(KafkaError) -> String
    ) throws(KafkaError) {
        place = SocketPlace(path)
        self.answer = answer
        let listener = try Self.listen(place.path)
        var pipe: [Int32] = [-1, -1]
        guard unsafe Glibc.pipe(&pipe) == 0 else {
            let reason = errorText(errno)
            Glibc.close(listener)
            throw .system("control socket \(path): \(reason)")
        }
        let descriptors = Descriptors(
            listener: listener, stopReader: pipe[0], stopWriter: pipe[1])
        self.descriptors = descriptors
        let started = try NamedThread(name: "control") {
            Self.serve(descriptors, answer)
        }
        thread.withLock { $0 = started }
    }

    deinit {
        close()
    }

    /// Ends the thread, lets the clients go and removes the socket.
    public func close() {
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        guard let running else { return }
        var byte: UInt8 = 0
        _ = unsafe write(descriptors.stopWriter, &byte, 1)
        running.join()
        for descriptor in [descriptors.listener, descriptors.stopReader, descriptors.stopWriter] {
            Glibc.close(descriptor)
        }
        unsafe unlink(place.path)
    }

    // MARK: Serving

    private static func serve(
        _ descriptors: Descriptors, _ answer: (String) throws(KafkaError) -> String
    ) {
        var clients: [Client] = []
        defer { for client in clients { Glibc.close(client.descriptor) } }
        while true {
            var waits = [descriptors.stopReader, descriptors.listener]
                .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            waits += clients.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            guard unsafe poll(&waits, nfds_t(waits.count), -1) >= 0 else {
                if errno == EINTR { continue }
                return
            }
            if waits[0].revents != 0 { return }
            var kept: [Client] = []
            for (client, wait) in zip(clients, waits.dropFirst(2)) {
                if wait.revents == 0 {
                    kept.append(client)
                } else if let client = readLines(client, answer) {
                    kept.append(client)
                } else {
                    Glibc.close(client.descriptor)
                }
            }
            clients = kept
            if waits[1].revents != 0 {
                let accepted = accept(descriptors.listener, nil, nil)
                guard accepted >= 0 else { continue }
                if clients.count < clientsMax {
                    clients.append(Client(descriptor: accepted))
                } else {
                    send(accepted, "error too many clients")
                    Glibc.close(accepted)
                }
            }
        }
    }

    /// Reads what has come and answers the lines that are complete.
    ///
    /// - Returns: nil when the client is to be let go.
    private static func readLines(
        _ client: Client, _ answer: (String) throws(KafkaError) -> String
    ) -> Client? {
        var client = client
        var buffer = [UInt8](repeating: 0, count: lineBytesMax)
        let count = unsafe read(client.descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        client.line += buffer[..<count]
        while let end = client.line.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: client.line[..<end], as: UTF8.self)
            client.line.removeSubrange(...end)
            let reply: String
            do throws(KafkaError) {
                reply = "ok \(try answer(line))"
            } catch {
                reply = "error \(error)"
            }
            guard send(client.descriptor, reply) else { return nil }
        }
        guard client.line.count < lineBytesMax else {
            send(client.descriptor, "error the line is too long")
            return nil
        }
        return client
    }

    @discardableResult
    static func send(_ descriptor: Int32, _ line: String) -> Bool {
        // An answer is one line, whatever a reason may hold.
        let bytes = Array((line.replacing("\n", with: " ") + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    // MARK: Opening

    static func address(_ path: String) throws(KafkaError) -> sockaddr_un {
        var address = sockaddr_un()
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity, !path.isEmpty, !path.utf8.contains(0) else {
            throw .system("control socket \(path): the path must have 1 to \(capacity - 1) bytes")
        }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8)
        }
        return address
    }

    private static func listen(_ path: String) throws(KafkaError) -> Int32 {
        let address = try address(path)
        try removeStale(path, address)
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw .system("control socket: \(errorText(errno))") }
        let bound = unsafe withAddress(address) { unsafe bind(listener, $0, $1) }
        guard bound == 0, unsafe chmod(path, 0o600) == 0, Glibc.listen(listener, 16) == 0 else {
            let reason = errorText(errno)
            Glibc.close(listener)
            throw .system("control socket \(path): \(reason)")
        }
        return listener
    }

    private static func removeStale(_ path: String, _ address: sockaddr_un) throws(KafkaError) {
        var info = stat()
        guard unsafe lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw .system("control socket \(path): there is something else at this path")
        }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { Glibc.close(probe) }
        let connected = unsafe withAddress(address) { unsafe connect(probe, $0, $1) }
        guard connected != 0 else {
            throw .system("control socket \(path): another process listens there")
        }
        unsafe unlink(path)
    }

    static func withAddress(
        _ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
