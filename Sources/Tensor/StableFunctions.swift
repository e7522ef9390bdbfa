import CKernels

/// e^x within one unit in the last place, the same bits on every machine.
public func stableExp(_ x: Double) -> Double { tk_exp(x) }

/// The natural logarithm within one unit in the last place, the same bits on every machine.
///
/// Negative arguments give NaN, zero gives minus infinity.
public func stableLog(_ x: Double) -> Double { tk_log(x) }
