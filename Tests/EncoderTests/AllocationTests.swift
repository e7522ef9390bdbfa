import CAllocationCount
import Testing

import Encoder

@Suite("A training step allocates nothing once it is warm")
struct AllocationTests {
    @Test("the counter counts")
    func counter() async {
        await #expect(processExitsWith: .success) {
            allocation_count_start()
            let text = String(repeating: "x", count: 1_000)
            let values = (0..<100).map { $0 }
            let count = allocation_count_stop()
            precondition(count >= 2 && text.utf8.count == 1_000 && values.count == 100)
        }
    }

    // In processes of their own, so that no other test's allocations are counted.

    @Test("on one thread, LoRA on two layers")
    func oneThread() async {
        await #expect(processExitsWith: .success) {
            try expectNone(threads: 1, .init(rank: 8, layers: [1, 2]))
        }
    }

    @Test("on two threads, LoRA on every matrix of every layer, with dropout")
    func twoThreads() async {
        await #expect(processExitsWith: .success) {
            try expectNone(
                threads: 2,
                .init(rank: 4, dropout: 0.1, targets: AdapterTarget.allCases, layers: [0, 1, 2]))
        }
    }

    @Test("on four threads, bottlenecks")
    func bottlenecks() async {
        await #expect(processExitsWith: .success) {
            try expectNone(
                threads: 4,
                .init(kind: .houlsby, rank: 6, targets: [.attentionOutput, .output], layers: [2]))
        }
    }
}

/// Trains over a few batches until everything is warm, then counts over the same batches.
private func expectNone(threads: Int, _ configuration: AdapterConfiguration) throws {
    let base = try Fixture.base("gelu-mean")
    var adapters = try Adapters(configuration: configuration, base: base, seed: 1)
    let encoder = try TextEncoder(
        base: base, adapters: adapters, maxTokens: 64, threads: threads, prefixCacheBytes: 1 << 22)
    var optimizer = AdamW(.init(warmupSteps: 3), for: adapters)
    var gradient = AdapterGradient(adapters)
    let batches = (0..<5).map { someTexts(20 + $0, longest: 40, seed: UInt64($0)) }
    func pass() throws {
        for (number, batch) in batches.enumerated() {
            try unsafe encoder.trainStep(
                texts: batch, dropoutSeed: UInt64(number), into: &gradient, upstream: push)
            let outcome = optimizer.step(&adapters, gradient)
            precondition(!outcome.skippedNonFinite)
            try encoder.setAdapters(adapters)
        }
    }
    for _ in 0..<3 { try pass() }
    allocation_count_start()
    try pass()
    let count = allocation_count_stop()
    precondition(count == 0, "\(count) allocations in \(batches.count) steps")
}
