import Pricing

extension Configuration.Pricing {
    /// When discounts wait for a person's word.
    public struct Approve: Sendable {
        /// Deeper ones do; `nil`: none by depth.
        public var above: Double? = nil
        /// Those that give away more with a unit do; `nil`: none by money.
        public var amountAbove: Double? = nil
        /// Event time after which a wish is dropped that nobody answered.
        public var waitMs = 3 * 86_400_000

        /// As the engine takes them.
        var settings: ApprovalSettings {
            var settings = ApprovalSettings()
            settings.above = above
            settings.amountAbove = amountAbove
            settings.waitMs = Int64(waitMs)
            return settings
        }
    }
}

extension Configuration {
    static let approvalSettings: [Setting] = [
        .optionalNumber(
            "pricing.approve_above", \.pricing.approve.above, 0...0.99,
            "Discounts deeper than this wait until a person approves of them for the item; null: none do."
        ),
        .optionalNumber(
            "pricing.approve_above_amount", \.pricing.approve.amountAbove, 0...1e9,
            "So do discounts that give away more money than this with a unit; null: none do."),
        .duration(
            "pricing.approve_wait", \.pricing.approve.waitMs, 60_000...(90 * 86_400_000),
            "Event time after which an item leaves the list of what waits, unanswered."),
    ]
}
