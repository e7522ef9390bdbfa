import Records
import ResponseModel
import Testing

/// What was promised of decisions is held against what came of them.
@Suite struct PromiseWatchTests {
    static let startMs: Int64 = 1_700_000_000_000
    static let dayMs: Int64 = 86_400_000

    /// Decisions a minute apart, expected at logits about -2.2, bought at odds `off` times as large.
    private static func watched(
        decisions: Int, off: Double, seed: UInt64 = 1, _ watch: PromiseWatch = PromiseWatch()
    ) -> (watch: PromiseWatch, found: [(at: Int, PromiseWatch.Finding)]) {
        var random = SeededRandom(seed: seed)
        var watch = watch
        var found: [(at: Int, PromiseWatch.Finding)] = []
        for number in 0..<decisions {
            let ms = startMs + Int64(number) * 60_000
            let expected = -2.2 + 0.5 * random.normal()
            watch.hear(
                random.unit() < logistic(expected + naturalLogarithm(off)), expected: expected,
                atMs: ms, .init(nowMs: ms, weight: 1), labelsMs: dayMs)
            if let finding = watch.advance(toMs: ms, labelsMs: dayMs) {
                found.append((number, finding))
                watch.restart(fromMs: ms)
            }
        }
        return (watch, found)
    }

    @Test("odds within a quarter are as expected", arguments: [0.8, 1, 1.25])
    func within(off: Double) {
        for seed in 1...3 {
            let (watch, found) = Self.watched(decisions: 30_000, off: off, seed: UInt64(seed))
            #expect(found.isEmpty && watch.more == 0 && watch.less == 0)
        }
    }

    @Test("what is bought at twice or half the odds is found within a few days")
    func found() throws {
        for (off, finding) in [(2.0, PromiseWatch.Finding.more), (0.5, .less)] {
            let (watch, found) = Self.watched(decisions: 8_000, off: off)
            let first = try #require(found.first)
            // A day of labels, 1,440 decisions, comes before a look.
            #expect((1_440..<7_000).contains(first.at), "\(found)")
            #expect(found.allSatisfy { $0.1 == finding })
            #expect(watch.more + watch.less == found.count)
        }
    }

    /// Purchases are told within an hour, that there was none a day after the decision.
    private static func delayed(
        _ days: Range<Int>, off: Double = 1, restartAtDay: Int? = nil, _ watch: inout PromiseWatch
    ) -> [PromiseWatch.Finding] {
        var random = SeededRandom(seed: 7)
        struct Told {
            let atMs: Int64
            let decidedMs: Int64
            let label: Bool
        }
        var labels: [Told] = []
        for number in 0..<days.upperBound * 1_440 {
            let ms = startMs + Int64(number) * 60_000
            let isBought = random.unit() < logistic(-2.2 + naturalLogarithm(off))
            guard number >= days.lowerBound * 1_440 else { continue }
            labels.append(
                Told(
                    atMs: ms + (isBought ? Int64(3_600_000 * random.unit()) : dayMs),
                    decidedMs: ms, label: isBought))
        }
        labels.sort { $0.atMs < $1.atMs }
        var found: [PromiseWatch.Finding] = []
        var restartMs = restartAtDay.map { startMs + Int64($0) * dayMs }
        for told in labels {
            if let ms = restartMs, told.atMs >= ms {
                watch.restart(fromMs: ms)
                restartMs = nil
            }
            watch.hear(
                told.label, expected: -2.2, atMs: told.decidedMs,
                .init(nowMs: told.atMs, weight: 1), labelsMs: dayMs)
            if let finding = watch.advance(toMs: told.atMs, labelsMs: dayMs) {
                found.append(finding)
                watch.restart(fromMs: told.atMs)
            }
        }
        return found
    }

    @Test("decisions of which some labels were told before one listened do not count")
    func midway() {
        var fresh = PromiseWatch()
        #expect(Self.delayed(0..<12, &fresh).isEmpty)
        #expect(fresh.report.rows > 2_000)
        // Begun anew half-way, as after a rollback: what is still told of the days before are negatives alone.
        for day in [3, 6] {
            var watch = PromiseWatch()
            #expect(Self.delayed(0..<12, restartAtDay: day, &watch).isEmpty)
        }
        // After a finding it does not sound for what it has found again and again.
        var doubled = PromiseWatch()
        let found = Self.delayed(0..<12, off: 2, &doubled)
        #expect(!found.isEmpty && found.allSatisfy { $0 == .more }, "\(found)")
    }

    @Test("the figures are what was expected and what came, of decisions whose labels are there")
    func figures() {
        let (watch, _) = Self.watched(decisions: 20_000, off: 1)
        let report = watch.report
        #expect((3_000...5_000).contains(report.rows), "\(report)")
        #expect(abs(report.bought - report.expected) < 0.02, "\(report)")
        #expect((0.09...0.13).contains(report.expected), "\(report)")
        #expect(PromiseWatch().report.expected == 0)
    }

    @Test("the watch is kept bit for bit, and refuses what it cannot have written")
    func state() throws {
        let (watch, _) = Self.watched(decisions: 3_000, off: 1.6)
        var writer = ByteWriter()
        watch.write(to: &writer)
        var reader = ByteReader(writer.bytes)
        let read = try PromiseWatch(from: &reader)
        try reader.finish()
        #expect(read == watch)
        let restored = try #require(read)
        let one = Self.watched(decisions: 3_000, off: 1.6, seed: 9, watch)
        let other = Self.watched(decisions: 3_000, off: 1.6, seed: 9, restored)
        #expect(one.watch == other.watch && one.found.map(\.at) == other.found.map(\.at))
        var damaged = writer.bytes
        // The sign of the first sum.
        damaged[4 + 7] |= 0x80
        var damagedReader = ByteReader(damaged)
        #expect(writer.bytes[4..<12].contains { $0 != 0 })
        #expect(try PromiseWatch(from: &damagedReader) == nil)
    }
}
