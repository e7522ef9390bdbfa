import ContinualLearning
import Foundation
import Records
import ResponseModel
import Testing

/// One made-up example; `number` tells it apart.
func makeExample(
    _ number: Int, user: String = "u1", label: Bool = false, discount: Double = 0,
    head: String = "click"
) -> MemoryExample {
    var example = MemoryExample(
        exampleId: "e\(number)", head: head, itemId: "item-\(number % 50)",
        exposure: Exposure(
            tsMs: 1_700_000_000_000 + Int64(number), user: user, price: 9.99,
            discount: discount,
            context: [("display", .number(Double(number % 2))), ("page", .text("home"))]),
        label: label, servedLogit: -2.25 + Double(number) * 1e-3,
        encoderVersion: UInt32(number / 100))
    example.weight = 1.5
    example.isFirst = number % 7 == 0
    return example
}

/// What a memory holds, as values that compare.
struct Held: Equatable {
    var id: String, head: String, item: String, user: String, context: String
    var tsMs: Int64, price: Double, discount: Double
    var label: Bool, weight: Double, logit: Double, version: UInt32, isCorrected: Bool
    var isFirst: Bool
    var sequence: UInt64, inclusion: Double

    init(_ weighted: WeightedExample) {
        self.init(weighted.example, inclusion: weighted.inclusionWeight)
    }

    init(_ example: MemoryExample, inclusion: Double) {
        id = example.exampleId
        head = example.head
        item = example.itemId
        user = example.exposure.user
        context = "\(example.exposure.context.map { "\($0.key)=\($0.value)" })"
        tsMs = example.exposure.tsMs
        price = example.exposure.price
        discount = example.exposure.discount
        label = example.label
        weight = example.weight
        logit = example.servedLogit
        version = example.encoderVersion
        isCorrected = example.isCorrected
        isFirst = example.isFirst
        sequence = example.sequence
        self.inclusion = inclusion
    }
}

extension ReplayMemory {
    var contents: [Held] {
        var contents: [Held] = []
        forEach { contents.append(Held($0)) }
        return contents
    }

    /// What a refresh that is under way sees.
    var heldContents: [Held] {
        var contents: [Held] = []
        forEachHeld { contents.append(Held($0)) }
        return contents
    }
}

@Suite("Replay memory")
struct ReplayMemoryTests {
    @Test("below capacity every example is held as it came, in order, with weight 1")
    func everything() {
        var memory = ReplayMemory(configuration: .init(capacity: 300, recent: 40))
        var expected: [MemoryExample] = []
        for number in 0..<300 {
            let example = makeExample(
                number, user: "u\(number % 7)", label: number % 5 == 0,
                discount: Double(number % 4) / 10)
            let sequence = memory.insert(example, category: "c\(number % 3)")
            #expect(sequence == UInt64(number))
            expected.append(example)
        }
        let held = memory.contents
        #expect(held.count == 300 && memory.count == 300)
        for (number, (held, example)) in zip(held, expected).enumerated() {
            var wanted = Held(example, inclusion: 1)
            wanted.sequence = UInt64(number)
            #expect(held == wanted)
        }
    }

    @Test("above capacity the newest are all held and the weights add up to the stream")
    func bounded() {
        var memory = ReplayMemory(configuration: .init(capacity: 400, recent: 100))
        var random = SeededRandom(seed: 4)
        for number in 0..<5_000 {
            memory.insert(
                makeExample(number, label: random.unit() < 0.03, discount: random.unit() * 0.3),
                category: ["a", "b"][number % 2])
        }
        let held = memory.contents
        #expect(held.count == 400)
        #expect(held.suffix(100).map(\.sequence) == Array(4_900..<5_000))
        #expect(held.suffix(100).allSatisfy { $0.inclusion == 1 })
        #expect(abs(held.reduce(0) { $0 + $1.inclusion } - 5_000) < 1e-6)
        // 3 % of the stream are positive; the sample holds far more of them than 3 %.
        let positives = held.prefix(300).count { $0.label }
        #expect(positives > 40, "\(positives) of 300 older examples are positive")
        let estimate = held.filter(\.label).reduce(0) { $0 + $1.inclusion }
        #expect(abs(estimate - 150) < 60, "stands for \(estimate) positives")
    }

