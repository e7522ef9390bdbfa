import Encoder
import Engine

/// The engine's view of the encoder.
final class EncoderEmbedding: TextEmbedding {
    let encoder: TextEncoder

    init(_ encoder: TextEncoder) { self.encoder = encoder }

    func vectors(of texts: [String]) throws -> [[Float]] { try encoder.vectors(of: texts) }

    func use(_ adapters: Adapters) throws {
        try encoder.setAdapters(adapters)
    }
}
