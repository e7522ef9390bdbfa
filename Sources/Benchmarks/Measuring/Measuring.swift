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

    /// The value that a share of all lies below; NaN of none.
    static func quantile(_ share: Double, ofSorted values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        return values[min(values.count - 1, Int(share * Double(values.count)))]
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
