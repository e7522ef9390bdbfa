import Foundation
import Glibc

/// A TCP proxy between clients and a real broker that can cut connections and slow them down.
///
/// `TIDEMARK_TEST_PROXY=host:port` names the broker's own address; the proxy then listens at
/// `TIDEMARK_TEST_BROKERS`, which the broker must advertise.
/// `@unchecked Sendable`: its state is under `lock`; every connection has a thread of its own.
final class TCPProxy: @unchecked Sendable {
    static let shared: TCPProxy? = {
        let environment = ProcessInfo.processInfo.environment
        guard let upstream = environment["TIDEMARK_TEST_PROXY"].flatMap(port),
            let own = environment["TIDEMARK_TEST_BROKERS"].flatMap(port)
        else { return nil }
        return TCPProxy(listen: own, upstream: upstream)
    }()

    private let lock = NSLock()
    private var open: Set<Int32> = []
    private var isCut = false
    private var delayMs = 0

    private static func port(_ address: String) -> UInt16? {
        address.split(separator: ":").last.flatMap { UInt16($0) }
    }

    private init?(listen port: UInt16, upstream: UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        unsafe setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(4))
        guard unsafe Self.withAddress(port, { unsafe bind(listener, $0, $1) }) == 0,
            Glibc.listen(listener, 128) == 0
        else { return nil }
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { continue }
                serve(client, upstream)
            }
        }
    }

    func cut() {
        lock.withLock {
            isCut = true
            for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    func slow(ms: Int) { lock.withLock { delayMs = ms } }

    func heal() {
        lock.withLock {
            isCut = false
            delayMs = 0
        }
    }

    private func serve(_ client: Int32, _ upstream: UInt16) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let refused = lock.withLock { isCut }
        guard !refused, unsafe Self.withAddress(upstream, { unsafe connect(server, $0, $1) }) == 0
        else {
            close(client)
            close(server)
            return
        }
        lock.withLock { open.formUnion([client, server]) }
        let ends = Ends()
        for (from, to) in [(client, server), (server, client)] {
            Thread.detachNewThread { [self] in
                pump(from, to)
                shutdown(from, Int32(SHUT_RDWR))
                shutdown(to, Int32(SHUT_RDWR))
                guard ends.isSecond() else { return }
                lock.withLock { open.subtract([client, server]) }
                close(client)
                close(server)
            }
        }
    }

    private func pump(_ from: Int32, _ to: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe read(from, &buffer, buffer.count)
            guard count > 0 else { return }
            let delay = lock.withLock { delayMs }
            if delay > 0 { usleep(UInt32(delay) * 1000) }
            var sent = 0
            while sent < count {
                let written = unsafe buffer[sent..<count].withUnsafeBytes {
                    unsafe send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard written > 0 else { return }
                sent += written
            }
        }
    }

    /// The second of two directions to end closes both sockets.
    private final class Ends: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        func isSecond() -> Bool {
            lock.withLock {
                count += 1
                return count == 2
            }
        }
    }

    private static func withAddress(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
