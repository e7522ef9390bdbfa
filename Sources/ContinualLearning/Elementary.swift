/// Exponential, logarithm and logistic functions whose bits depend on nothing but their argument.
///
/// glibc's own change with its version and the processor, and what is computed here enters state.
/// Swift never contracts `a * b + c`, so plain arithmetic is the same everywhere.
package enum Elementary {
    private static let ln2High = 0x1.62e42feep-1
    private static let ln2Low = 0x1.a39ef35793c76p-33

    /// e^x to about 2e-16 relative; 0 below -745, infinite above 709.78.
    package static func exp(_ x: Double) -> Double {
        if x.isNaN { return x }
        if x > 709.782 { return .infinity }
        if x < -745 { return 0 }
        let k = (x * 1.442_695_040_888_963_4).rounded()
        let r = (x - k * ln2High) - k * ln2Low
        // The Taylor series to the 13th power: |r| is at most 0.347, the rest is below 1e-17.
        var sum = 1.0
        var n = 13.0
        while n >= 1 {
            sum = 1 + sum * r / n
            n -= 1
        }
        let exponent = Int(k)
        // In two steps, so that results below the normal range are reached too.
        let half = exponent / 2
        return sum * power(of2: half) * power(of2: exponent - half)
    }

    private static func power(of2 exponent: Int) -> Double {
        Double(bitPattern: UInt64(exponent + 1023) << 52)
    }

    /// Natural logarithm of a positive number, to about 2e-16 relative.
    package static func log(_ x: Double) -> Double {
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
    private static func log1p(_ x: Double) -> Double {
        2 * atanhSeries(x / (2 + x), last: 33)
    }

    /// t + t³/3 + t⁵/5 + … up to the power `last`.
    private static func atanhSeries(_ t: Double, last: Double) -> Double {
        let t2 = t * t
        var sum = 0.0
        var power = last
        while power >= 1 {
            sum = sum * t2 + 1 / power
            power -= 2
        }
        return t * sum
    }

    /// 1 / (1 + e^-z), accurate in both tails.
    package static func sigmoid(_ z: Double) -> Double {
        let e = exp(-z.magnitude)
        return z >= 0 ? 1 / (1 + e) : e / (1 + e)
    }

    /// log(p / (1 - p)).
    package static func logit(_ p: Double) -> Double { log(p) - log(1 - p) }

    /// -log P(label) under the logit z.
    ///
    /// Units: nats.
    package static func logLoss(logit z: Double, label: Bool) -> Double {
        let toward = label ? z : -z
        return max(-toward, 0) + log1p(exp(-z.magnitude))
    }

    /// -p·log p - (1-p)·log(1-p).
    ///
    /// Units: nats.
    package static func entropy(_ p: Double) -> Double {
        guard p > 0, p < 1 else { return 0 }
        return -p * log(p) - (1 - p) * log(1 - p)
    }
}
