import ContinualLearning
import Records
import Testing

/// The arithmetic of training vectors: what texts should be, and by which weights.
@Suite struct TextRegressionTests {
    private static let width = 6

    private func texts(_ count: Int, seed: UInt64) -> [TextEvidence] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { number in
            let trials = Double(5 + random.next() % 40)
            return TextEvidence(
                text: "text \(number)", trials: trials,
                positives: (trials * random.unit() * 0.5).rounded(),
                bornHours: Double(number) * 3)
        }
    }

    private func vectors(_ count: Int, seed: UInt64) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count).flatMap { _ in
            let row = (0..<Self.width).map { _ in random.normal() }
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { Float($0 / length) }
        }
    }

    @Test("a factored matrix solves and inverts what it was made from", arguments: [1, 2, 7, 40])
    func cholesky(_ count: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        let root = (0..<count * count).map { _ in random.normal() }
        var matrix = [Double](repeating: 0, count: count * count)
        for i in 0..<count {
            for j in 0..<count {
                for k in 0..<count {
                    matrix[i * count + j] += root[i * count + k] * root[j * count + k]
                }
            }
            matrix[i * count + i] += 0.5
        }
        let factor = try #require(Cholesky(matrix, count: count))
        let wanted = (0..<count * 3).map { _ in random.normal() }
        var b = [Double](repeating: 0, count: count * 3)
        for i in 0..<count {
            for k in 0..<count {
                for c in 0..<3 { b[i * 3 + c] += matrix[i * count + k] * wanted[k * 3 + c] }
            }
        }
        let found = factor.solving(b, columns: 3)
        let worst = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
        #expect(worst < 1e-8, "solved to \(worst)")
        let inverse = factor.inverse
        for i in 0..<count {
            for j in 0..<count {
                var product = 0.0
                for k in 0..<count { product += matrix[i * count + k] * inverse[k * count + j] }
                #expect(abs(product - (i == j ? 1 : 0)) < 1e-8)
            }
        }
        matrix[count * count - 1] = -1
        #expect(Cholesky(matrix, count: count) == nil)
    }

    @Test("the weights without a chunk are those of the other chunks alone")
    func leavingOut() throws {
        let parts = [9, 4, 14, 1]
        let all = texts(28, seed: 3)
        var chunks: [TextChunk] = []
        var rows: [[Float]] = []
        var first = 0
        for (number, count) in parts.enumerated() {
            chunks.append(TextChunk(Array(all[first..<first + count]), baseLogit: -1.6))
            rows.append(vectors(count, seed: UInt64(number)))
            first += count
        }
        func fit(_ places: [Int]) throws -> TextRegression {
            try TextRegression(
                places.map { chunks[$0] }, vectors: places.map { rows[$0] }, width: Self.width,
                prior: TextPrior(), level: -1.6)
        }
        let whole = try fit(Array(parts.indices))
        for left in parts.indices {
            let others = try fit(parts.indices.filter { $0 != left }).weights
            let worst = zip(whole.leftOut[left], others).map { abs($0 - $1) }.max() ?? 1
            #expect(worst < 1e-9, "without chunk \(left): off by \(worst)")
            #expect(whole.leftOut[left] != whole.weights)
        }
    }

    @Test(
        "a chunk's gradient is that of its loss, with and without the served model's word",
        arguments: [0.0, 1.5])
    func gradient(_ strength: Double) throws {
        let count = 8
        let chunk = TextChunk(texts(count, seed: 5), baseLogit: -1.2)
        let served = vectors(count, seed: 6)
        var random = SeededRandom(seed: 7)
        let loss = ChunkLoss(
            chunk: chunk,
            noise: try TextRegression.factor(chunk.noise(served, TextPrior()), count),
            weights: (0...Self.width).map { _ in random.normal() },
            taught: strength > 0 ? served : nil, strength: strength)
        var vectors = vectors(count, seed: 8)
        let gradient = loss.gradient(vectors)
        let step: Float = 1 / 256
        for index in vectors.indices {
            let kept = vectors[index]
            vectors[index] = kept + step
            let up = loss.value(vectors)
            vectors[index] = kept - step
            let down = loss.value(vectors)
            vectors[index] = kept
            let central = (up - down) / Double(2 * step)
            #expect(
                abs(central - Double(gradient[index])) < 1e-3 * max(1, abs(central)),
                "entry \(index): \(gradient[index]), by differences \(central)")
        }
    }

    @Test("neighbours' common level is not laid to the vectors")
    func commonLevel() throws {
        // All texts of a chunk sell twice as well as usual: there is little for vectors to explain.
        let uniform = (0..<20).map {
            TextEvidence(text: "\($0)", trials: 100, positives: 30, bornHours: Double($0) / 10)
        }
        let single = uniform.enumerated().map { number, text in
            TextEvidence(
                text: text.text, trials: 100, positives: number == 0 ? 30 : 17,
                bornHours: text.bornHours)
        }
        func pull(_ texts: [TextEvidence]) throws -> Double {
            let chunk = TextChunk(texts, baseLogit: -1.6)
            let rows = vectors(texts.count, seed: 2)
            let loss = ChunkLoss(
                chunk: chunk, noise: try TextRegression.factor(chunk.noise(rows, TextPrior()), 20),
                weights: [1, 0, 0, 0, 0, 0, -1.6], taught: nil, strength: 0)
            // The level's part along the first axis, of the first text.
            return abs(Double(loss.gradient([Float](repeating: 0, count: 120))[0]))
        }
        let (all, one) = (try pull(uniform), try pull(single))
        #expect(all < 0.4 * one, "\(all) beside \(one)")
    }
}
