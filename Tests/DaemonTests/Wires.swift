import Foundation
import FoundationNetworking
import Events
import KafkaStream
import Records
import Synchronization

/// What a test asks of a daemon and its brokers, from whatever process it runs in.
enum Wires {
    /// Sends records and waits until the brokers have them.
    static func send(
        _ values: [[UInt8]?], to topic: String, brokers: String, key: String = "k",
        partition: Int32? = nil, compression: String = "lz4", client: [String: String] = [:],
        timestampMs: Int64? = nil
    ) throws {
        var options = ProducerOptions()
        options.compression = compression
        let producer = try KafkaProducer(
            KafkaConfiguration(brokers: brokers, topics: [], client: client), options: options)
        defer { producer.close() }
        for (index, value) in values.enumerated() {
            try producer.send(
                KafkaMessage(
                    topic: topic, partition: partition, key: Array(key.utf8), value: value,
                    timestampMs: timestampMs),
                token: UInt64(index))
        }
        guard producer.flush(timeoutMs: 60_000) else {
            throw DaemonFixture.Missing(what: "deliveries")
        }
        for delivery in producer.drainDeliveries() {
            guard case .delivered = delivery.result else {
                throw DaemonFixture.Missing(
                    what: "delivery of record \(delivery.token): \(delivery.result)")
            }
        }
    }

    /// Everything that is in a topic.
    static func read(_ topic: String, brokers: String) throws -> [SourceRecord] {
        var configuration = KafkaConfiguration(brokers: brokers, topics: [topic])
        configuration.fetchWaitMaxMs = 10
        var records: [SourceRecord] = []
        try KafkaConsumer.readAll(topic: topic, configuration: configuration) { record in
            records.append(record)
            return true
        }
        return records
    }

    /// Asks on the caller's thread, so that busy tests beside this one hold nothing up.
    static func ask(port: Int, _ path: String) -> HTTPAnswer? {
        ask(port: port, "GET \(path)", body: nil, token: nil)
    }

    /// - Parameters:
    ///   - line: method and path, as in `POST /v1/rollback`.
    ///   - key: by which the request is to be done once, as the header has it.
    static func ask(
        port: Int, _ line: String, body: String?, token: String?, key: String? = nil
    ) -> HTTPAnswer? {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, let url = URL(string: "http://127.0.0.1:\(port)\(parts[1])") else {
            return nil
        }
        var request = URLRequest(url: url)
        request.timeoutInterval = 60
        request.httpMethod = parts[0]
        if let body, !body.isEmpty {
            request.httpBody = Data(body.utf8)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        if let key { request.setValue(key, forHTTPHeaderField: "Idempotency-Key") }
        let done = DispatchSemaphore(value: 0)
        let answer = Mutex<HTTPAnswer?>(nil)
        URLSession.shared.dataTask(with: request) { data, response, _ in
            if let data, let http = response as? HTTPURLResponse {
                answer.withLock {
                    $0 = HTTPAnswer(
                        status: http.statusCode, body: String(decoding: data, as: UTF8.self),
                        headers: Dictionary(
                            http.allHeaderFields.map { ("\($0)".lowercased(), "\($1)") },
                            uniquingKeysWith: { $1 }))
                }
            }
            done.signal()
        }.resume()
        done.wait()
        return answer.withLock { $0 }
    }

    /// One that was free a moment ago. Not a server's own: starting one waits for threads that
    /// tests beside this one may hold.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                unsafe bind(descriptor, name, length) == 0
                    ? getsockname(descriptor, name, &length) : -1
            }
        }
        guard status == 0 else { throw DaemonFixture.Missing(what: "a free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

extension Wires {
    /// A connection to this machine on which nothing is said. The caller closes it.
    static func connect(port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            close(descriptor)
            throw DaemonFixture.Missing(what: "a connection to port \(port)")
        }
        return descriptor
    }
}

struct HTTPAnswer: Codable, Sendable {
    let status: Int
    let body: String
    var headers: [String: String] = [:]
}
