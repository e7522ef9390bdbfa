import Records
import ResponseModel
import Simulator

/// A shop window, learned as the engine learns views: a head of clicks, a head of purchases after a click,
/// and what discounts do to whether a view is bought. Beside it what the clicked views alone would say.
public struct LearnedWindow {
    /// The world, after the views that were learned.
    public private(set) var world: WindowWorld
    /// Probability that a view is clicked.
    public private(set) var click = ResponseHead(name: "click", dimension: 0)
    /// Probability that a clicked view is bought.
    public private(set) var purchase = ResponseHead(name: "purchase", dimension: 0)
    /// What a discount does to whether a view is bought.
    public private(set) var effect = EffectModel(.views)
    /// Of clicked views, as if these were all.
    public private(set) var clickedEffect = EffectModel(.visits)
    /// Purchases predicted, before they were learned, and observed.
    public private(set) var predicted = 0.0
    /// Purchases observed.
    public private(set) var observed = 0.0
    /// The last views, to be asked about.
    public private(set) var last: [WindowWorld.View] = []

    /// - Parameter keeping: how many of the views are kept to be asked about.
    public init(_ world: WindowWorld, views: Int, keeping: Int) throws(ResponseError) {
        self.world = world
        for number in 0..<views {
            let view = try learn()
            if number >= views - keeping { last.append(view) }
        }
    }

    private mutating func learn() throws(ResponseError) -> WindowWorld.View {
        let view = world.next()
        let (exposure, item) = Self.exposure(view)
        let bare = exposure.at(discount: 0)
        let served = try logit(exposure, item)
        let base = view.discount > 0 ? try logit(bare, item) : served
        predicted += stableLogistic(served)
        observed += view.purchased ? 1 : 0
        try click.learn(exposure, item: item, label: view.clicked)
        if view.clicked {
            let without = try purchase.logit(bare, item: item)
            let said = try purchase.learn(exposure, item: item, label: view.purchased)
            try clickedEffect.learn(
                exposure, item: item, label: view.purchased, served: said.logit,
                base: view.discount > 0 ? without : said.logit, choice: .others(propensity: nil))
        }
        try effect.learn(
            exposure, item: item, label: view.purchased, served: served, base: base,
            choice: .others(propensity: nil))
        return view
    }

    private func logit(
        _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> Double {
        ViewResponse.logit(
            click: try click.logit(exposure, item: item),
            purchase: try purchase.logit(exposure, item: item))
    }

    /// A view as the response models take it.
    public static func exposure(_ view: WindowWorld.View) -> (Exposure, ItemFeatures) {
        (
            Exposure(
                tsMs: view.tsMs, user: "user \(view.user)", price: view.price,
                discount: view.discount),
            ItemFeatures(
                id: "item \(view.item)", category: WindowWorld.category(ofItem: view.item))
        )
    }

    /// What is expected of a view at no discount.
    public func base(_ view: WindowWorld.View) throws(ResponseError) -> Prediction {
        let (exposure, item) = Self.exposure(view)
        let bare = exposure.at(discount: 0)
        return ViewResponse(
            click: try click.predict(bare, item: item),
            purchase: try purchase.predict(bare, item: item)
        ).prediction
    }

    /// The demand of a view at some discounts.
    public func demand(
        _ view: WindowWorld.View, _ discounts: [Double]
    ) throws(ResponseError) -> [CausalPrediction] {
        let (exposure, item) = Self.exposure(view)
        return try effect.demand(
            exposure.at(discount: 0), item: item, base: base(view), discounts: discounts)
    }

    /// The discount that the views kept would get as the daemon decides when it is asked to be 80 %
    /// sure, exploration apart, where items cost half their price.
    public func decisions() throws -> [(view: WindowWorld.View, discount: Double)] {
        try last.map { view in
            (
                view,
                try LearnedWorld.discount(
                    price: view.price, demand: try demand(view, WindowWorld.depths))
            )
        }
    }
}
