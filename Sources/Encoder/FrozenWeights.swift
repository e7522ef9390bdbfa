import Records
import Tensor

/// The base's tensors of one layer, read-only.
///
/// Shapes: H hidden, I intermediate. A projection's matrix is (columns out, columns in), as stored.
struct FrozenLayer: Sendable {
    /// Query, key and value, one below the other: (3H, H) and (1, 3H).
    let projection, projectionBias: Matrix
    /// After the heads: (H, H) and (1, H).
    let attention, attentionBias: Matrix
    let attentionNorm: NormWeights
    /// Feed-forward up: (I, H) and (1, I); down: (H, I) and (1, H).
    let up, upBias, down, downBias: Matrix
    let outputNorm: NormWeights

    var matrices: LayerMatrices<Matrix> {
        LayerMatrices(projection: projection, attention: attention, up: up, down: down)
    }
}

/// All weights of a base in one aligned arena whose pages are read-only.
final class FrozenWeights: Sendable {
    let words, positions: Matrix
    /// The embedding of the first token type, the only one that single texts have.
    let type: Matrix
    let embeddingNorm: NormWeights
    let layers: [FrozenLayer]
    /// Each layer's matrices as a forward pass multiplies by their transposes.
    let forward: [LayerMatrices<Multiplier>]
    /// SHA-256 of the weight file, or of the digests of several in the order of their names.
    let fingerprint: Digest256
    /// Every tensor by its place in the arena, for checks.
    let places: [Place]
    private let arena: FloatBuffer
    /// What those need beside the arena, read-only too.
    private let panels: FloatBuffer

    struct Place: Sendable {
        /// As in the file, without a prefix.
        let name: String
        let shape: [Int]
        let offset: Int

        var count: Int { shape.reduce(1, *) }
    }

    /// Reads a model's files.
    convenience init(
        directory: String, _ shape: BertConfiguration, _ numerics: Numerics
    ) throws(EncoderError) {
        let plan = Plan(shape)
        let arena = try Self.room(plan)
        let source = try WeightFiles(directory: directory)
        let fingerprint = try Self.fill(arena, plan.places, from: source)
        try self.init(arena, plan, shape, fingerprint, numerics)
    }

    /// A copy in which `change` may alter matrices before the pages become read-only.
    convenience init(
        copying other: FrozenWeights, _ shape: BertConfiguration, _ numerics: Numerics,
        fingerprint: Digest256,
        change: (_ name: String, _ matrix: MutableMatrix) -> Void
    ) throws(EncoderError) {
        let plan = Plan(shape)
        let arena = try Self.room(plan)
        for place in plan.places {
            let columns = place.shape[place.shape.count - 1]
            let target = arena.mutableMatrix(
                at: place.offset, rows: place.count / columns, columns: columns)
            target.copy(
                from: other.arena.matrix(
                    at: place.offset, rows: target.rows, columns: target.columns))
            change(place.name, target)
        }
        try self.init(arena, plan, shape, fingerprint, numerics)
    }

    private static func room(_ plan: Plan) throws(EncoderError) -> FloatBuffer {
        guard let arena = FloatBuffer(count: plan.count) else {
            throw .memory(bytes: plan.count * MemoryLayout<Float>.stride)
        }
        return arena
    }

    /// Takes over a filled arena and makes it read-only.
    private init(
        _ arena: FloatBuffer, _ plan: Plan, _ shape: BertConfiguration, _ fingerprint: Digest256,
        _ numerics: Numerics
    ) throws(EncoderError) {
        arena.seal()
        self.arena = arena
        self.fingerprint = fingerprint
        places = plan.places
        let offsets = Dictionary(uniqueKeysWithValues: plan.places.map { ($0.name, $0.offset) })
        func view(_ name: String, _ rows: Int, _ columns: Int) -> Matrix {
            guard let offset = offsets[name] else { preconditionFailure("\(name) is not planned") }
            return arena.matrix(at: offset, rows: rows, columns: columns)
        }
        let hidden = shape.hiddenSize
        func norm(_ name: String) -> NormWeights {
            NormWeights(
                gamma: view("\(name).LayerNorm.weight", 1, hidden),
                beta: view("\(name).LayerNorm.bias", 1, hidden), epsilon: shape.normEpsilon)
        }
        words = view("embeddings.word_embeddings.weight", shape.vocabularySize, hidden)
        positions = view("embeddings.position_embeddings.weight", shape.positionCount, hidden)
        type = view("embeddings.token_type_embeddings.weight", 1, hidden)
        embeddingNorm = norm("embeddings")
        let layers = (0..<shape.layerCount).map { index in
            let inner = shape.intermediateSize
            func part(_ name: String, _ rows: Int, _ columns: Int) -> Matrix {
                view("encoder.layer.\(index).\(name)", rows, columns)
            }
            return FrozenLayer(
                projection: part("attention.self.query.weight", 3 * hidden, hidden),
                projectionBias: part("attention.self.query.bias", 1, 3 * hidden),
                attention: part("attention.output.dense.weight", hidden, hidden),
                attentionBias: part("attention.output.dense.bias", 1, hidden),
                attentionNorm: norm("encoder.layer.\(index).attention.output"),
                up: part("intermediate.dense.weight", inner, hidden),
                upBias: part("intermediate.dense.bias", 1, inner),
                down: part("output.dense.weight", hidden, inner),
                downBias: part("output.dense.bias", 1, hidden),
                outputNorm: norm("encoder.layer.\(index).output"))
        }
        self.layers = layers
        func placed(_ arena: inout Arena) -> [LayerMatrices<Multiplier>] {
            layers.map { $0.matrices.map { numerics.place($0, transposed: true, in: &arena) } }
        }
        var measure = Arena.measuring
        _ = placed(&measure)
        guard let panels = FloatBuffer(count: measure.used) else {
            throw .memory(bytes: measure.used * MemoryLayout<Float>.stride)
        }
        var room = Arena(panels)
        forward = placed(&room)
        for (multipliers, layer) in zip(forward, layers) {
            multipliers.with(layer.matrices).forEach { numerics.fill($0.0, from: $0.1) }
        }
        panels.seal()
        self.panels = panels
    }

