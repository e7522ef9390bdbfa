import Simulator
import Testing

@Suite struct DelayedStreamTests {
    @Test("purchases come as late as the plan says, inside the window, and as often as the truth")
    func delays() throws {
        var plan = DelayedStream.Plan(
            startMs: 1_750_000_000_000, gapMs: 10_000, windowMs: 86_400_000)
        plan.shift = 0.5
        var stream = DelayedStream(world: try World(seed: 4), plan: plan)
        let visits = (0..<60_000).map { _ in stream.next() }
        #expect(zip(visits, visits.dropFirst()).allSatisfy { $0.tsMs <= $1.tsMs })
        let delays = visits.compactMap { visit in visit.purchaseMs.map { $0 - visit.tsMs } }
        #expect(delays.allSatisfy { (1..<plan.windowMs).contains($0) })
        let expected = visits.reduce(0) { $0 + $1.conversion }
        #expect(abs(Double(delays.count) / expected - 1) < 0.05)
        for elapsedMs: Int64 in [60_000, 600_000, 3_600_000, 36_000_000] {
            let share = Double(delays.count { $0 > elapsedMs }) / Double(delays.count)
            #expect(abs(share - stream.shareAfter(elapsedMs)) < 0.02, "\(elapsedMs) ms: \(share)")
        }
        #expect(stream.shareAfter(0) == 1 && stream.shareAfter(plan.windowMs) == 0)
    }
}
