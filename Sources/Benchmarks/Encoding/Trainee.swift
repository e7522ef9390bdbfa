import Encoder

/// Adapters in training, with everything a step needs.
///
/// The loss pulls every vector towards one direction: half the squared distance from
/// (-0.05, 0, 0.05, -0.05, …), summed.
final class Trainee {
    private let encoder: TextEncoder
    private var adapters: Adapters
    private var optimizer: AdamW
    private var gradient: AdapterGradient

    init(_ base: BaseModel, _ adapters: Adapters, threads: Int) throws {
        self.adapters = adapters
        encoder = try TextEncoder(
            base: base, adapters: adapters, maxTokens: 256, threads: threads,
            prefixCacheBytes: 1 << 30)
        optimizer = AdamW(.init(), for: adapters)
        gradient = AdapterGradient(adapters)
    }

    /// Puts the texts' frozen part into the prefix cache.
    func warm(_ texts: [String]) throws { _ = try encoder.encode(texts) }

    /// - Returns: the loss before the step.
    @discardableResult
    func step(_ texts: [String]) throws -> Double {
        var loss = 0.0
        try unsafe encoder.trainStep(texts: texts, into: &gradient) { vectors, gradient in
            loss = unsafe Self.pull(vectors, gradient)
        }
        try finish()
        return loss
    }

    @discardableResult
    func step(_ sequences: [[Int32]]) throws -> Double {
        var loss = 0.0
        gradient = try unsafe encoder.trainStep(sequences: sequences) { vectors, gradient in
            loss = unsafe Self.pull(vectors, gradient)
        }
        try finish()
        return loss
    }

    private func finish() throws {
        optimizer.step(&adapters, gradient)
        try encoder.setAdapters(adapters)
    }

    private static func pull(
        _ vectors: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
    ) -> Double {
        var loss = 0.0
        for index in 0..<gradient.count {
            let distance = unsafe vectors[index] - 0.05 * Float(index % 3 - 1)
            unsafe gradient[index] = distance
            loss += Double(distance * distance) / 2
        }
        return loss
    }
}
