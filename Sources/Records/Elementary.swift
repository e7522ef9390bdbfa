// Exponential, logarithm, losses and normal distribution from additions, multiplications and
// divisions alone: the C library's change bits with version and processor, and neither states nor
// decisions may. Swift never contracts `a * b + c`, so plain arithmetic is the same everywhere.

private let ln2High = 0x1.62e42feep-1
private let ln2Low = 0x1.a39ef35793c76p-33

/// e^x, within about 1e-15 relative; 0 below -745, infinite above 709.78.
///
/// Reduction by ln 2 in two parts, then the Taylor series to the 13th power: what is left is at most
/// 0.347, and the rest of the series below 1e-17.
package func exponential(_ x: Double) -> Double {
    if x.isNaN { return x }
    if x > 709.782 { return .infinity }
    if x < -745.13 { return 0 }
    let k = (x * 1.442_695_040_888_963_4).rounded()
    let r = (x - k * ln2High) - k * ln2Low
    var sum = 1.0
    var n = 13.0
    while n >= 1 {
        sum = 1 + sum * r / n
        n -= 1
    }
    // In two halves, as 2^k alone leaves the range before the result does.
    let exponent = Int(k)
    let half = exponent / 2
    return sum * power(of2: half) * power(of2: exponent - half)
}

private func power(of2 exponent: Int) -> Double {
    Double(bitPattern: UInt64(exponent + 1023) << 52)
}

/// The natural logarithm, within about 2e-16 relative; minus infinity of 0, NaN below.
package func naturalLogarithm(_ x: Double) -> Double {
    guard x > 0, x.isFinite else { return x == 0 ? -.infinity : (x > 0 ? x : .nan) }
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.414_213_562_373_095_1 {
        m /= 2
        exponent += 1
    }
    let t = (m - 1) / (m + 1)
    return exponent * ln2High + (2 * atanhSeries(t, last: 21) + exponent * ln2Low)
}

/// log(1 + x) for x in [0, 1].
private func logarithm(onePlus x: Double) -> Double {
    2 * atanhSeries(x / (2 + x), last: 33)
}

/// t + t³/3 + t⁵/5 + … up to the power `last`.
private func atanhSeries(_ t: Double, last: Double) -> Double {
    let t2 = t * t
    var sum = 0.0
    var power = last
    while power >= 1 {
        sum = sum * t2 + 1 / power
        power -= 2
    }
    return t * sum
}

/// 1 / (1 + e^-x), accurate in both tails.
package func logistic(_ x: Double) -> Double {
    let e = exponential(-x.magnitude)
    return x >= 0 ? 1 / (1 + e) : e / (1 + e)
}

/// log(p / (1 - p)).
package func logOdds(_ p: Double) -> Double { naturalLogarithm(p) - naturalLogarithm(1 - p) }

/// -log P(label) under the logit z.
///
/// Units: nats.
package func logLoss(logit z: Double, label: Bool) -> Double {
    let toward = label ? z : -z
    return max(-toward, 0) + logarithm(onePlus: exponential(-z.magnitude))
}

/// -p·log p - (1-p)·log(1-p).
///
/// Units: nats.
package func binaryEntropy(_ p: Double) -> Double {
    guard p > 0, p < 1 else { return 0 }
    return -p * naturalLogarithm(p) - (1 - p) * naturalLogarithm(1 - p)
}

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
