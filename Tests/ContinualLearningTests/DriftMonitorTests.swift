import ContinualLearning
import Foundation
import Records
import Testing

@Suite("Drift monitor")
struct DriftMonitorTests {
    /// Labels drawn from probabilities that the predictions know, until they are off by `shift`.
    private func alarms(
        seed: UInt64, examples: Int, shiftedFrom: Int = .max, shift: Double = 0
    ) -> (DriftMonitor, first: Int?) {
        var random = SeededRandom(seed: seed)
        var monitor = DriftMonitor()
        var first: Int?
        for number in 0..<examples {
            let logit = -2 + random.normal()
            let truth = logit + (number >= shiftedFrom ? shift : 0)
            let label = random.unit() < 1 / (1 + exp(-truth))
            if monitor.observe(logit: logit, label: label), first == nil { first = number }
        }
        return (monitor, first)
    }

    @Test("over calibrated predictions hardly a detector sounds; the dummy does at its pace")
    func calm() {
        var falseAlarms = 0
        for seed in 0..<20 as Range<UInt64> {
            let (monitor, _) = alarms(seed: seed, examples: 20_000)
            falseAlarms += monitor.alarms.pageHinkley + monitor.alarms.adwin
            #expect(monitor.alarms.dummy == 4)
        }
        #expect(falseAlarms <= 2, "\(falseAlarms) in 400,000 examples")
    }

    @Test("labels that leave the predictions are found within 5,000 examples, and not before")
    func shift() throws {
        for seed in 0..<10 as Range<UInt64> {
            let (monitor, first) = alarms(
                seed: seed, examples: 20_000, shiftedFrom: 10_000, shift: 1.5)
            let found = try #require(first, "seed \(seed)")
            #expect((10_000..<15_000).contains(found), "seed \(seed): \(found)")
            #expect(monitor.alarms.pageHinkley + monitor.alarms.adwin >= 1)
        }
    }

    @Test("a stored monitor goes on to the same bits; damage is named")
    func state() throws {
        var (one, _) = alarms(seed: 3, examples: 7_001, shiftedFrom: 5_000, shift: 2)
        var other = try DriftMonitor(record: one.record, key: [1])
        #expect(one == other)
        var random = SeededRandom(seed: 4)
        for _ in 0..<2_000 {
            let (logit, label) = (random.normal(), random.unit() < 0.3)
            let both = [
                one.observe(logit: logit, label: label), other.observe(logit: logit, label: label),
            ]
            #expect(both[0] == both[1])
        }
        #expect(one.record == other.record)
        #expect(throws: ContinualLearningError.self) {
            try DriftMonitor(record: [1, 2, 3], key: [1])
        }
        let before = one
        let taken = one.observe(logit: .nan, label: true)
        #expect(!taken && one == before)
    }
}
