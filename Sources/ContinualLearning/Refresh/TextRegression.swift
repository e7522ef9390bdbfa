import Records
import ResponseModel

/// Training took the adapters to where vectors are no numbers any more.
package struct TrainingDiverged: Error {}

/// What is known of texts before anything of their own is: the posterior's prior variances, for
/// training the vectors under the same assumptions. Units: logit², hours.
public struct TextPrior: Sendable, Hashable {
    /// Of each weight on the text's vector. Units: logit².
    public var weightVariance = 0.12
    /// Of what each text has of its own. Units: logit².
    public var ownVariance = 0.06
    /// What texts first seen at about the same time share, and texts of like meaning then.
    public var birthVariance = 0.05
    /// The time after which that has faded by a factor e.
    public var birthHours = 96.0
    /// Of what texts of like meaning share at about the same time.
    public var localVariance = 0.1
    /// How fast that falls with the distance of meaning: in 1 less the product of two vectors.
    public var localLength = 0.3
    /// The time after which it has faded by a factor e.
    public var localHours = 24.0
    /// How the level of everything drifts.
    public var driftVariance = 0.02
    /// The time after which the level has forgotten by a factor e.
    public var driftHours = 1000.0

    /// The numbers above.
    public init() {}

    /// As the response heads assume.
    public init(_ head: HeadConfiguration) {
        weightVariance = head.scale * head.textVariance
        ownVariance = head.scale * head.itemVariance
        birthVariance = head.scale * head.birthVariance
        birthHours = head.birthHours
        localVariance = head.scale * head.localVariance
        localLength = head.localLength
        localHours = head.localHours
        driftVariance = head.driftVariance
        driftHours = head.driftHours
    }
}

/// Texts that came one after the other, with what is to be explained by their vectors.
package struct TextChunk: Sendable {
    /// In the order in which they came.
    package let texts: [TextEvidence]
    /// The logit of each text as its own counts tell it, and the variance of that.
    package let targets: [Double]
    /// Of each target. Units: logit².
    package let variances: [Double]

    /// - Parameter baseLogit: of the response rate over all texts.
    package init(_ texts: [TextEvidence], baseLogit: Double) {
        self.texts = texts
        let base = logistic(baseLogit)
        var targets: [Double] = []
        var variances: [Double] = []
        for text in texts {
            // One Newton step from a rate drawn towards the base by twenty examples.
            let rate = (text.positives + 20 * base) / (text.trials + 20)
            let slope = rate * (1 - rate)
            let logit = logOdds(rate)
            targets.append(logit + (text.positives / text.trials - rate) / slope)
            variances.append(1 / (text.trials * slope))
        }
        self.targets = targets
        self.variances = variances
    }

    /// Covariance of what the vectors do not explain: own parts, what neighbours share, and chance.
    ///
    /// - Parameter vectors: of its texts, one after the other.
    package func noise(_ vectors: [Float], _ prior: TextPrior) -> [Double] {
        let count = texts.count
        guard count > 0 else { return [] }
        let width = vectors.count / count
        var matrix = [Double](repeating: 0, count: count * count)
        for i in 0..<count {
            for j in i..<count {
                let apart = abs(texts[i].bornHours - texts[j].bornHours)
                var similarity = 0.0
                for d in 0..<width {
                    similarity += Double(vectors[i * width + d]) * Double(vectors[j * width + d])
                }
                var shared =
                    prior.driftVariance * exponential(-apart / prior.driftHours)
                    + prior.birthVariance * exponential(-apart / prior.birthHours)
                shared +=
                    prior.localVariance
                    * exponential(
                        (similarity - 1) / prior.localLength - apart / prior.localHours)
                if i == j { shared += prior.ownVariance + variances[i] }
                matrix[i * count + j] = shared
                matrix[j * count + i] = shared
            }
        }
        return matrix
    }
}