    /// The bits of one tensor, to prove that nothing moved them.
    func values(_ place: Place) -> [Float] {
        arena.matrix(at: place.offset, rows: 1, columns: place.count).values
    }

    /// Copies every planned tensor out of the files.
    private static func fill(
        _ arena: FloatBuffer, _ places: [Place], from source: WeightFiles
    ) throws(EncoderError) -> Digest256 {
        var missing = Dictionary(uniqueKeysWithValues: places.map { ($0.name, $0) })
        var digests: [Digest256] = []
        for (path, listed) in source.files {
            let file = try WeightFile(path)
            digests.append(file.digest)
            for name in (listed ?? []).sorted() where file.content.entry(name) == nil {
                throw .tensor(.safetensors(file: path, .missing(tensor: name)))
            }
            for entry in file.content.entries where listed?.contains(entry.name) ?? true {
                guard let place = missing.removeValue(forKey: plainName(entry.name)) else {
                    continue
                }
                let target = arena.mutableMatrix(at: place.offset, rows: 1, columns: place.count)
                do {
                    try file.content.copy(entry.name, shape: place.shape, to: target)
                } catch {
                    throw .tensor(.safetensors(file: path, error))
                }
            }
        }
        if let first = missing.keys.min() {
            throw .tensor(.safetensors(file: source.files[0].path, .missing(tensor: first)))
        }
        if digests.count == 1 { return digests[0] }
        return SHA256.hash(digests.flatMap(\.bytes))
    }

    /// A tensor's name as a bare encoder has it: models saved with a head put `bert.` before it,
    /// and early ones call the parameters of a LayerNorm gamma and beta.
    private static func plainName(_ name: String) -> String {
        var plain = name.hasPrefix("bert.") ? String(name.dropFirst(5)) : name
        if plain.hasSuffix("LayerNorm.gamma") { plain = plain.dropLast(5) + "weight" }
        if plain.hasSuffix("LayerNorm.beta") { plain = plain.dropLast(4) + "bias" }
        return plain
    }

    /// Which tensor goes where. Query, key and value lie one after the other without a gap, so
    /// that one product makes all three.
    private struct Plan {
        var places: [Place] = []
        var count = 0

        init(_ shape: BertConfiguration) {
            let hidden = shape.hiddenSize
            let inner = shape.intermediateSize
            add("embeddings.word_embeddings.weight", [shape.vocabularySize, hidden])
            add("embeddings.position_embeddings.weight", [shape.positionCount, hidden])
            add("embeddings.token_type_embeddings.weight", [shape.typeCount, hidden])
            add("embeddings.LayerNorm.weight", [hidden])
            add("embeddings.LayerNorm.bias", [hidden])
            for layer in 0..<shape.layerCount {
                let prefix = "encoder.layer.\(layer)."
                for parameter in ["weight", "bias"] {
                    align()
                    for name in ["query", "key", "value"] {
                        let extents = parameter == "weight" ? [hidden, hidden] : [hidden]
                        append(prefix + "attention.self.\(name).\(parameter)", extents)
                    }
                }
                add(prefix + "attention.output.dense.weight", [hidden, hidden])
                add(prefix + "attention.output.dense.bias", [hidden])
                add(prefix + "attention.output.LayerNorm.weight", [hidden])
                add(prefix + "attention.output.LayerNorm.bias", [hidden])
                add(prefix + "intermediate.dense.weight", [inner, hidden])
                add(prefix + "intermediate.dense.bias", [inner])
                add(prefix + "output.dense.weight", [hidden, inner])
                add(prefix + "output.dense.bias", [hidden])
                add(prefix + "output.LayerNorm.weight", [hidden])
                add(prefix + "output.LayerNorm.bias", [hidden])
            }
        }

        private mutating func align() { count = (count + 15) / 16 * 16 }

        private mutating func add(_ name: String, _ shape: [Int]) {
            align()
            append(name, shape)
        }

        private mutating func append(_ name: String, _ shape: [Int]) {
            places.append(Place(name: name, shape: shape, offset: count))
            count += shape.reduce(1, *)
        }
    }
}
