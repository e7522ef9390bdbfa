import Pricing
import Records
import Testing

@Suite struct SlateTests {
    /// Every set of candidates within the bounds: the most that one is worth.
    private func most(_ candidates: [Slate.Candidate], _ slate: Slate) -> Double {
        var best = 0.0
        for set in 0..<(1 << candidates.count) {
            let chosen = candidates.indices.filter { set & (1 << $0) != 0 }.map { candidates[$0] }
            guard chosen.count <= slate.count, fits(chosen, slate) else { continue }
            best = max(best, chosen.reduce(0) { $0 + $1.worth })
        }
        return best
    }

    private func fits(_ chosen: [Slate.Candidate], _ slate: Slate) -> Bool {
        func holds(_ names: [String?], _ most: Int?) -> Bool {
            let counts = Dictionary(grouping: names.compactMap(\.self)) { $0 }
            return most.map { most in counts.values.allSatisfy { $0.count <= most } } ?? true
        }
        return holds(chosen.map(\.category), slate.perCategory)
            && holds(chosen.map(\.brand), slate.perBrand)
    }

    @Test("in 2,000 random cases no set of candidates within the bounds is worth more")
    func exact() throws {
        var random = SeededRandom(seed: 20_270_105)
        func pick<T>(_ values: [T]) -> T { values[Int(random.unit() * Double(values.count))] }
        var bound = 0
        for round in 0..<2_000 {
            let candidates = (0..<Int(random.unit() * 11)).map { _ in
                // Some are worth the same, some nothing, some less.
                Slate.Candidate(
                    worth: random.unit() < 0.3 ? pick([0, -1, 0.5, 2]) : random.normal(),
                    category: pick([nil, "Tea", "Wine", "Kitchen"]),
                    brand: pick([nil, "Boil", "Pour", "Cask"]))
            }
            let slate = Slate(
                count: Int(random.unit() * 7), perCategory: pick([nil, 0, 1, 2]),
                perBrand: pick([nil, 1, 2]))
            let chosen = slate.choose(candidates)
            let its = chosen.map { candidates[$0] }
            #expect(Set(chosen).count == chosen.count && chosen.count <= slate.count)
            #expect(fits(its, slate) && its.allSatisfy { $0.worth > 0 }, "round \(round)")
            let worths = its.map(\.worth)
            #expect(worths == worths.sorted(by: >))
            let (sum, best) = (worths.reduce(0, +), most(candidates, slate))
            #expect(abs(sum - best) < 1e-9, "round \(round): \(sum) of \(best)")
            let free = Slate(count: slate.count).choose(candidates)
            if Set(free) != Set(chosen) { bound += 1 }
        }
        #expect(bound > 500)
    }

    @Test("a greedy choice would take the wrong one where both bounds hold")
    func beatsGreedy() {
        let candidates = [
            Slate.Candidate(worth: 3, category: "Tea", brand: "Pour"),
            Slate.Candidate(worth: 2.9, category: "Tea", brand: "Boil"),
            Slate.Candidate(worth: 2.8, category: "Wine", brand: "Pour"),
        ]
        let slate = Slate(count: 3, perCategory: 1, perBrand: 1)
        #expect(slate.choose(candidates) == [1, 2])
    }

    @Test("equal worths come in the order they were given, and the same input gives the same slate")
    func ties() {
        let candidates = (0..<40).map { number in
            Slate.Candidate(worth: 1, category: "c\(number % 4)", brand: "b\(number % 5)")
        }
        let slate = Slate(count: 6, perCategory: 2, perBrand: 2)
        let chosen = slate.choose(candidates)
        #expect(chosen.count == 6 && chosen == chosen.sorted())
        #expect(slate.choose(candidates) == chosen)
        #expect(Slate(count: 0).choose(candidates).isEmpty && slate.choose([]).isEmpty)
    }
}
