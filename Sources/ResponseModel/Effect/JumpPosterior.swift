import CPosterior
import Records

/// Jumps of a logit that all rows have in common: a small Gaussian whose prior variance is estimated from the
/// stream, acting backwards. Where there are none, none stay.
///
/// Units: logits.
struct JumpPosterior: Sendable, Equatable {
    /// What the estimate of the prior variance starts from, and the weight of this start, in jumps.
    private static let firstVariance = 0.01
    private static let firstWeight = 2.0
    /// Rows between two estimates.
    private static let pause = 500

    let count: Int
    private(set) var mean: [Double]
    /// Shape (count, count).
    private(set) var covariance: [Double]
    /// Prior precision of each jump.
    private(set) var precision = 1 / firstVariance
    /// Rows learned.
    private(set) var rows = 0

    init(count: Int) {
        self.count = count
        mean = [Double](repeating: 0, count: count)
        covariance = [Double](repeating: 0, count: count * count)
        for jump in 0..<count { covariance[jump * (count + 1)] = Self.firstVariance }
    }

    /// How sure a sum of jumps is, each counted as often as `row` says.
    func variance(_ row: [Double]) -> Double {
        var variance = 0.0
        for one in row.indices {
            for other in row.indices {
                variance += row[one] * row[other] * covariance[one * count + other]
            }
        }
        return max(0, variance)
    }

    /// Learns one label.
    ///
    /// - Parameters:
    ///   - row: what each jump counts. Shape (count).
    ///   - logit: what is expected of the row, the jumps among it.
    mutating func learn(_ row: [Double], logit: Double, target: Double, weight: Double) {
        var gains = [Double](repeating: 0, count: count)
        var variance = 0.0
        for jump in 0..<count {
            for other in 0..<count {
                gains[jump] += covariance[jump * count + other] * row[other]
            }
            variance += gains[jump] * row[jump]
        }
        guard variance > 0, logit.isFinite else { return }
        let mode = posterior_mode(logit, variance, target, weight)
        let probability = stableLogistic(mode)
        let curvature = weight * probability * (1 - probability)
        let step = (mode - logit) / variance
        move(along: gains, by: step, curvature / (1 + curvature * variance))
        rows += 1
        if rows % Self.pause == 0 { estimatePrecision() }
    }

    /// Moves the mean along `gains`, and takes their square from the covariance, `less` times.
    private mutating func move(along gains: [Double], by step: Double, _ less: Double) {
        for jump in 0..<count {
            mean[jump] += step * gains[jump]
            for other in 0..<count {
                covariance[jump * count + other] -= less * gains[jump] * gains[other]
            }
        }
    }

    /// Estimates the prior precision from the jumps, and learns these again under it.
    /// Source: MacKay, "Bayesian interpolation", 1992, equation 4.9 with a Gamma prior.
    private mutating func estimatePrecision() {
        var told = Self.firstWeight
        var square = Self.firstWeight * Self.firstVariance
        for jump in 0..<count {
            told += max(0, 1 - precision * covariance[jump * (count + 1)])
            square += mean[jump] * mean[jump]
        }
        let change = told / square - precision
        for jump in 0..<count {
            let scale = 1 + change * covariance[jump * (count + 1)]
            let gains = (0..<count).map { covariance[$0 * count + jump] }
            move(along: gains, by: -change / scale * mean[jump], change / scale)
        }
        precision += change
    }
}

extension JumpPosterior {
    func write(to writer: inout ByteWriter) {
        writer.doubles(mean)
        writer.doubles(covariance)
        writer.double(precision)
        writer.integer(Int64(rows))
    }

    /// The jumps that were kept; `nil` for what can be none.
    init?(count: Int, from reader: inout ByteReader) throws(ByteCodingError) {
        let (mean, covariance) = (try reader.doubles(), try reader.doubles())
        let precision = try reader.double()
        let rows = Int(try reader.integer(Int64.self))
        guard mean.count == count, covariance.count == count * count, rows >= 0, precision > 0,
            ([precision] + mean + covariance).allSatisfy(\.isFinite),
            (0..<count).allSatisfy({ covariance[$0 * (count + 1)] > 0 })
        else { return nil }
        self.count = count
        self.mean = mean
        self.covariance = covariance
        self.precision = precision
        self.rows = rows
    }
}
