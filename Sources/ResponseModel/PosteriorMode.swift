import CPosterior

/// The logit at which a label in [0, 1] of this weight and a normal prior agree.
package func stableMode(
    mean: Double, variance: Double, label: Double, weight: Double
) -> Double {
    posterior_mode(mean, variance, label, weight)
}
