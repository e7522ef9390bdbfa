import Tensor

/// The same passes over sequences of ids, past the tokenizer: for checks against other
/// implementations, and for whoever has split his texts already.
extension TextEncoder {
    /// - Returns: the last layer's output, packed, and the vectors. Shapes: (T, H) and (count, H).
    /// - Throws: when a sequence is empty or too long or has an id without embedding.
    package func encode(
        sequences: [[Int32]]
    ) throws(EncoderError) -> (hidden: [Float], vectors: [Float]) {
        try check(sequences)
        let hidden = try core.encode(sequences: sequences, keepingHidden: true)
        return (hidden, core.rows(Array(sequences.indices)))
    }

    /// - Returns: the vectors alone. Shape: (count, H).
    /// - Throws: as `encode(sequences:)`.
    package func vectors(sequences: [[Int32]]) throws(EncoderError) -> [Float] {
        try check(sequences)
        _ = try core.encode(sequences: sequences, keepingHidden: false)
        return core.rows(Array(sequences.indices))
    }

    /// See `trainStep(texts:)`.
    package func trainStep(
        sequences: [[Int32]], dropoutSeed: UInt64 = 0,
        upstream: (
            _ vectors: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
        ) -> Void
    ) throws(EncoderError) -> AdapterGradient {
        var gradient = try emptyGradient()
        try check(sequences)
        try core.trainForward(sequences: sequences, dropoutSeed: dropoutSeed)
        try unsafe core.exchange(Array(sequences.indices), upstream)
        core.trainBackward(into: &gradient)
        return gradient
    }

    private func check(_ sequences: [[Int32]]) throws(EncoderError) {
        for ids in sequences {
            guard (1...base.shape.positionCount).contains(ids.count) else {
                throw .configuration("a sequence of \(ids.count) tokens")
            }
            for id in ids where id < 0 || id >= base.shape.vocabularySize {
                throw .configuration("the token id \(id) has no embedding")
            }
        }
    }
}