/// Text weights and level as a Gaussian, fitted to chunks of texts by generalised least squares, and
/// what they are without one of the chunks.
///
/// A text's vector must not be trained towards weights that were fitted to that text's own labels:
/// each chunk is trained with the weights that the others give.
package struct TextRegression: Sendable {
    /// Without one chunk: weights and, last, the level. Shape (H + 1).
    package private(set) var leftOut: [[Double]] = []
    /// With all of them.
    package private(set) var weights: [Double]
    /// Factor of each chunk's noise.
    package private(set) var noise: [Cholesky] = []

    /// - Parameters:
    ///   - vectors: of each chunk's texts, one after the other.
    /// - Complexity: O(H³ + texts · H²).
    package init(
        _ chunks: [TextChunk], vectors: [[Float]], width: Int, prior: TextPrior, level: Double
    ) throws(TrainingDiverged) {
        let size = width + 1
        var precision = [Double](repeating: 0, count: size * size)
        for d in 0..<width { precision[d * size + d] = 1 / prior.weightVariance }
        precision[size * size - 1] = 1
        var shift = [Double](repeating: 0, count: size)
        shift[width] = level
        var rows: [[Double]] = []
        var raw: [[Double]] = []
        for (chunk, vectors) in zip(chunks, vectors) {
            let x = Self.rows(vectors, count: chunk.texts.count, width: width)
            let covariance = chunk.noise(vectors, prior)
            let factor = try Self.factor(covariance, chunk.texts.count)
            let weighted = factor.solving(x, columns: size)
            Self.addProduct(x, weighted, rows: chunk.texts.count, columns: size, to: &precision)
            for (row, target) in chunk.targets.enumerated() {
                for d in 0..<size { shift[d] += weighted[row * size + d] * target }
            }
            rows.append(x)
            raw.append(covariance)
            noise.append(factor)
        }
        let factor = try Self.factor(precision, size)
        weights = factor.solving(shift)
        let covariance = factor.inverse
        for (number, chunk) in chunks.enumerated() {
            leftOut.append(
                leavingOut(chunk, rows[number], raw[number], covariance))
        }
    }

    /// The factor of a chunk's noise, which is definite unless vectors are no finite numbers.
    package static func factor(
        _ noise: [Double], _ count: Int
    ) throws(TrainingDiverged) -> Cholesky {
        guard let factor = Cholesky(noise, count: count) else { throw TrainingDiverged() }
        return factor
    }

    /// w - S X' (B - X S X')⁻¹ (z - X w).
    private func leavingOut(
        _ chunk: TextChunk, _ x: [Double], _ noise: [Double], _ covariance: [Double]
    ) -> [Double] {
        let size = weights.count
        let count = chunk.texts.count
        let product = Self.product(x, covariance, rows: count, size: size)
        var rest = noise
        var residual = chunk.targets
        for i in 0..<count {
            residual[i] -= Self.dot(x, i, weights, 0, size)
            for j in 0..<count { rest[i * count + j] -= Self.dot(product, i, x, j, size) }
        }
        guard let factor = Cholesky(rest, count: count) else { return weights }
        factor.solve(&residual, columns: 1)
        var result = weights
        for i in 0..<count {
            for d in 0..<size { result[d] -= product[i * size + d] * residual[i] }
        }
        return result
    }

    /// Vectors with a 1 behind each, for the level.
    static func rows(_ vectors: [Float], count: Int, width: Int) -> [Double] {
        var rows: [Double] = []
        rows.reserveCapacity(count * (width + 1))
        for row in 0..<count {
            for d in 0..<width { rows.append(Double(vectors[row * width + d])) }
            rows.append(1)
        }
        return rows
    }

    private static func dot(_ a: [Double], _ i: Int, _ b: [Double], _ j: Int, _ size: Int) -> Double
    {
        var sum = 0.0
        for d in 0..<size { sum += a[i * size + d] * b[j * size + d] }
        return sum
    }

    /// X S. Shape (rows, size).
    private static func product(
        _ x: [Double], _ matrix: [Double], rows: Int, size: Int
    ) -> [Double] {
        var result = [Double](repeating: 0, count: rows * size)
        unsafe result.withUnsafeMutableBufferPointer { result in
            unsafe matrix.withUnsafeBufferPointer { matrix in
                for i in 0..<rows {
                    for k in 0..<size {
                        let factor = x[i * size + k]
                        for j in 0..<size {
                            unsafe result[i * size + j] += factor * matrix[k * size + j]
                        }
                    }
                }
            }
        }
        return result
    }

    /// sum += X' Y.
    private static func addProduct(
        _ x: [Double], _ y: [Double], rows: Int, columns: Int, to sum: inout [Double]
    ) {
        unsafe sum.withUnsafeMutableBufferPointer { sum in
            unsafe y.withUnsafeBufferPointer { y in
                for row in 0..<rows {
                    for i in 0..<columns {
                        let factor = x[row * columns + i]
                        for j in 0..<columns {
                            unsafe sum[i * columns + j] += factor * y[row * columns + j]
                        }
                    }
                }
            }
        }
    }
}
