/// The interval a number must lie in.
struct NumberRule {
    var low = -Double.infinity
    var lowIsOpen = false
    var high = EventLimits.amountMax
    var highIsOpen = false

    func allows(_ value: Double) -> Bool {
        (lowIsOpen ? value > low : value >= low) && (highIsOpen ? value < high : value <= high)
    }

    /// The rule in words, naming the bound that `value` breaks.
    func requirement(_ value: Double?) -> String {
        let top = high == EventLimits.amountMax ? "10^12" : "\(high)"
        if high <= 1 {
            return "a number in \(lowIsOpen ? "(" : "[")0, 1\(highIsOpen ? ")" : "]")"
        }
        if let value, value > high { return "a number of at most \(top)" }
        if low == -EventLimits.amountMax {
            return value == nil ? "a number" : "a number of at least -10^12"
        }
        return lowIsOpen ? "a number above 0" : "a number of 0 or more"
    }

    static let positive = NumberRule(low: 0, lowIsOpen: true)
    static let notNegative = NumberRule(low: 0)
    static let amount = NumberRule(low: -EventLimits.amountMax)
    static let discount = NumberRule(low: 0, high: 1, highIsOpen: true)
    static let probability = NumberRule(low: 0, lowIsOpen: true, high: 1)
}