    @Test("within a stratum old and new examples are equally likely to be kept")
    func uniform() {
        // 30 quarters of the stream, 400 seeds; the share of strata changes on the way.
        var kept = Array(repeating: 0, count: 10)
        for seed in 0..<400 as Range<UInt64> {
            var memory = ReplayMemory(configuration: .init(capacity: 60, recent: 10, seed: seed))
            for number in 0..<500 {
                let category = number > 250 && number % 2 == 0 ? "late" : "always"
                memory.insert(makeExample(number), category: category)
            }
            for held in memory.contents where held.sequence < 490 && held.sequence % 2 == 1 {
                kept[Int(held.sequence) / 49] += 1
            }
        }
        // Odd numbers are all of category "always". Chi-square with 9 degrees of freedom.
        let mean = Double(kept.reduce(0, +)) / 10
        let chi2 = kept.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) / mean }
        #expect(chi2 < 27.9, "chi-square \(chi2) of \(kept) (0.1 % point: 27.9)")
    }

    func found(_ memory: inout ReplayMemory, _ id: String, _ head: String, _ label: Bool) -> Bool {
        memory.correct(exampleId: id, head: head, label: label)
    }

    @Test("a correction rewrites the label wherever the example is, the newest of equal ids")
    func correct() {
        var memory = ReplayMemory(configuration: .init(capacity: 100, recent: 10))
        for number in 0..<50 { memory.insert(makeExample(number), category: nil) }
        #expect(found(&memory, "e3", "click", true))
        #expect(found(&memory, "e45", "click", true))
        #expect(found(&memory, "e7", "click", false))
        #expect(!found(&memory, "e3", "purchase", true))
        #expect(!found(&memory, "e50", "click", true))
        #expect(memory.contents.filter(\.label).map(\.id) == ["e3", "e45"])
        #expect(memory.contents.filter(\.isCorrected).map(\.id) == ["e3", "e45"])
        memory.insert(makeExample(45), category: nil)
        #expect(found(&memory, "e45", "click", true))
        #expect(memory.contents.filter(\.label).map(\.sequence) == [3, 45, 50])
        for number in 100..<400 { memory.insert(makeExample(number), category: nil) }
        #expect(abs(memory.contents.reduce(0) { $0 + $1.inclusion } - 351) < 1e-9)
    }

    @Test("nothing of a removed user is left, and its weight goes with it")
    func removeUser() {
        var memory = ReplayMemory(configuration: .init(capacity: 100, recent: 20))
        for number in 0..<1_000 {
            memory.insert(makeExample(number, user: "u\(number % 4)"), category: nil)
        }
        let before = memory.contents.count { $0.user == "u2" }
        let (first, second) = (memory.remove(user: "u2"), memory.remove(user: "u2"))
        #expect(first == before && second == 0)
        #expect(memory.count == 100 - before && before > 10)
        #expect(!memory.contents.contains { $0.user == "u2" })
        #expect(abs(memory.contents.reduce(0) { $0 + $1.inclusion } - 750) < 120)
        for number in 1_000..<2_000 {
            memory.insert(makeExample(number, user: "u\(number % 4)"), category: nil)
        }
        #expect(memory.count <= 100)
        #expect(memory.contents.suffix(20).map(\.sequence) == Array(1_980..<2_000))
        #expect(!found(&memory, "e2", "click", true))
    }

    @Test("examples are drawn as often as what they stand for")
    func draws() {
        var memory = ReplayMemory(configuration: .init(capacity: 80, recent: 20, seed: 9))
        for number in 0..<2_000 {
            memory.insert(makeExample(number, label: number % 10 == 0), category: nil)
        }
        let drawn = memory.draw(20_000)
        let positives = Double(drawn.count { $0.example.label }) / 20_000
        #expect(abs(positives - 0.1) < 0.01, "\(positives) of the draws are positive")
        let recent = Double(drawn.count { $0.example.sequence >= 1_980 }) / 20_000
        #expect(abs(recent - 0.01) < 0.003)
        var empty = ReplayMemory()
        let none = empty.draw(3)
        #expect(none.isEmpty)
    }

    @Test("a restored memory goes on bit for bit", arguments: 0..<12 as Range<UInt64>)
    func restore(_ seed: UInt64) throws {
        let configuration = ReplayMemory.Configuration(
            capacity: 120, recent: 30, categoriesMax: 3, seed: seed)
        var random = SeededRandom(seed: seed)
        var memory = ReplayMemory(configuration: configuration)
        var twin = memory
        var state = MemoryState()
        for number in 0..<900 {
            let label = random.unit() < 0.2
            let example = makeExample(
                number, user: "u\(random.next() % 20)", label: label,
                discount: random.unit() * 0.5, head: label ? "purchase" : "click")
            let category = random.unit() < 0.1 ? nil : "c\(random.next() % 5)"
            let target = "e\(random.next() % UInt64(number + 1))"
            let user = "u\(random.next() % 20)"
            let (corrects, removes, draws) = (
                random.unit() < 0.2, random.unit() < 0.01, random.unit() < 0.05
            )
            let holding = random.unit()
            for step in 0..<2 {
                var it = step == 0 ? memory : twin
                it.insert(example, category: category)
                if corrects { it.correct(exampleId: target, head: "click", label: true) }
                if removes { it.remove(user: user) }
                if draws { _ = it.draw(2) }
                if holding < 0.01 { it.hold() } else if holding > 0.98 { it.release() }
                if step == 0 { memory = it } else { twin = it }
            }
            guard random.unit() < 0.05 else { continue }
            var changes = StateChanges()
            memory.collectChanges(into: &changes)
            state.apply(changes)
            memory = try #require(
                try ReplayMemory.restore(configuration: configuration, from: state))
            let same =
                memory.contents == twin.contents && memory.heldContents == twin.heldContents
            try #require(same, "seed \(seed), after \(number)")
            let (mine, its) = (memory.draw(5), twin.draw(5))
            let alike = mine.map { Held($0) } == its.map { Held($0) }
            try #require(alike, "seed \(seed): draws differ after \(number)")
        }
        var changes = StateChanges()
        memory.collectChanges(into: &changes)
        state.apply(changes)
        var whole = StateChanges()
        twin.collectChanges(into: &whole)
        var fresh = MemoryState()
        fresh.apply(whole)
        let table = ReplayMemory.table
        let same = rows(of: table, in: state) == rows(of: table, in: fresh)
        #expect(same, "seed \(seed): rows differ")
    }

    @Test(
        "a held memory shows what it held, whatever comes in or is corrected, restored in between too"
    )
    func held() throws {
        let configuration = ReplayMemory.Configuration(capacity: 200, recent: 60, seed: 3)
        var memory = ReplayMemory(configuration: configuration)
        var state = MemoryState()
        func restored() throws -> ReplayMemory {
            var changes = StateChanges()
            memory.collectChanges(into: &changes)
            state.apply(changes)
            return try #require(
                try ReplayMemory.restore(configuration: configuration, from: state))
        }
        for number in 0..<700 { memory.insert(makeExample(number), category: "c\(number % 3)") }
        var twin = memory
        memory.hold()
        let then = memory.contents
        #expect(memory.heldContents == then)
        var converted = 0
        for number in 700..<900 {
            memory.insert(makeExample(number), category: "c\(number % 3)")
            twin.insert(makeExample(number), category: "c\(number % 3)")
            // Old ones and new ones, some of them twice.
            let corrected = "e\(number - 40 * (number % 4))"
            for label in number % 5 == 0 ? [true, false] : [true] {
                memory.correct(exampleId: corrected, head: "click", label: label, weight: 1)
                twin.correct(exampleId: corrected, head: "click", label: label, weight: 1)
            }
            if number % 50 == 0 { memory = try restored() }
        }
        #expect(memory.isHeld && memory.count == 400)
        memory.forEachConverted { _ in converted += 1 }
        #expect(memory.heldContents == then && converted > 20)
        let rest = memory.contents.dropFirst(200).map(\.sequence)
        #expect(rest == Array(700..<900))
        memory.release()
        #expect(memory.heldContents.isEmpty && memory.count == 200)
        #expect(memory.contents.suffix(60) == twin.contents.suffix(60))
        let (mine, others) = (memory.contents, try restored().contents)
        #expect(mine == others)
        #expect(abs(mine.reduce(0) { $0 + $1.inclusion } - 900) < 1e-6)
    }

    @Test("a commit holds the rows of what changed and no others")
    func rowsChanged() {
        var memory = ReplayMemory(configuration: .init(capacity: 200, recent: 50))
        var changes = StateChanges()
        for number in 0..<500 { memory.insert(makeExample(number), category: nil) }
        memory.collectChanges(into: &changes)
        #expect(changes.rows.count == 200 + 2, "examples, a stratum, the header")
        #expect(changes.rows.allSatisfy { $0.value != nil }, "nothing was written to remove")
        changes = StateChanges()
        memory.correct(exampleId: "e499", head: "click", label: true)
        memory.collectChanges(into: &changes)
        #expect(changes.rows.count == 2)
        changes = StateChanges()
        memory.insert(makeExample(500), category: nil)
        memory.collectChanges(into: &changes)
        #expect(changes.rows.count == 4, "one in, one out, a stratum, the header")
        #expect(memory.count == 200)
    }

    @Test("a memory restored with less room shrinks to it")
    func shrink() throws {
        var memory = ReplayMemory(configuration: .init(capacity: 200, recent: 100))
        for number in 0..<1_000 { memory.insert(makeExample(number), category: nil) }
        var changes = StateChanges()
        memory.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var small = try #require(
            try ReplayMemory.restore(configuration: .init(capacity: 50, recent: 20), from: state))
        let same = small.contents == memory.contents
        #expect(same)
        small.insert(makeExample(1_000), category: nil)
        #expect(small.count == 50)
        #expect(small.contents.suffix(20).map(\.sequence) == Array(981..<1_001))
        #expect(abs(small.contents.reduce(0) { $0 + $1.inclusion } - 1_001) < 1e-6)
        var large = try #require(
            try ReplayMemory.restore(configuration: .init(capacity: 300, recent: 150), from: state))
        for number in 1_000..<1_200 { large.insert(makeExample(number), category: nil) }
        #expect(large.count > 200 && large.count <= 300)
        #expect(abs(large.contents.reduce(0) { $0 + $1.inclusion } - 1_200) < 1e-6)
    }

    @Test("damaged rows are named")
    func damaged() throws {
        var memory = ReplayMemory(configuration: .init(capacity: 20, recent: 5))
        for number in 0..<60 { memory.insert(makeExample(number), category: "a") }
        var changes = StateChanges()
        memory.collectChanges(into: &changes)
        for row in changes.rows {
            var state = MemoryState()
            state.apply(changes)
            var cut = StateChanges()
            cut.put(row.table, row.key, Array(try #require(row.value).dropLast()))
            state.apply(cut)
            let error = #expect(throws: ContinualLearningError.self) {
                try ReplayMemory.restore(from: state)
            }
            #expect("\(error as Any)".contains(row.key.hex))
        }
        #expect(try ReplayMemory.restore(from: MemoryState()) == nil)
    }

    /// Other tests of the process take and give back memory meanwhile: the best of three counts.
    @Test("an example takes at most 200 bytes of memory")
    func footprint() throws {
        var memories: [ReplayMemory] = []
        let best = try (0..<3).map { _ in
            let before = try residentBytes()
            memories.append(filledMemory())
            return Double(try residentBytes() - before) / 200_000
        }.min()
        #expect(memories.allSatisfy { $0.count == 200_000 })
        #expect(try #require(best) <= 200, "\(best ?? 0) bytes an example")
    }

    /// As many examples as fit by default and some more, committed as they come.
    func filledMemory() -> ReplayMemory {
        var memory = ReplayMemory()
        for number in 0..<220_000 {
            memory.insert(
                makeExample(number, user: "store-\(number % 5_000)", label: number % 16 == 0),
                category: "Bag Snacks / Pretzels")
            if number % 1_000 == 0 {
                var changes = StateChanges()
                memory.collectChanges(into: &changes)
            }
        }
        return memory
    }
}

/// Second field of `/proc/self/statm`, in pages.
func residentBytes() throws -> Int {
    let statm = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return (Int(statm.split(separator: " ")[1]) ?? 0) * 4_096
}
