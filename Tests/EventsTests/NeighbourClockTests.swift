import Events
import Records
import Testing

@Suite struct NeighbourClockTests {
    private let wrongMs: Int64 = 4_070_908_800_000  // 2099

    /// The places of the times that are refused.
    private func refused(_ times: [Int64?], skewMaxMs: Int64 = 300_000) -> [Int] {
        var clock = NeighbourClock<Int>(skewMaxMs: skewMaxMs)
        var released: [NeighbourClock<Int>.Released] = []
        for (index, time) in times.enumerated() {
            if let one = clock.push(index, tsMs: time) { released.append(one) }
        }
        while let one = clock.pop() { released.append(one) }
        #expect(released.map(\.element) == Array(times.indices), "each once, in order")
        return released.filter { $0.aheadMs != nil }.map(\.element)
    }

    private func steady(_ count: Int, gapMs: Int64 = 1000) -> [Int64?] {
        (0..<Int64(count)).map { 1_700_000_000_000 + $0 * gapMs }
    }

    @Test("an event of 2099 is refused, wherever in the log it stands", arguments: [0, 1, 50, 299])
    func wrongClock(place: Int) {
        var times = steady(300)
        times[place] = wrongMs
        #expect(refused(times) == [place])
    }

    @Test("wrong clocks close to each other do not vouch for one another")
    func wrongClocks() {
        var times = steady(300)
        for place in 100..<105 { times[place] = wrongMs }
        #expect(refused(times) == Array(100..<105))
    }

    @Test("a log of a few lines is told by a year")
    func shortLog() {
        #expect(refused([1000, 2000, wrongMs, 3000]) == [2])
        #expect(refused([1000, 2000, 30 * 86_400_000]) == [])
        #expect(refused([wrongMs]) == [])
        #expect(refused([]) == [])
    }

    @Test("nights, years and disorder are no wrong clocks")
    func noWrongClock() {
        var times = steady(200)
        times += times.map { $0! + 3 * 366 * 86_400_000 }
        #expect(refused(times) == [])
        var random = SeededRandom(seed: 3)
        let shuffled = (0..<2000).map { (Int64($0) * 1000, Double($0) + random.unit() * 600) }
            .sorted { $0.1 < $1.1 }.map { Optional($0.0) }
        #expect(refused(shuffled) == [])
    }

    @Test("what has no time of its own waits for its turn and vouches for nobody")
    func untimed() {
        var times: [Int64?] = steady(100)
        times.insert(contentsOf: [Int64?](repeating: nil, count: 3000), at: 50)
        times[20] = wrongMs
        #expect(refused(times) == [20])
    }
}
