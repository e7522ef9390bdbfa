import Foundation
import Records
import Tensor
import Testing

import Encoder

@Suite("A base is loaded in full or refused with the file and the reason")
struct BaseModelTests {
    private let weights = "model.safetensors"
    private let query = "encoder.layer.1.attention.self.query.weight"

    @Test("shape, pooling and fingerprint are those of the files", arguments: Fixture.bases)
    func loads(_ name: String) throws {
        let base = try Fixture.base(name)
        let file = Fixture.root + "/\(name)/model.safetensors"
        if FileManager.default.fileExists(atPath: file) {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
            #expect(base.fingerprint == SHA256.hash(bytes))
        }
        let expected: [String: (Int, Int, SentencePooling.Mode, Bool)] = [
            "gelu-mean": (32, 3, .mean, true), "tanh-cls": (48, 2, .cls, false),
            "relu-max": (24, 2, .max, true), "masked-lm": (40, 4, .mean, false),
        ]
        let (hidden, layers, mode, isNormalized) = try #require(expected[name])
        #expect(base.hiddenSize == hidden && base.layerCount == layers)
        #expect(base.pooling.mode == mode && base.pooling.isNormalized == isNormalized)
        #expect(base.maxTokens == 512 && base.name == name)
    }

    @Test("a base loads without its sentence-transformers files: the mean, as it is")
    func plain() throws {
        let folder = try ScratchFolder(copying: "gelu-mean")
        try folder.remove("modules.json")
        let base = try BaseModel.load(directory: folder.path + "/")
        #expect(base.pooling.mode == .mean && !base.pooling.isNormalized)
    }

