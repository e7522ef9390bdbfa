import Tensor

/// AdamW (Loshchilov and Hutter 2019) with warm-up and clipping, step for step as PyTorch has it.
///
/// A step allocates nothing. All its state is in the value.
public struct AdamW: Sendable, Equatable {
    /// The step's constants, by their names in PyTorch.
    public struct Configuration: Sendable, Hashable {
        /// Above 0.
        public var learningRate: Double
        /// Decay of the mean of the gradient, in [0, 1).
        public var beta1: Double
        /// Decay of the mean of its square, in [0, 1).
        public var beta2: Double
        /// Added to the root of the second mean.
        public var epsilon: Double
        /// Decoupled: taken off the weights themselves, times the learning rate.
        public var weightDecay: Double
        /// The learning rate rises linearly over this many steps: (step + 1) / warm-up.
        public var warmupSteps: Int
        /// A gradient longer than this is scaled down to it; `nil` is off.
        public var gradientClip: Double?

        /// PyTorch's defaults, and a gradient clipped to length 1.
        public init(
            learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999,
            epsilon: Double = 1e-8, weightDecay: Double = 0.01, warmupSteps: Int = 0,
            gradientClip: Double? = 1
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            self.warmupSteps = warmupSteps
            self.gradientClip = gradientClip
        }
    }

    /// What a step did.
    public struct Outcome: Sendable, Equatable {
        /// The gradient's length before clipping.
        public let norm: Double
        /// Whether it was longer than `gradientClip` and scaled down.
        public let clipped: Bool
        /// The gradient held NaN or infinity: nothing was changed, and the step does not count.
        public let skippedNonFinite: Bool
    }

    /// May be changed between steps.
    public var configuration: Configuration
    /// Running means of the gradient and its square, in the adapters' order.
    public internal(set) var m: [Float]
    /// The mean of the square, in the same order.
    public internal(set) var v: [Float]
    /// Steps taken.
    public internal(set) var step = 0

    /// No step taken yet, both means 0.
    public init(_ configuration: Configuration, for adapters: Adapters) {
        self.configuration = configuration
        m = [Float](repeating: 0, count: adapters.values.count)
        v = m
    }

    /// Moves the adapters down the gradient.
    @discardableResult
    public mutating func step(_ adapters: inout Adapters, _ gradient: AdapterGradient) -> Outcome {
        precondition(gradient.values.count == m.count && adapters.values.count == m.count)
        let kernels = Kernels.best
        let squares = kernels.sumOfSquares(gradient.values.span)
        guard squares.isFinite else {
            return Outcome(norm: .infinity, clipped: false, skippedNonFinite: true)
        }
        let norm = squares.squareRoot()
        // PyTorch's clip_grad_norm_: max / (norm + 1e-6), at most 1.
        var scale = 1.0
        if let clip = configuration.gradientClip { scale = min(1, clip / (norm + 1e-6)) }
        step += 1
        let rate = configuration.learningRate * warmup
        let correction1 = 1 - power(configuration.beta1, step)
        let correction2 = 1 - power(configuration.beta2, step)
        kernels.adamW(
            &adapters.values, m: &m, v: &v, gradient: gradient.values.span,
            .init(
                gradientScale: Float(scale), beta1: Float(configuration.beta1),
                beta2: Float(configuration.beta2),
                decayFactor: Float(1 - rate * configuration.weightDecay),
                stepSize: Float(rate / correction1),
                rootCorrection: Float(correction2.squareRoot()),
                epsilon: Float(configuration.epsilon)))
        return Outcome(norm: norm, clipped: scale < 1, skippedNonFinite: false)
    }

    private var warmup: Double {
        let steps = configuration.warmupSteps
        return steps > 0 ? min(1, Double(step) / Double(steps)) : 1
    }

    /// By squaring: the C library's power changes its bits between versions.
    private func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        var square = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}
