import Foundation

/// A mean over seeds, with the half-width of its 95 % interval.
struct SeedMean: Encodable {
    let mean: Double
    let halfWidth: Double

    enum CodingKeys: String, CodingKey {
        case mean
        case halfWidth = "half_width"
    }

    init(_ values: [Double]) {
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        self.mean = mean
        halfWidth = Self.quantile(values.count - 1) * (variance / count).squareRoot()
    }

    /// 97.5 % of Student's distribution, by degrees of freedom.
    private static func quantile(_ freedom: Int) -> Double {
        let known = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
        return freedom <= known.count ? known[freedom - 1] : freedom < 30 ? 2.2 : 2.0
    }

    func text(_ digits: Int) -> String {
        String(format: "%+.\(digits)f ± %.\(digits)f", mean, halfWidth)
    }
}
