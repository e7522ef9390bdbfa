import Records

/// How far numbers scatter about what is predicted of them, learned along: the variance of a squared
/// error.
public struct LabelNoise: Sendable, Equatable {
    /// What the estimate starts from, and how many labels that counts for.
    public let first: Double
    static let strength = 20.0

    private(set) var count = 0.0
    /// Sum of squared errors, less what the predictions' own doubt explains of them.
    private(set) var sum = 0.0

    /// - Parameter first: a variance; what is below 1e-9 counts as 1e-9.
    public init(first: Double) { self.first = max(first, Self.least) }

    static let least = 1e-9

    var variance: Double {
        max((sum + Self.strength * first) / (count + Self.strength), Self.least)
    }

    mutating func add(_ error: Double, of doubt: Double) {
        count += 1
        // One absurd label must not drown all others.
        sum += min(max(0, error * error - doubt), 100 * variance)
    }

    /// Takes back a label that was added and was wrong.
    mutating func remove(_ error: Double) {
        count = max(0, count - 1)
        sum = max(0, sum - min(error * error, 100 * variance))
    }

    func write(to writer: inout ByteWriter) {
        for value in [first, count, sum] { writer.double(value) }
    }

    init(from reader: inout ByteReader) throws(ByteCodingError) {
        first = try reader.double()
        count = try reader.double()
        sum = try reader.double()
        guard first > 0, count >= 0, sum >= 0, first.isFinite, sum.isFinite else {
            throw .badValue(at: 0, "an impossible noise")
        }
    }
}
