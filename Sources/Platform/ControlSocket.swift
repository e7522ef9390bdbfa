import Glibc

/// A Unix socket that takes one command a line and answers each with one line, `ok …` or
/// `error …`.
///
/// Bounds: 16 clients, for another one the quietest goes; lines of 64 KiB; a line, and the taking of
/// its answer, may take ten seconds each. Thread: its own; `answer` runs there.
public final class ControlSocket: Sendable {
    private static let clientsMax = 16
    /// How often clients that are slow are looked at, and accepting is tried again where it failed.
    private static let lookEveryMs: Int32 = 200
    private static let readBytes = 16 << 10
    private static let sayEveryMs: Int64 = 10_000

    private struct Descriptors {
        var listener: Int32
        /// A byte in here ends the thread.
        var stopReader: Int32
        var stopWriter: Int32
    }

    private struct Client {
        let descriptor: Int32
        var conversation: LineConversation
    }

    private let place: SocketPlace
    private let descriptors: Descriptors
    private let thread = Monitor<NamedThread?>(nil)

    /// Listens at `path`, readable and writable by this user alone.
    ///
    /// A socket that nobody listens at any more is replaced; anything else at the path stays.
    /// - Parameter onNotice: told, now and then, that clients cannot be accepted.
    /// Throws: `PlatformError` naming the path and the reason.
    public init(
        path: String, onNotice: @escaping @Sendable (String) -> Void = { _ in },
        answer: @escaping @Sendable (String) throws -> String
    ) throws(PlatformError) {
        place = SocketPlace(path)
        let listener = try Self.listen(place.path)
        var pipe: [Int32] = [-1, -1]
        guard unsafe Glibc.pipe(&pipe) == 0 else {
            let reason = errorText(errno)
            Glibc.close(listener)
            throw PlatformError("control socket \(path): \(reason)")
        }
        let descriptors = Descriptors(
            listener: listener, stopReader: pipe[0], stopWriter: pipe[1])
        self.descriptors = descriptors
        let started = try NamedThread(name: "control") {
            var serving = Serving(descriptors: descriptors, onNotice: onNotice, answer: answer)
            serving.run()
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

    /// The socket's thread. No call in here waits for a client.
    private struct Serving {
        let descriptors: Descriptors
        let onNotice: @Sendable (String) -> Void
        let answer: @Sendable (String) throws -> String
        private var clients: [Client] = []
        /// Set while accepting fails, until when it is not tried.
        private var acceptAgainMs: Int64?
        private var saidMs: Int64?

        init(
            descriptors: Descriptors, onNotice: @escaping @Sendable (String) -> Void,
            answer: @escaping @Sendable (String) throws -> String
        ) {
            self.descriptors = descriptors
            self.onNotice = onNotice
            self.answer = answer
        }

        mutating func run() {
            defer { for client in clients { Glibc.close(client.descriptor) } }
            while let ready = wait() {
                var kept: [Client] = []
                for (client, isReady) in zip(clients, ready.clients) {
                    if let client = serve(client, isReady: isReady) {
                        kept.append(client)
                    } else {
                        Glibc.close(client.descriptor)
                    }
                }
                clients = kept
                if ready.listener { accept() }
            }
        }

        /// Waits until something can be done.
        ///
        /// - Returns: nil at the end.
        private mutating func wait() -> (listener: Bool, clients: [Bool])? {
            let nowMs = MonotonicClock.nowMs()
            if let again = acceptAgainMs, nowMs >= again { acceptAgainMs = nil }
            var waits = [pollfd(fd: descriptors.stopReader, events: Int16(POLLIN), revents: 0)]
            // A negative descriptor is passed over.
            let listener = acceptAgainMs == nil ? descriptors.listener : -1
            waits.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0))
            waits += clients.map { client in
                let conversation = client.conversation
                let events =
                    (conversation.wantsBytes ? POLLIN : 0)
                    | (conversation.wantsToSend ? POLLOUT : 0)
                return pollfd(fd: client.descriptor, events: Int16(events), revents: 0)
            }
            let isCalm = acceptAgainMs == nil && clients.allSatisfy(\.conversation.isQuiet)
            let count = unsafe poll(
                &waits, nfds_t(waits.count), isCalm ? -1 : ControlSocket.lookEveryMs)
            guard count >= 0 || errno == EINTR else { return nil }
            if count < 0 { return (false, clients.map { _ in false }) }
            if waits[0].revents != 0 { return nil }
            return (waits[1].revents != 0, waits.dropFirst(2).map { $0.revents != 0 })
        }

        /// Reads, answers and sends what can be without waiting.
        ///
        /// - Returns: nil when the client is to be let go.
        private func serve(_ client: Client, isReady: Bool) -> Client? {
            var client = client
            if isReady {
                guard send(&client), receive(&client) else { return nil }
                while let line = client.conversation.nextLine(nowMs: MonotonicClock.nowMs()) {
                    let reply: String
                    do {
                        reply = "ok \(try answer(line))"
                    } catch {
                        reply = "error \(error)"
                    }
                    client.conversation.answer(reply, nowMs: MonotonicClock.nowMs())
                    guard send(&client) else { return nil }
                }
            }
            if client.conversation.look(nowMs: MonotonicClock.nowMs()) { return nil }
            guard send(&client) else { return nil }
            return client.conversation.isOver ? nil : client
        }

        private func receive(_ client: inout Client) -> Bool {
            guard client.conversation.wantsBytes else { return true }
            var buffer = [UInt8](repeating: 0, count: ControlSocket.readBytes)
            let count = unsafe recv(
                client.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 { return ControlSocket.isPassing(errno) }
            client.conversation.receive(buffer[..<count], nowMs: MonotonicClock.nowMs())
            return count > 0
        }

        private func send(_ client: inout Client) -> Bool {
            while client.conversation.wantsToSend {
                let count = unsafe client.conversation.toSend.withUnsafeBytes {
                    unsafe Glibc.send(
                        client.descriptor, $0.baseAddress, $0.count,
                        Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
                }
                guard count > 0 else { return ControlSocket.isPassing(errno) }
                client.conversation.sent(count, nowMs: MonotonicClock.nowMs())
            }
            return true
        }

        private mutating func accept() {
            let accepted = Glibc.accept(descriptors.listener, nil, nil)
            let nowMs = MonotonicClock.nowMs()
            guard accepted >= 0 else {
                guard !ControlSocket.isPassing(errno), errno != ECONNABORTED else { return }
                let reason = errorText(errno)
                // For want of descriptors the client would be there at once again.
                acceptAgainMs = nowMs + Int64(ControlSocket.lookEveryMs)
                guard saidMs.map({ nowMs - $0 >= ControlSocket.sayEveryMs }) ?? true else { return }
                saidMs = nowMs
                onNotice("a client cannot be accepted and is tried again: \(reason)")
                return
            }
            _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
            if clients.count >= ControlSocket.clientsMax { letOneGo() }
            clients.append(
                Client(descriptor: accepted, conversation: LineConversation(nowMs: nowMs)))
        }

        /// The one that has been quiet for longest; where none is quiet, the slowest.
        private mutating func letOneGo() {
            let order = clients.indices.min { a, b in
                let (a, b) = (clients[a].conversation, clients[b].conversation)
                return a.isQuiet == b.isQuiet ? a.sinceMs < b.sinceMs : a.isQuiet
            }
            guard let order else { return }
            Glibc.close(clients.remove(at: order).descriptor)
        }
    }

    /// Whether a call is to be made again later.
    private static func isPassing(_ code: Int32) -> Bool {
        [EAGAIN, EWOULDBLOCK, EINTR].contains(code)
    }

    /// Sends a line, waiting until all of it is taken.
    static func send(_ descriptor: Int32, _ line: String) -> Bool {
        let bytes = Array((line.replacing("\n", with: " ") + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    // MARK: Opening

    static func address(_ path: String) throws(PlatformError) -> sockaddr_un {
        var address = sockaddr_un()
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity, !path.isEmpty, !path.utf8.contains(0) else {
            throw PlatformError(
                "control socket \(path): the path must have 1 to \(capacity - 1) bytes")
        }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8)
        }
        return address
    }

    private static func listen(_ path: String) throws(PlatformError) -> Int32 {
        let address = try address(path)
        try removeStale(path, address)
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw PlatformError("control socket: \(errorText(errno))") }
        let bound = unsafe withAddress(address) { unsafe bind(listener, $0, $1) }
        guard bound == 0, unsafe chmod(path, 0o600) == 0, Glibc.listen(listener, 16) == 0 else {
            let reason = errorText(errno)
            Glibc.close(listener)
            throw PlatformError("control socket \(path): \(reason)")
        }
        return listener
    }

    private static func removeStale(_ path: String, _ address: sockaddr_un) throws(PlatformError) {
        var info = stat()
        guard unsafe lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            throw PlatformError("control socket \(path): there is something else at this path")
        }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { Glibc.close(probe) }
        let connected = unsafe withAddress(address) { unsafe connect(probe, $0, $1) }
        guard connected != 0 else {
            throw PlatformError("control socket \(path): another process listens there")
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
