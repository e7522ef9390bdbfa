/// Why a price could not be decided: the input is named, and nothing is guessed in its place.
public enum PricingError: Error, Equatable, CustomStringConvertible {
    case badConfiguration(key: String, value: String, expected: String)
    case badItem(field: String, value: Double, expected: String)
    case badDemand(depth: Double, field: String, value: Double, expected: String)
    case depthsDiffer(expected: [Double], given: [Double])
    case missingUncertainty(depth: Double)
    case badDraw(name: String, value: Double)
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
