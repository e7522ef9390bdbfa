/// Offers to be shown together: the most worth, with at most so many of one category and of one brand.
public struct Slate: Sendable, Hashable {
    /// How many offers, at most.
    public var count: Int
    /// Offers of one category, at most; `nil`: any number.
    public var perCategory: Int?
    /// Offers of one brand, at most; `nil`: any number.
    public var perBrand: Int?

    /// Takes each field as it is.
    public init(count: Int, perCategory: Int? = nil, perBrand: Int? = nil) {
        self.count = count
        self.perCategory = perCategory
        self.perBrand = perBrand
    }

    /// What may be shown.
    public struct Candidate: Sendable, Hashable {
        /// What it is expected to earn; only what is above 0 is ever chosen.
        public var worth: Double
        /// `nil`: not known, and so like no other.
        public var category: String?
        /// Likewise.
        public var brand: String?

        /// Takes each field as it is.
        public init(worth: Double, category: String? = nil, brand: String? = nil) {
            self.worth = worth
            self.category = category
            self.brand = brand
        }
    }

    /// The candidates whose worth together is the largest that the bounds allow, the most first.
    ///
    /// A bipartite flow of the largest gain: each category passes on so many, each brand takes so many. With
    /// bounds on both no greedy choice is exact.
    /// - Parameters:
    ///   - candidates: finite worths.
    ///   - taken: what is shown already, which counts for the bounds.
    /// - Returns: places among the candidates.
    /// - Complexity: O(count · candidates²).
    public func choose(_ candidates: [Candidate], beside taken: [Candidate] = []) -> [Int] {
        var flow = Flow(candidates, self, taken)
        var room = count - taken.count
        while room > 0, flow.augment() { room -= 1 }
        return flow.chosen.sorted {
            (-candidates[$0].worth, $0) < (-candidates[$1].worth, $1)
        }
    }
}

/// Flow from a source over categories and brands to a sink; each candidate is an edge from its category to its
/// brand.
private struct Flow {
    private struct Edge {
        let to: Int
        let gain: Double
        var room: Int
    }

    /// An edge and its way back stand side by side.
    private var edges: [Edge] = []
    private var from: [Int] = []
    private var nodes = 2
    /// Edges of the candidates.
    private var places: [(candidate: Int, edge: Int)] = []
    private let tolerance: Double

    private static let (source, sink) = (0, 1)

    init(_ candidates: [Slate.Candidate], _ slate: Slate, _ taken: [Slate.Candidate]) {
        // What has no name is like no other, and bound by nothing.
        func room(_ most: Int?, _ name: String?, _ kind: KeyPath<Slate.Candidate, String?>) -> Int {
            guard let most, let name else { return candidates.count }
            return most - taken.count { $0[keyPath: kind] == name }
        }
        tolerance = 1e-12 * candidates.reduce(0) { max($0, $1.worth) }
        var categories: [String: Int] = [:]
        var brands: [String: Int] = [:]
        for (index, candidate) in candidates.enumerated() where candidate.worth > 0 {
            let category = node(candidate.category, &categories) { node, flow in
                flow.add(
                    Self.source, node, room: room(slate.perCategory, candidate.category, \.category)
                )
            }
            let brand = node(candidate.brand, &brands) { node, flow in
                flow.add(node, Self.sink, room: room(slate.perBrand, candidate.brand, \.brand))
            }
            places.append((index, edges.count))
            add(category, brand, room: 1, gain: candidate.worth)
        }
    }

    /// The node of a name; what has none has a node of its own.
    private mutating func node(
        _ name: String?, _ known: inout [String: Int], _ join: (Int, inout Flow) -> Void
    ) -> Int {
        if let name, let node = known[name] { return node }
        let node = nodes
        nodes += 1
        if let name { known[name] = node }
        join(node, &self)
        return node
    }

    private mutating func add(_ a: Int, _ b: Int, room: Int, gain: Double = 0) {
        edges.append(Edge(to: b, gain: gain, room: max(0, room)))
        edges.append(Edge(to: a, gain: -gain, room: 0))
        from += [a, b]
    }

    /// Sends one more along the way that gains most.
    ///
    /// - Returns: whether there was one that gains.
    mutating func augment() -> Bool {
        var gains = [Double](repeating: -.infinity, count: nodes)
        var last = [Int](repeating: -1, count: nodes)
        gains[Self.source] = 0
        // Bellman and Ford: ways back have a gain below 0.
        for _ in 0..<nodes {
            var changes = false
            for index in edges.indices where edges[index].room > 0 {
                let gain = gains[from[index]] + edges[index].gain
                guard gain > gains[edges[index].to] + tolerance else { continue }
                gains[edges[index].to] = gain
                last[edges[index].to] = index
                changes = true
            }
            if !changes { break }
        }
        guard gains[Self.sink] > tolerance else { return false }
        var node = Self.sink
        while node != Self.source {
            let edge = last[node]
            edges[edge].room -= 1
            edges[edge ^ 1].room += 1
            node = from[edge]
        }
        return true
    }

    var chosen: [Int] { places.filter { edges[$0.edge].room == 0 }.map(\.candidate) }
}
