import Records
import ResponseModel
import Testing

@Suite struct BoundsTests {
    @Test("sizes stay within their bounds whatever comes, and learning goes on")
    func bounded() throws {
        var configuration = HeadConfiguration()
        configuration.slotCountMax = 8
        configuration.denseCountMax = 5
        configuration.tailPageCountMax = 100
        configuration.ownerPageCountMax = 3
        configuration.priorEventCount = 100
        var head = ResponseHead(name: "click", dimension: 2, configuration: configuration)
        var random = SeededRandom(seed: 4)
        for index in 0..<3000 {
            let context = (0..<12).map { key in
                (
                    key: "key \(key + index % 40)",
                    value: key % 3 == 0
                        ? ContextValue.text("\(random.next())") : .number(random.unit())
                )
            }
            let exposure = Exposure(
                tsMs: Int64(index) * 3_600_000, user: index % 3 == 0 ? "bot" : "u\(index)",
                price: random.unit() * 1e6 + 0.01, discount: random.unit(), context: context)
            let angle = Float(index % 7)
            let item = ItemFeatures(
                id: "\(random.next() % 500)", category: "c\(random.next() % 90)", brand: nil,
                vector: [angle / 10, 1 - angle / 10])
            let made = try head.learn(exposure, item: item, label: random.unit() < 0.2)
            #expect(made.logit.isFinite && made.variance > 0)
        }
        #expect(head.summary.denseEffects == 5)
        #expect(head.summary.itemSlots == 8)
        #expect(head.summary.coreEntries == 2 + 2 + 5 + 8)
        #expect(head.summary.tailPages <= 100)
        #expect(head.summary.repairs == 0)
        #expect(head.posterior.tail.pages.allSatisfy { $0.pageCount <= 3 })
    }

    @Test("one clock far ahead does not stop the drift, and extremes of any number do not trap")
    func extremes() throws {
        var configuration = HeadConfiguration()
        configuration.flagCountMax = 1000
        configuration.blockEventCount = 4
        configuration.denseCountMax = 500
        var head = ResponseHead(name: "click", dimension: 0, configuration: configuration)
        let times: [Int64] = [0, 1000, .max, 2000, .min, 3000, 7_200_000]
        let flags = (0..<40).map { (key: "flag \($0)", value: ContextValue.number(1e300)) }
        for (index, tsMs) in (times + times).enumerated() {
            for price in [1e-300, 1, Double.greatestFiniteMagnitude] {
                let exposure = Exposure(
                    tsMs: tsMs, user: "", price: price, discount: 0.999, context: flags)
                let item = ItemFeatures(id: "", category: " / ", brand: "")
                let made = try head.learn(
                    exposure, item: item, label: index % 2 == 0, weight: index % 3 == 0 ? 1e6 : 1)
                #expect(made.logit.isFinite && made.variance.isFinite && made.variance > 0)
            }
        }
        #expect(head.present.driftHours == 2)
        #expect(head.posterior.tail.cells.precision.allSatisfy { $0.isFinite })
    }

    @Test("the owner seen longest ago is evicted, and nobody else")
    func eviction() {
        var configuration = HeadConfiguration()
        configuration.tailPageCountMax = 64
        var tail = Tail(configuration)
        var expected: [UInt64] = []
        var random = SeededRandom(seed: 2)
        for step in 0..<5000 {
            let hash = random.next() % 90 + 1
            let since = tail.touches
            let page = tail.touch(.user, hash, since: since)
            let cell = tail.cell(hash &* 7919, owner: page, group: .user, since: since)
            #expect(page >= 0 && cell >= 0)
            tail.cells.precision[Int(cell)] = 1
            expected.removeAll { $0 == hash }
            expected.append(hash)
            if expected.count > 64 { expected.removeFirst() }
            if step % 500 == 0 {
                for owner in 1...90 as ClosedRange<UInt64> {
                    #expect((tail.owner(owner) >= 0) == expected.contains(owner))
                    #expect((tail.cell(owner &* 7919) >= 0) == expected.contains(owner))
                }
            }
        }
    }

    @Test("erasing a user leaves no effect of theirs, and the rest as it was")
    func erasure() throws {
        var stream = Stream(seed: 12, spread: 20)
        var head = ResponseHead(name: "click", dimension: stream.dimension)
        for example in stream.examples(500) { try head.learn(example) }
        let pages = head.summary.tailPages
        var changes = StateChanges()
        head.collectChanges(into: &changes)
        let first = head.erase(user: "user 3")
        let second = head.erase(user: "user 3")
        #expect(first && !second)
        #expect(head.summary.tailPages < pages)
        changes = StateChanges()
        head.collectChanges(into: &changes)
        #expect(changes.rows.contains { $0.value == nil && $0.table.name == "click.users" })
        #expect(!changes.rows.contains { $0.table.name == "click.tail" })
        let example = stream.next()
        var exposure = example.exposure
        exposure.user = "user 3"
        let erased = try head.predict(exposure, item: example.item)
        exposure.user = "nobody"
        #expect(try head.predict(exposure, item: example.item) == erased)
    }

    @Test("the index finds what was added and not removed")
    func index() {
        var index = StableIndex()
        var expected: [UInt64: Int32] = [:]
        var random = SeededRandom(seed: 3)
        for step in 0..<20_000 {
            // Few distinct low bits make long runs of neighbours.
            let key = random.next() % 64 | (random.next() % 200) << 32
            if expected[key] == nil {
                index.insert(key, Int32(step))
                expected[key] = Int32(step)
            } else if random.unit() < 0.6 {
                index.remove(key)
                expected[key] = nil
            }
        }
        #expect(index.count == expected.count)
        for low in 0..<64 as Range<UInt64> {
            for high in 0..<200 as Range<UInt64> {
                let key = low | high << 32
                #expect(index.value(key) == expected[key] ?? -1)
            }
        }
    }

    @Test("an indefinite covariance is repaired, counted, and learned on")
    func repair() throws {
        var stream = Stream(seed: 13, spread: 20)
        var head = ResponseHead(name: "click", dimension: stream.dimension)
        for example in stream.examples(700) { try head.learn(example) }
        // A correlation above one, as no rounding would make it.
        head.posterior.core.covariance[GaussianCore.rowStart(3) + 2] = 5
        head.posterior.core.covariance[GaussianCore.rowStart(4) + 4] = -1
        head.posterior.core.endBlock()
        #expect(head.summary.repairs == 1)
        for example in stream.examples(700) {
            let made = try head.learn(example)
            #expect(made.logit.isFinite && made.variance > 0)
        }
        #expect(head.summary.repairs == 1)
    }
}
