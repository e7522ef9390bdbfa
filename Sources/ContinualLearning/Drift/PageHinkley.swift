import Records

/// Page and Hinkley's test that the mean of a stream has risen.
///
/// Values are taken in units of their own standard deviation so far, so that one setting serves every
/// stream. Where nothing changes, the sum that is watched drifts down by `tolerance` a value, and passes
/// `threshold` with a probability of about e^(-2 · tolerance · threshold) from each of its lows.
/// Source: Page, "Continuous inspection schemes", Biometrika 1954.
struct PageHinkley: Sendable, Equatable {
    static let tolerance = 0.05
    static let threshold = 200.0
    /// Values before the deviation is trusted.
    static let warmUp = 200.0

    private(set) var count = 0.0
    private(set) var mean = 0.0
    private(set) var squares = 0.0
    private(set) var sum = 0.0
    private(set) var lowest = 0.0

    /// - Returns: whether the mean has risen; then the test begins anew.
    mutating func add(_ value: Double) -> Bool {
        count += 1
        let before = value - mean
        mean += before / count
        squares += before * (value - mean)
        guard count > Self.warmUp, squares > 0 else { return false }
        // Against zero, not against the mean so far: what is watched has a known mean.
        sum += value / (squares / count).squareRoot() - Self.tolerance
        lowest = min(lowest, sum)
        guard sum - lowest > Self.threshold else { return false }
        self = PageHinkley()
        return true
    }

    func write(to writer: inout ByteWriter) {
        for value in [count, mean, squares, sum, lowest] { writer.double(value) }
    }

    init() {}

    init(from reader: inout ByteReader) throws(ByteCodingError) {
        count = try reader.double()
        mean = try reader.double()
        squares = try reader.double()
        sum = try reader.double()
        lowest = try reader.double()
    }
}
