import Encoder
import Engine

/// The engine's view of the encoder.
final class EncoderEmbedding: TextEmbedding {
    let encoder: TextEncoder
    private let dimension: Int
    /// Texts encoded at one go; bounds the memory of activations.
    private static let chunk = 256

    init(_ encoder: TextEncoder, dimension: Int) {
        self.encoder = encoder
        self.dimension = dimension
    }

    func vectors(of texts: [String]) throws -> [[Float]] {
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        for start in stride(from: 0, to: texts.count, by: Self.chunk) {
            let part = Array(texts[start..<min(start + Self.chunk, texts.count)])
            let flat = try encoder.encode(part)
            for row in part.indices {
                vectors.append(Array(flat[row * dimension..<(row + 1) * dimension]))
            }
        }
        return vectors
    }

    func use(_ adapters: Adapters) throws {
        try encoder.setAdapters(adapters)
    }
}
