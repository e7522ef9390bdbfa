import Records

/// The mean of paired differences over a stream, with bounds that hold at every moment at once.
///
/// Differences of one user may depend on each other: the variance is that of the users' sums, and
/// never taken below the one of independent examples.
/// Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
/// asymptotic confidence sequences" (Annals of Statistics 2024), the one-sided normal-mixture
/// boundary of its appendix; the same boundary is eq. (3.7) of Howard, Ramdas, McAuliffe and
/// Sekhon (Annals of Statistics 2021).
struct PairedSequence: Sendable {
    struct UserSum: Sendable {
        var difference = 0.0
        var count = 0.0
    }

    private(set) var examples = 0
    /// Sum of the served predictions' losses: what a relative margin refers to.
    private(set) var served = 0.0
    private var difference = 0.0
    private var squares = 0.0
    // Sums over users of D², D·n and n², with D the sum of differences and n the examples of one.
    private var userSquares = 0.0
    private var userProducts = 0.0
    private var userCounts = 0.0
    private(set) var users: [UInt64: UserSum] = [:]

    mutating func add(difference d: Double, served loss: Double, user: UInt64) {
        examples += 1
        served += loss
        difference += d
        squares += d * d
        let old = users[user] ?? UserSum()
        let new = UserSum(difference: old.difference + d, count: old.count + 1)
        userSquares += new.difference * new.difference - old.difference * old.difference
        userProducts += new.difference * new.count - old.difference * old.count
        userCounts += new.count * new.count - old.count * old.count
        users[user] = new
    }

    /// Mean difference. Units: nats an example.
    var mean: Double { examples > 0 ? difference / Double(examples) : 0 }

    /// Variance of one example's difference, users' correlation included.
    private var variance: Double {
        guard users.count > 1 else { return .infinity }
        let n = Double(examples)
        let plain = squares - n * mean * mean
        let clustered = userSquares - 2 * mean * userProducts + mean * mean * userCounts
        let groups = Double(users.count)
        return max(plain, clustered * groups / (groups - 1), 0) / n
    }

    /// Standard deviation of the mean, at one look.
    var deviation: Double { examples > 0 ? (variance / Double(examples)).squareRoot() : .infinity }

    /// How far the mean may be from the truth, to one side.
    ///
    /// - Parameters:
    ///   - alpha: the probability that it is ever further on that side, over all moments together.
    ///   - tunedFor: the number of examples at which the bound is tightest.
    func radius(alpha: Double, tunedFor: Int) -> Double {
        guard examples > 1, variance.isFinite else { return .infinity }
        let t = Double(examples)
        // ρ² for which the boundary is tightest at `tunedFor` examples.
        let tail = -2 * naturalLogarithm(2 * alpha)
        let rho2 = (tail + naturalLogarithm(tail + 1)) / Double(tunedFor)
        let mixed = t * rho2 + 1
        let log = naturalLogarithm(1 + mixed.squareRoot() / (2 * alpha))
        return (variance * 2 * mixed / (t * t * rho2) * log).squareRoot()
    }
}

// MARK: Bytes

extension PairedSequence {
    func write(to writer: inout ByteWriter) {
        writer.integer(Int64(examples))
        for value in [served, difference, squares, userSquares, userProducts, userCounts] {
            writer.double(value)
        }
        writer.array(users.sorted { $0.key < $1.key }) { writer, user in
            writer.integer(user.key)
            writer.shortDouble(user.value.difference)
            writer.shortDouble(user.value.count)
        }
    }

    init(from reader: inout ByteReader) throws(ByteCodingError) {
        examples = Int(try reader.integer(Int64.self))
        served = try reader.double()
        difference = try reader.double()
        squares = try reader.double()
        userSquares = try reader.double()
        userProducts = try reader.double()
        userCounts = try reader.double()
        let rows = try reader.array { (reader) throws(ByteCodingError) in
            (
                try reader.integer(UInt64.self),
                UserSum(difference: try reader.shortDouble(), count: try reader.shortDouble())
            )
        }
        users = Dictionary(rows) { first, _ in first }
    }
}
