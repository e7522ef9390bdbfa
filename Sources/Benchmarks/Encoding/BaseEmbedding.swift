import Encoder
import Engine

/// Each text's vector from the base itself, made once.
final class BaseEmbedding: TextEmbedding {
    private let encoder: TextEncoder
    private let width: Int
    private var known: [String: [Float]] = [:]

    init(_ base: BaseModel) throws {
        encoder = try TextEncoder(
            base: base, adapters: nil, maxTokens: 32, threads: 1, prefixCacheBytes: 0)
        width = base.hiddenSize
    }

    func vectors(of texts: [String]) throws -> [[Float]] {
        let missing = texts.filter { known[$0] == nil }
        if !missing.isEmpty {
            let flat = try encoder.encode(missing)
            for (row, text) in missing.enumerated() {
                known[text] = Array(flat[row * width..<(row + 1) * width])
            }
        }
        return texts.compactMap { known[$0] }
    }

    func use(_ adapters: Adapters) throws {}
}
