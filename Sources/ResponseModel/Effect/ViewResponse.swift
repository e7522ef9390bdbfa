import Records

/// What comes of a view: it is clicked, and the visit that begins so ends in a purchase.
///
///     P(buy | view) = P(click | view) · P(buy | visit)
///
/// Taken over all views, clicked or not. The chance of a purchase given the click is no demand curve, since
/// discounts bring clickers who buy less.
/// Source: Ma et al., "Entire space multi-task model", 2018.
public struct ViewResponse: Sendable {
    /// Of the click, given the view.
    public let click: Prediction
    /// Of the purchase, given the visit that a click begins.
    public let purchase: Prediction

    /// Takes both as predictions of the same exposure.
    public init(click: Prediction, purchase: Prediction) {
        self.click = click
        self.purchase = purchase
    }

    /// The chance of a purchase, as a logit.
    public static func logit(click a: Double, purchase b: Double) -> Double {
        let (clicked, not) = (chance(a), chance(-a))
        let bought = chance(b)
        return stableLog(clicked) + stableLog(bought) - stableLog(not + clicked * chance(-b))
    }

    /// How much a small change of either logit changes that of the product.
    public var shares: (click: Double, purchase: Double) {
        let (a, b) = (click.logit, purchase.logit)
        let none = Self.chance(-a) + Self.chance(a) * Self.chance(-b)
        return (Self.chance(-a) / none, Self.chance(-b) / none)
    }

    /// The product's logit; the variances of the two heads, which learn apart, by the delta method.
    public var prediction: Prediction {
        let shares = shares
        return Prediction(
            logit: Self.logit(click: click.logit, purchase: purchase.logit),
            variance: shares.click * shares.click * click.variance
                + shares.purchase * shares.purchase * purchase.variance)
    }

    /// Above zero, as its logarithm is asked for.
    private static func chance(_ logit: Double) -> Double { stableLogistic(max(logit, -300)) }
}
