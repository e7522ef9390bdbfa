/// What a LayerNorm scales and shifts by, and what it adds to a variance.
///
/// Shapes: H hidden; gamma, beta (1, H).
package struct NormWeights: Sendable {
    /// The factors.
    package let gamma: Matrix
    /// What is added after them.
    package let beta: Matrix
    /// Keeps the divisor from 0.
    package let epsilon: Float

    /// Takes each field as it is.
    package init(gamma: Matrix, beta: Matrix, epsilon: Float) {
        self.gamma = gamma
        self.beta = beta
        self.epsilon = epsilon
    }
}