    @Test("a file that is missing is named")
    func missingFiles() throws {
        #expect(
            loadError("/nowhere/at/all")
                == .unreadable(
                    file: "/nowhere/at/all/config.json", reason: "No such file or directory"))
        for name in ["config.json", "vocab.txt", weights, "1_Pooling/config.json"] {
            let folder = try ScratchFolder(copying: "gelu-mean")
            try folder.remove(name)
            let message = loadError(folder.path)?.description ?? "loaded"
            #expect(message.contains(name), "\(message)")
        }
        let folder = try ScratchFolder(copying: "relu-max")
        try folder.remove("model-00002-of-00003.safetensors")
        #expect(loadError(folder.path)?.description.contains("model-00002-of-00003") == true)
    }

    @Test("truncated weights are refused wherever they are cut")
    func truncated() throws {
        let folder = try ScratchFolder(copying: "gelu-mean")
        let whole = folder[weights]
        for count in [0, 7, 100, 5_000, whole.count / 2, whole.count - 1] {
            folder[weights] = Array(whole[..<count])
            guard case .tensor(.safetensors(let file, _)) = loadError(folder.path) else {
                Issue.record("weights cut to \(count) bytes were loaded")
                continue
            }
            #expect(file.hasSuffix(weights))
        }
    }

    @Test("missing tensors, other shapes and values that are not finite are named")
    func tensors() throws {
        let folder = try ScratchFolder(copying: "gelu-mean")
        let path = folder.path + "/" + weights
        let whole = folder[weights]
        try folder.rewrite(weights) { $0.name == query ? nil : $0 }
        #expect(
            loadError(folder.path) == .tensor(.safetensors(file: path, .missing(tensor: query))))
        folder[weights] = whole
        try folder.rewrite(weights) { tensor in
            tensor.name == query
                ? NamedTensor(name: query, shape: [16, 64], values: tensor.values) : tensor
        }
        #expect(
            loadError(folder.path)
                == .tensor(
                    .safetensors(
                        file: path, .shape(tensor: query, expected: [32, 32], found: [16, 64]))))
        folder[weights] = whole
        try folder.rewrite(weights) { tensor in
            var values = tensor.values
            if tensor.name == query { values[77] = .nan }
            return NamedTensor(name: tensor.name, shape: tensor.shape, values: values)
        }
        #expect(
            loadError(folder.path)
                == .tensor(.safetensors(file: path, .notFinite(tensor: query, index: 77))))
    }

    @Test("overlapping tensors are refused")
    func overlapping() throws {
        let folder = try ScratchFolder(copying: "gelu-mean")
        let bytes = folder[weights]
        let length = Int(bytes[0]) | Int(bytes[1]) << 8
        var header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
        // The second tensor starts where the first does.
        let entries = try Safetensors(bytes).entries
        let (first, second) = (entries[0], entries[1])
        header = header.replacingOccurrences(
            of: "[\(second.range.lowerBound),\(second.range.upperBound)]",
            with: "[0,\(second.range.count)]")
        let text = Array(header.utf8)
        folder[weights] =
            (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
            + bytes[(8 + length)...]
        guard case .tensor(.safetensors(_, .overlap(let a, let b))) = loadError(folder.path) else {
            Issue.record("overlapping tensors were loaded")
            return
        }
        #expect(Set([a, b]) == [first.name, second.name])
    }

    @Test(
        "what is not computed here is refused with the reason",
        arguments: [
            ("\"model_type\": \"bert\"", "\"model_type\": \"roberta\"", "'roberta'"),
            ("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"silu\"", "'silu'"),
            ("\"is_decoder\": false", "\"is_decoder\": true", "decoder"),
            ("\"hidden_size\": 32", "\"hidden_size\": 34", "34"),
            ("\"hidden_size\": 32", "\"hidden_size\": -4", "hidden_size"),
            ("\"hidden_size\": 32", "\"hidden_size\": \"big\"", "hidden_size"),
            ("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4", "layer.3"),
            (
                "\"model_type\": \"bert\"",
                "\"model_type\": \"bert\", \"quantization_config\": {}", "quantised"
            ),
            (
                "\"model_type\": \"bert\"",
                "\"model_type\": \"bert\", \"position_embedding_type\": \"relative_key\"",
                "relative_key"
            ),
            ("{", "", "not JSON"),
        ])
    func configurations(_ old: String, _ new: String, _ reason: String) throws {
        let folder = try ScratchFolder(copying: "gelu-mean")
        folder.replace(old, new, in: "config.json")
        let message = loadError(folder.path)?.description ?? "loaded"
        #expect(message.contains(reason), "\(message)")
    }

    @Test("modules and poolings that are not computed here are refused with their names")
    func modules() throws {
        var folder = try ScratchFolder(copying: "gelu-mean")
        folder.replace("models.Normalize", "models.Dense", in: "modules.json")
        #expect(loadError(folder.path)?.description.contains("Dense") == true)
        folder = try ScratchFolder(copying: "gelu-mean")
        folder.replace("1_Pooling", "../1_Pooling", in: "modules.json")
        #expect(loadError(folder.path)?.description.contains("leaves the folder") == true)
        folder = try ScratchFolder(copying: "gelu-mean")
        folder.replace(
            "\"pooling_mode_cls_token\": false", "\"pooling_mode_cls_token\": true",
            in: "1_Pooling/config.json")
        #expect(loadError(folder.path)?.description.contains("cls and mean") == true)
        folder = try ScratchFolder(copying: "gelu-mean")
        folder.replace("\": 32", "\": 48", in: "1_Pooling/config.json")
        #expect(loadError(folder.path)?.description.contains("48 columns") == true)
    }

    @Test("a vocabulary larger than the embeddings is refused")
    func vocabulary() throws {
        let folder = try ScratchFolder(copying: "gelu-mean")
        folder["vocab.txt"] += Array("newword\nanother\n".utf8)
        guard case .vocabulary(_, let ids, let embeddings) = loadError(folder.path) else {
            Issue.record("a vocabulary that does not match was loaded")
            return
        }
        #expect(ids == embeddings + 2)
    }

    @Test("an index that points outside the folder is refused")
    func index() throws {
        let folder = try ScratchFolder(copying: "relu-max")
        folder.replace(
            "model-00002-of-00003", "../model-00002-of-00003",
            in: "model.safetensors.index.json")
        #expect(loadError(folder.path)?.description.contains("it names the file '../") == true)
        let other = try ScratchFolder(copying: "relu-max")
        other.replace(
            "\"weight_map\": {",
            "\"weight_map\": {\"extra\": \"model-00001-of-00003.safetensors\",",
            in: "model.safetensors.index.json")
        #expect(loadError(other.path)?.description.contains("'extra' is missing") == true)
    }

    @Test("limits on tokens and threads are checked")
    func limits() throws {
        let base = try Fixture.base("gelu-mean")
        for tokens in [0, 1, 513] {
            #expect(throws: EncoderError.self) {
                _ = try TextEncoder(base: base, adapters: nil, maxTokens: tokens)
            }
        }
        #expect(throws: EncoderError.self) {
            _ = try TextEncoder(base: base, adapters: nil, threads: 0)
        }
        #expect(throws: EncoderError.self) {
            _ = try TextEncoder(base: base, adapters: nil, prefixCacheBytes: -1)
        }
        let encoder = try TextEncoder(base: base, adapters: nil, maxTokens: 8)
        #expect(try encoder.encode([]).isEmpty)
        let long = try encoder.encode([String(repeating: "aah ", count: 10_000)])
        #expect(sameBits(long, try encoder.encode(["aah aah aah aah aah aah"])))
        #expect(try encoder.encode(["", "\u{0}"]).count == 64)
    }
}
