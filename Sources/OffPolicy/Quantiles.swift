import Records

/// The quantile of the standard normal distribution, by bisection and to about 1e-12.
///
/// - Parameter probability: in (0, 1).
public func normalQuantile(_ probability: Double) -> Double {
    var low = -38.0
    var high = 38.0
    for _ in 0..<100 {
        let middle = (low + high) / 2
        if normalDistribution(middle) < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
}

/// The quantile of Student's distribution, by Hill's expansion around the normal one: to 1 % from three
/// degrees of freedom on.
func studentQuantile(_ probability: Double, degrees: Int) -> Double {
    let z = normalQuantile(probability)
    let n = Double(max(degrees, 3))
    let z3 = z * z * z
    let z5 = z3 * z * z
    let z7 = z5 * z * z
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n)
        + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n)
}

/// The real cube root.
func cubeRoot(_ x: Double) -> Double {
    if x == 0 { return 0 }
    let root = exponential(naturalLogarithm(x.magnitude) / 3)
    return x > 0 ? root : -root
}
