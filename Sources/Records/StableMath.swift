import CElementary

// The posterior's own exponential and logarithm, as its kernels have them: fast, of limited range,
// the same bits on every machine. What enters a posterior's state uses these. Everything else uses
// `exponential` and its kin, which cover the whole range of a double. The two differ in the last
// bit, and states hold bits of both.

/// e^x within one unit in the last place; 0 below -708, e^708 above 708.
package func stableExp(_ x: Double) -> Double { elementary_exp(x) }

/// The natural logarithm within one unit in the last place, of positive, normal, finite `x`.
package func stableLog(_ x: Double) -> Double { elementary_log(x) }

/// 1 / (1 + e^-z).
package func stableLogistic(_ z: Double) -> Double { 1 / (1 + elementary_exp(-z)) }
