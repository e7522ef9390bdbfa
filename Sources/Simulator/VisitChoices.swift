import Records

/// Who comes, and what they look at: active shoppers more often, in the categories they like,
/// popular items first.
struct VisitChoices: Sendable {
    private let shopper: Choice
    private let category: [Choice]
    private let items: [(indices: [Int], choice: Choice)]

    init(items: [CatalogueItem], shoppers: [Shopper]) {
        shopper = Choice(weights: shoppers.lazy.map(\.activity))
        category = shoppers.map { Choice(weights: $0.taste) }
        self.items = Vocabulary.categories.indices.map { category in
            let indices = items.indices.filter { items[$0].categoryIndex == category }
            return (indices, Choice(weights: indices.map { items[$0].truth.popularity }))
        }
    }

    func draw(_ random: inout SeededRandom) -> (shopper: Int, item: Int) {
        let who = shopper.draw(random.unit())
        let shelf = items[category[who].draw(random.unit())]
        return (who, shelf.indices[shelf.choice.draw(random.unit())])
    }
}
