import Tensor

/// One value for each of a layer's four matrices: query, key and value as one, the one after the
/// heads, and the two of the feed-forward half.
struct LayerMatrices<Element> {
    var projection, attention, up, down: Element

    func map<Result>(_ change: (Element) -> Result) -> LayerMatrices<Result> {
        LayerMatrices<Result>(
            projection: change(projection), attention: change(attention), up: change(up),
            down: change(down))
    }

    func with<Other>(_ other: LayerMatrices<Other>) -> LayerMatrices<(Element, Other)> {
        LayerMatrices<(Element, Other)>(
            projection: (projection, other.projection), attention: (attention, other.attention),
            up: (up, other.up), down: (down, other.down))
    }

    func forEach(_ body: (Element) -> Void) {
        body(projection)
        body(attention)
        body(up)
        body(down)
    }
}

extension LayerMatrices: Sendable where Element: Sendable {}
