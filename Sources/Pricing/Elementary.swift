// Exponential, logarithm and normal distribution from additions, multiplications and divisions
// alone: the C library's change bits with version and processor, and decisions must not.

/// e to the power x; 0 and infinity beyond the range of a double.
///
/// Accurate to about 1e-15 relative: reduction by ln 2 in two parts, then the series to x¹³.
package func exponential(_ x: Double) -> Double {
    if x.isNaN { return x }
    if x > 709.78 { return .infinity }
    if x < -745.13 { return 0 }
    let n = (x * 1.442_695_040_888_963_4).rounded()
    let r = (x - n * 6.931_471_803_691_238e-1) - n * 1.908_214_929_270_588e-10
    var sum = 1.0
    var k = 13.0
    while k >= 1 {
        sum = 1 + r * sum / k
        k -= 1
    }
    // In two halves, as 2^n alone leaves the range before the result does.
    let half = Int((n / 2).rounded(.down))
    return sum * power2(half) * power2(Int(n) - half)
}

private func power2(_ n: Int) -> Double {
    Double(sign: .plus, exponent: n, significand: 1)
}

/// The natural logarithm of x > 0, by the atanh series.
///
/// Accurate to about 1e-15 relative, or absolute near 1.
package func naturalLogarithm(_ x: Double) -> Double {
    guard x > 0 else { return x == 0 ? -.infinity : .nan }
    guard x.isFinite else { return x }
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.414_213_562_373_095_1 {
        m /= 2
        exponent += 1
    }
    let t = (m - 1) / (m + 1)
    let t2 = t * t
    var sum = 0.0
    var power = 21.0
    while power >= 1 {
        sum = sum * t2 + 1 / power
        power -= 2
    }
    return exponent * 0.693_147_180_559_945_3 + 2 * t * sum
}

/// 1 / (1 + e^-x).
package func logistic(_ x: Double) -> Double {
    if x >= 0 { return 1 / (1 + exponential(-x)) }
    let e = exponential(x)
    return e / (1 + e)
}

/// log(p / (1 - p)).
package func logit(_ p: Double) -> Double { naturalLogarithm(p) - naturalLogarithm(1 - p) }

/// Density of the standard normal distribution.
package func normalDensity(_ x: Double) -> Double {
    exponential(-x * x / 2) * 0.398_942_280_401_432_7
}

/// Distribution function of the standard normal distribution, accurate to about 1e-14.
///
/// Source: J. F. Hart et al., Computer Approximations, 1968, as given by G. West, Better
/// Approximations to Cumulative Normal Functions, 2005.
package func normalDistribution(_ x: Double) -> Double {
    let a = abs(x)
    if a > 38 { return x > 0 ? 1 : 0 }
    let density = exponential(-a * a / 2)
    let upper: Double
    if a < 7.071_067_811_865_47 {
        var p = 3.526_249_659_989_11e-02 * a + 0.700_383_064_443_688
        p = p * a + 6.373_962_203_531_65
        p = p * a + 33.912_866_078_383
        p = p * a + 112.079_291_497_871
        p = p * a + 221.213_596_169_931
        p = p * a + 220.206_867_912_376
        var q = 8.838_834_764_831_84e-02 * a + 1.755_667_163_182_64
        q = q * a + 16.064_177_579_207
        q = q * a + 86.780_732_202_946_1
        q = q * a + 296.564_248_779_674
        q = q * a + 637.333_633_378_831
        q = q * a + 793.826_512_519_948
        q = q * a + 440.413_735_824_752
        upper = density * p / q
    } else {
        let continued = a + 1 / (a + 2 / (a + 3 / (a + 4 / (a + 0.65))))
        upper = density / continued / 2.506_628_274_631
    }
    return x > 0 ? 1 - upper : upper
}
