import CPosterior

// The system's exp and log change their last bits with version and processor; what enters the
// state uses these.

package func stableExp(_ x: Double) -> Double { posterior_exp(x) }

/// For positive, normal, finite `x`.
package func stableLog(_ x: Double) -> Double { posterior_log(x) }

package func stableLogistic(_ z: Double) -> Double { 1 / (1 + posterior_exp(-z)) }

/// The logit at which a label in [0, 1] of this weight and a normal prior agree.
package func stableMode(
    mean: Double, variance: Double, label: Double, weight: Double
) -> Double {
    posterior_mode(mean, variance, label, weight)
}
