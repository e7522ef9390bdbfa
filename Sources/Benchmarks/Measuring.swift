import Foundation
import Records
import Terminal

/// One thing that is timed, and what one run of it does.
struct TimedCase {
    let name: String
    let run: () throws -> Void
}

/// Times cases against each other: one run of each in turn, so that whatever slows the machine
/// slows all of them.
enum Measuring {
    /// - Returns: the median seconds of a run of each, in the order given.
    static func medians(_ cases: [TimedCase], rounds: Int) throws -> [Double] {
        var seconds = cases.map { _ in [Double]() }
        // The first run of each warms caches and memory and does not count.
        for timed in cases { try timed.run() }
        let clock = ContinuousClock()
        for _ in 0..<rounds {
            for (index, timed) in cases.enumerated() {
                let start = clock.now
                try timed.run()
                seconds[index].append((clock.now - start).inSeconds)
            }
        }
        return seconds.map(median)
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        if sorted.isEmpty { return .nan }
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Runs `body` on each of several threads and waits for all.
    static func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let group = DispatchGroup()
        for index in 1..<max(count, 1) {
            group.enter()
            Thread.detachNewThread {
                body(index)
                group.leave()
            }
        }
        body(0)
        group.wait()
    }
}

/// One line of a bench: what, how much of it a second, and what that is worth.
struct BenchRow: Encodable {
    let name: String
    let value: Double
    let unit: String
    var note: String?

    static func table(_ rows: [BenchRow]) -> String {
        var table = TextTable([("", .left), ("", .right), ("", .left), ("", .left)])
        for row in rows {
            let digits = row.value < 10 ? 3 : row.value < 1000 ? 1 : 0
            table.add(
                row.name, String(format: "%.\(digits)f", row.value), row.unit, row.note ?? "")
        }
        return table.rendered()
    }
}
