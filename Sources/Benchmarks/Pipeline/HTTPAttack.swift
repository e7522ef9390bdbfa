import Foundation
import Records
import Synchronization

/// Clients of the HTTP interface that mean harm, and one that asks whether the daemon lives.
///
/// Thread: all have threads of their own, from `start` until `stop`, which waits for them.
final class HTTPAttack: Sendable {
    struct Outcome: Sendable {
        var hostile = 0
        /// First lines of what came back, by status.
        var answers: [String: Int] = [:]
        var reconnects = 0
        /// Of `/live`, in milliseconds.
        var liveMs: [Double] = []
        /// Probes that were not answered with 200.
        var failures = 0
    }

    private static let madeAtOnce = 20

    private let port: Int
    private let outcome = Mutex(Outcome())
    private let isStopped = Atomic(false)
    private let isProbing = Atomic(true)
    private let running = DispatchGroup()

    init(port: Int) { self.port = port }

    var seen: Outcome { outcome.withLock { $0 } }

    private var goesOn: Bool { !isStopped.load(ordering: .relaxed) }

    func start(idle: Int, slow: Int, attackers: Int, requests: Int, seed: UInt64) {
        run { self.holdIdle(idle) }
        run { self.trickle(slow) }
        run { self.probe() }
        let left = Countdown(requests)
        for index in 0..<attackers {
            run { self.send(left, seed: seed &+ UInt64(index)) }
        }
    }

    /// From now on nobody asks whether the daemon lives: it is to end.
    func stopProbing() { isProbing.store(false, ordering: .relaxed) }

    func stop() {
        isStopped.store(true, ordering: .relaxed)
        running.wait()
    }

    private func run(_ body: @escaping @Sendable () -> Void) {
        running.enter()
        Thread.detachNewThread { [running] in
            body()
            running.leave()
        }
    }

    /// Connections that say nothing; those that are ended are made again, 2,000 a second at most.
    private func holdIdle(_ count: Int) {
        var held: [Held] = []
        var next = 0
        while goesOn {
            var made = 0
            var looked = 0
            while goesOn, made < Self.madeAtOnce, looked < count {
                looked += 1
                if held.count < count {
                    guard let socket = LoopbackSocket(port: port) else { break }
                    held.append(Held(socket))
                    made += 1
                    continue
                }
                next = (next + 1) % count
                guard held[next].socket.isEnded() else { continue }
                guard let socket = LoopbackSocket(port: port) else { break }
                held[next] = Held(socket)
                made += 1
                outcome.withLock { $0.reconnects += 1 }
            }
            usleep(10_000)
        }
    }

    /// Requests of which a byte comes now and then.
    private func trickle(_ count: Int) {
        let request = Array(
            "GET /live HTTP/1.1\r\nHost: shop\r\nX: \(String(repeating: "a", count: 4_000))".utf8)
        var held: [Held?] = Array(repeating: nil, count: count)
        var sent = Array(repeating: 0, count: count)
        while goesOn {
            for index in held.indices {
                if held[index] == nil || held[index]?.socket.isEnded() == true {
                    if held[index] != nil { outcome.withLock { $0.reconnects += 1 } }
                    sent[index] = 0
                    guard let socket = LoopbackSocket(port: port) else {
                        held[index] = nil
                        continue
                    }
                    held[index] = Held(socket)
                }
                held[index]?.socket.send([request[sent[index] % request.count]])
                sent[index] += 1
            }
            usleep(50_000)
        }
    }

    /// A probe on a connection of its own, fifty a second.
    private func probe() {
        let request = Array("GET /live HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".utf8)
        while goesOn, isProbing.load(ordering: .relaxed) {
            let start = ContinuousClock.now
            var isAlive = false
            if let socket = LoopbackSocket(port: port) {
                socket.send(request)
                isAlive = socket.receive().starts(with: "HTTP/1.1 200 ".utf8)
            }
            let ms = start.duration(to: .now).inSeconds * 1000
            guard isProbing.load(ordering: .relaxed) else { return }
            outcome.withLock { outcome in
                outcome.liveMs.append(ms)
                if !isAlive { outcome.failures += 1 }
            }
            usleep(20_000)
        }
    }

    private func send(_ left: Countdown, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        while goesOn, left.take() {
            let request = HostileRequest(&random)
            var status = "no answer"
            if let socket = LoopbackSocket(port: port, waitMs: 200) {
                if request.resets { socket.resetAtEnd() }
                socket.send(request.bytes)
                if request.reads {
                    let answer = String(decoding: socket.receive().prefix(12), as: UTF8.self)
                    if answer.hasPrefix("HTTP/1.1 ") { status = String(answer.suffix(3)) }
                } else {
                    status = "not read"
                }
            } else {
                status = "no connection"
            }
            outcome.withLock { outcome in
                outcome.hostile += 1
                outcome.answers[status, default: 0] += 1
            }
        }
    }

    /// A socket in an array.
    private final class Held {
        let socket: LoopbackSocket
        init(_ socket: consuming LoopbackSocket) { self.socket = socket }
    }

    /// How many requests are still to be sent.
    private final class Countdown: Sendable {
        private let left: Atomic<Int>
        init(_ count: Int) { left = Atomic(count) }
        func take() -> Bool { left.subtract(1, ordering: .relaxed).newValue >= 0 }
    }
}
