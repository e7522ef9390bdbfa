/// Holds adapters where an earlier refresh left them, each weight by how much it mattered then.
///
/// The penalty is half the strength times the sum of importance · (weight - anchor)². Importance is
/// the diagonal of the empirical Fisher information, carried from refresh to refresh with a decay,
/// so that nothing must say where a task ends.
/// Source: Kirkpatrick et al. 2017 (elastic weight consolidation); Schwarz et al. 2018, section 3.2,
/// for the online form.
public struct FisherAnchor: Sendable, Equatable {
    /// The adapters' values that are held. Shape: as the adapters.
    public let anchor: [Float]
    /// Importance of each; empty before the first refresh that measured it.
    public let importance: [Float]
    let strength: Double

    /// - Parameter importance: as many as `anchor`, or none; traps otherwise.
    public init(anchor: [Float], importance: [Float], strength: Double) {
        precondition(importance.isEmpty || importance.count == anchor.count)
        self.anchor = anchor
        self.importance = importance
        self.strength = strength
    }

    /// What is added to the loss. Shape of `values`: as `anchor`.
    package func penalty(_ values: [Float]) -> Double {
        var sum = 0.0
        for index in importance.indices {
            let moved = Double(values[index]) - Double(anchor[index])
            sum += Double(importance[index]) * moved * moved
        }
        return strength / 2 * sum
    }

    /// d(penalty) / d(values), added to `gradient`.
    package func addGradient(_ values: [Float], to gradient: inout [Float]) {
        let scale = Float(strength)
        for index in importance.indices {
            gradient[index] += scale * importance[index] * (values[index] - anchor[index])
        }
    }
}

/// Measures the Fisher information's diagonal from the gradients of steps.
///
/// A step's gradient is the mean over its texts. Where training has settled, texts' gradients cancel
/// but for chance, so that the squared mean times the texts is the mean square of one text's.
package struct FisherMeasure: Sendable {
    private var sum: [Double]
    private var steps = 0

    /// - Parameter count: the number of values of the adapters.
    package init(count: Int) {
        sum = [Double](repeating: 0, count: count)
    }

    /// Takes one step's gradient.
    ///
    /// - Parameter texts: how many it is the mean over.
    package mutating func add(_ gradient: [Float], texts: Int) {
        steps += 1
        for index in sum.indices {
            sum[index] += Double(texts) * Double(gradient[index]) * Double(gradient[index])
        }
    }

    /// The importance to hold from now on: what was measured, and what is left of the old one.
    package func importance(after old: [Float], decay: Double) -> [Float] {
        guard steps > 0 else { return old }
        return sum.indices.map { index in
            let before = old.isEmpty ? 0 : Double(old[index])
            return Float(decay * before + sum[index] / Double(steps))
        }
    }
}

/// A-GEM: a step may not make the loss on remembered texts larger, to first order.
///
/// Source: Chaudhry et al. 2019, "Efficient lifelong learning with A-GEM", eq. 11.
package enum GradientProjection {
    /// Takes out of `gradient` what points against `reference`, if anything does.
    ///
    /// - Returns: whether there was something to take out.
    package static func project(_ gradient: inout [Float], along reference: [Float]) -> Bool {
        var product = 0.0
        var square = 0.0
        for index in gradient.indices {
            product += Double(gradient[index]) * Double(reference[index])
            square += Double(reference[index]) * Double(reference[index])
        }
        guard product < 0, square > 0, product.isFinite, square.isFinite else { return false }
        let share = product / square
        for index in gradient.indices {
            gradient[index] = Float(Double(gradient[index]) - share * Double(reference[index]))
        }
        return true
    }
}

/// The running mean of adapters along a training, from where it began.
package struct WeightAverage: Sendable {
    /// The mean so far.
    package private(set) var values: [Float]
    /// What one step counts.
    package let rate: Double

    /// - Parameter values: where the training begins.
    package init(values: [Float], rate: Double) {
        self.values = values
        self.rate = rate
    }

    /// Takes the values after one step.
    package mutating func add(_ step: [Float]) {
        for index in values.indices {
            values[index] += Float(rate) * (step[index] - values[index])
        }
    }
}
