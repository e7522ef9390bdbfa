import ContinualLearning
import Foundation
import Records
import Testing

@Suite struct LevelHistoryTests {
    private static func category(_ name: String) -> LevelHistory.Category {
        LevelHistory.Category(head: "purchase", name: name)
    }

    /// One hour: 40 anchors of each category, which heads now see `levels` higher than when they came.
    private static func add(
        _ levels: [String: Double], hour: Int64, to history: inout LevelHistory
    ) {
        var meter = LevelMeter(oldUntilMs: (hour - 1) * 3_600_000, every: 10)
        for (name, level) in levels.sorted(by: { $0.key < $1.key }) {
            for number in 0..<40 {
                let served = -3 + Double(number) / 20
                meter.add(
                    category(name), logit: served + level, served: served,
                    label: number % 4 == 0, weight: 1, tsMs: 0)
            }
        }
        history.add(meter, next: UInt64(hour) * 100, tsMs: hour * 3_600_000)
    }

    @Test("a category's movement is summed from a step on, and halved in the middle of a step")
    func moved() {
        var history = LevelHistory()
        Self.add(["a": 0, "b": 0], hour: 1, to: &history)
        Self.add(["a": 0.3, "b": 0.2], hour: 2, to: &history)
        Self.add(["a": 0.4, "b": 0.2], hour: 3, to: &history)
        let movement = history.movement(since: 0)
        func moved(_ hour: Double) -> Double {
            movement.logits(Self.category("a"), atMs: Int64(hour * 3_600_000))
        }
        #expect(abs(moved(1.5) - 0.15) < 1e-12)
        #expect(abs(moved(2.5) - 0.35) < 1e-12)
        #expect(abs(moved(3.5) - 0.4) < 1e-12)
        #expect(
            abs(history.movement(since: 1).logits(Self.category("a"), atMs: 4 * 3_600_000) - 0.1)
                < 1e-12)
        #expect(abs(movement.logits(Self.category("b"), atMs: 4 * 3_600_000) - 0.2) < 1e-12)
        #expect(movement.logits(Self.category("unheard of"), atMs: 4 * 3_600_000) == 0)
        // Ten of forty anchors, each standing for ten examples.
        #expect(history.steps[0].positives[Self.category("a")] == 100)
    }

    @Test("a category that had no anchors before is not said to have moved")
    func unknown() {
        var history = LevelHistory()
        Self.add(["a": 0], hour: 1, to: &history)
        Self.add(["a": 1, "new": 5], hour: 2, to: &history)
        #expect(history.movement(since: 0).logits(Self.category("new"), atMs: 3 * 3_600_000) == 0)
    }

    @Test("of ever more categories a step keeps those with the most anchors")
    func bounded() {
        var history = LevelHistory()
        for hour in 1...3 as ClosedRange<Int64> {
            var meter = LevelMeter(oldUntilMs: 0, every: 10)
            for number in 0..<5_000 {
                for _ in 0..<(number < 10 ? 40 : 1) {
                    let name = number < 10 ? "large \(number)" : "new \(hour) \(number)"
                    meter.add(
                        Self.category(name), logit: -2, served: -3, label: false, weight: 1,
                        tsMs: 0)
                }
            }
            history.add(meter, next: UInt64(hour), tsMs: hour * 3_600_000)
        }
        for step in history.steps {
            #expect(step.positives.count == LevelHistory.categoriesMax)
            #expect((0..<10).allSatisfy { step.positives[Self.category("large \($0)")] != nil })
        }
    }

    @Test("windows go back twice as far each other time, and no further than they may")
    func windows() {
        var history = LevelHistory()
        #expect(history.windows(nowMs: 0, spanMs: .max) == [])
        for hour in 1...200 as ClosedRange<Int64> { Self.add(["a": 0], hour: hour, to: &history) }
        #expect(history.steps.count == LevelHistory.countMax)
        let now = 200 * 3_600_000 as Int64
        let all = history.windows(nowMs: now, spanMs: .max / 2)
        #expect(all == [63, 62, 61, 60, 58, 56, 52, 48, 40, 32, 16, 0])
        #expect(all.count == LevelHistory.windowsMax)
        #expect(history.windows(nowMs: now, spanMs: 3 * 3_600_000) == [63, 62, 61, 60])
    }

    @Test("heads that have gone back are held against the levels from before")
    func goesBack() {
        var history = LevelHistory()
        Self.add(["a": 0], hour: 1, to: &history)
        Self.add(["a": 0.1], hour: 2, to: &history)
        let before = history
        Self.add(["a": 0.9], hour: 3, to: &history)
        history.goBack(to: 250)
        #expect(history == before)
        Self.add(["a": 0.3], hour: 4, to: &history)
        let moved = history.movement(since: 0).logits(
            Self.category("a"), atMs: 5 * 3_600_000)
        #expect(abs(moved - 0.3) < 1e-12)
    }

    @Test("what was written is read again, and what is damaged is refused")
    func record() throws {
        var history = LevelHistory()
        Self.add(["a": 0, "b": 0], hour: 1, to: &history)
        Self.add(["a": 0.5, "b": 0.1], hour: 2, to: &history)
        var writer = ByteWriter()
        history.write(to: &writer)
        var reader = ByteReader(writer.bytes)
        #expect(try LevelHistory(from: &reader) == history)
        try reader.finish()
        for length in 0..<writer.bytes.count {
            var short = ByteReader(Array(writer.bytes.prefix(length)))
            #expect(throws: ByteCodingError.self) { try LevelHistory(from: &short) }
        }
    }
}
