/// Why a price could not be decided: the input is named, and nothing is guessed in its place.
public enum PricingError: Error, Equatable, CustomStringConvertible {
    /// A value of the configuration, under its key there.
    case badConfiguration(key: String, value: String, expected: String)
    /// A value of the item.
    case badItem(field: String, value: Double, expected: String)
    /// A value of the demand at one depth.
    case badDemand(depth: Double, field: String, value: Double, expected: String)
    /// The demand is not given at the depths of the grid.
    case depthsDiffer(expected: [Double], given: [Double])
    /// `PricingConfiguration.confidence` is set, and a point has no uncertainty.
    case missingUncertainty(depth: Double)
    /// A random number outside [0, 1).
    case badDraw(name: String, value: Double)
    /// A share outside [0, 1], or a variance that is not finite.
    case badUnknown(share: Double, variances: [Double])

    /// A sentence that names the input, its value and what it should be.
    public var description: String {
        switch self {
        case .badConfiguration(let key, let value, let expected):
            "pricing.\(key) is \(value), which should be \(expected)"
        case .badItem(let field, let value, let expected):
            "the item's \(field) is \(value), which should be \(expected)"
        case .badDemand(let depth, let field, let value, let expected):
            "the demand at discount \(depth) has \(field) \(value), which should be \(expected)"
        case .depthsDiffer(let expected, let given):
            "the demand is given at discounts \(given), the grid has \(expected)"
        case .missingUncertainty(let depth):
            "pricing.confidence is set, and the demand at discount \(depth) comes without the "
                + "variance of its logit"
        case .badDraw(let name, let value):
            "the random number for \(name) is \(value), which should be in [0, 1)"
        case .badUnknown(let share, let variances):
            "what is unknown of the answer to discounts is a share of \(share), which should be in "
                + "[0, 1], with the variances \(variances), which should be finite"
        }
    }
}
