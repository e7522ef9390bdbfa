/// One row of the table of what evidence teaches: a label, the models it is for, and what else is done
/// with it.
package struct Lesson: Sendable {
    /// Which models learn.
    package enum Subject: Sendable {
        /// Whether a view is clicked: the click head.
        case click
        /// Whether a visit ends in a purchase: the purchase head, and the effect of visits unless a view
        /// led to it.
        case visit
        /// Whether a view is bought: the visit if it was clicked, and the effect of views.
        case view
        /// Which discount the shop itself gave.
        case merchant
        /// None: it is learned already.
        case nothing
    }

    /// What becomes of it in replay memory.
    package enum Memory: Sendable {
        case none
        /// A new example; of a view its visit, if it had one. `nil`: with the weight it was learned with.
        case insert(weight: Double?)
        /// One that is remembered already gets this label and weight.
        case rewrite(weight: Double)
    }

    package let subject: Subject
    package var label = false
    package var weight = LabelWeight.sure(0)
    /// What was predicted of it when it was first learned; `nil` where it is learned for the first time, of
    /// what is no view.
    package var served: Double?
    /// What it counts for where predictions are held against their labels; `nil`: not, or not yet.
    package var scored: Double?
    package var memory = Memory.none
    /// Whether it is an example that was not counted yet.
    package var isNew = false
    /// Whether what was predicted is kept until the label is final.
    package var keepsServed = false
}
