import Glibc
import Synchronization

/// An HTTP/1.1 server of one thread on the loopback address, which closes after each answer.
@safe
package final class LoopbackServer: Sendable {
    package struct Request: Sendable {
        package let line: String
        /// Lines as they came.
        package let headers: [String]
        /// As long as the request says it is.
        package let body: [UInt8]

        package var path: String {
            line.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        }
    }

    package struct Answer: Sendable {
        let status: Int
        let headers: [String]
        package let body: [UInt8]
        /// Nothing is said, and the connection stays open until the client goes.
        let isSilent: Bool
        /// Sent in place of an answer.
        let raw: [UInt8]?

        package init(
            status: Int = 200, headers: [String] = [], body: [UInt8] = [], isSilent: Bool = false,
            raw: [UInt8]? = nil
        ) {
            self.status = status
            self.headers = headers
            self.body = body
            self.isSilent = isSilent
            self.raw = raw
        }

        package static func json(_ text: String, status: Int = 200) -> Answer {
            Answer(status: status, body: Array(text.utf8))
        }
    }

    package let port: UInt16
    private let listening: Int32
    private let handler: @Sendable (Request) -> Answer
    private let seen = Mutex<[Request]>([])
    private let done = Mutex(false)

    package var requests: [Request] { seen.withLock { $0 } }
    package var url: String { "http://127.0.0.1:\(port)" }

    package init(_ handler: @escaping @Sendable (Request) -> Answer) throws {
        self.handler = handler
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listening = made
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(made, $0, size) == 0 && listen(made, 16) == 0
                    && getsockname(made, $0, &size) == 0
            }
        }
        guard bound else { throw LoopbackError() }
        port = UInt16(bigEndian: address.sin_port)
        let server = self
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(server)
        unsafe pthread_create(&thread, nil, runServer, context.toOpaque())
        pthread_detach(thread)
    }

    /// Takes no more connections.
    package func stop() {
        done.withLock { $0 = true }
        shutdown(listening, Int32(SHUT_RDWR))
    }

    fileprivate func run() {
        while true {
            let client = accept(listening, nil, nil)
            guard client >= 0, !done.withLock({ $0 }) else { break }
            serve(client)
            close(client)
        }
        close(listening)
    }

    private func serve(_ client: Int32) {
        var head: [UInt8] = []
        var byte: UInt8 = 0
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]), head.count < 65_536 {
            guard unsafe recv(client, &byte, 1, 0) == 1 else { return }
            head.append(byte)
            // The first byte of a client that begins TLS: it has no lines.
            if head == [0x16] { break }
        }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: " ").last ?? "") }
        var body: [UInt8] = []
        while body.count < length ?? 0 {
            guard unsafe recv(client, &byte, 1, 0) == 1 else { return }
            body.append(byte)
        }
        let request = Request(
            line: lines.first ?? "", headers: Array(lines.dropFirst()), body: body)
        seen.withLock { $0.append(request) }
        let answer = handler(request)
        if answer.isSilent {
            _ = unsafe recv(client, &byte, 1, 0)
            return
        }
        let head2 = ["HTTP/1.1 \(answer.status) X", "Content-Length: \(answer.body.count)"]
        let text = (head2 + answer.headers + ["Connection: close"]).joined(separator: "\r\n")
        let bytes = answer.raw ?? Array((text + "\r\n\r\n").utf8) + answer.body
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { whole in
                unsafe send(
                    client, whole.baseAddress?.advanced(by: sent), bytes.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }
}

private struct LoopbackError: Error {}

private func runServer(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context = unsafe context {
        unsafe Unmanaged<LoopbackServer>.fromOpaque(context).takeRetainedValue().run()
    }
    return nil
}
