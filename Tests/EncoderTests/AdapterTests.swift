import Foundation
import Records
import Tensor
import Testing

import Encoder

@Suite("Adapters: kinds, places, files")
struct AdapterTests {
    /// The error of an attempt.
    private func error(_ body: () throws(EncoderError) -> Void) -> String {
        do throws(EncoderError) {
            try body()
            return "nothing was thrown"
        } catch {
            return error.description
        }
    }

    @Test(
        "fresh adapters change no vector, and are the same for the same seed",
        arguments: AdapterConfiguration.Kind.allCases)
    func fresh(_ kind: AdapterConfiguration.Kind) throws {
        let base = try Fixture.base("gelu-mean")
        let configuration = AdapterConfiguration(
            kind: kind, rank: 4, targets: [.attentionOutput, .output], layers: [0, 2])
        let adapters = try Adapters(configuration: configuration, base: base, seed: 3)
        #expect(adapters == (try Adapters(configuration: configuration, base: base, seed: 3)))
        #expect(adapters != (try Adapters(configuration: configuration, base: base, seed: 4)))
        let texts = someTexts(10, longest: 12, seed: 1)
        let plain = try TextEncoder(base: base, adapters: nil).encode(texts)
        let adapted = try TextEncoder(base: base, adapters: adapters).encode(texts)
        #expect(sameBits(plain, adapted))
        #expect(adapters.norms.count == adapters.tensors.count)
        #expect(adapters.norms.contains { $0.norm == 0 } && adapters.norms.contains { $0.norm > 0 })
    }

    @Test("a configuration that does not fit is refused with the value")
    func configurations() throws {
        let base = try Fixture.base("gelu-mean")
        let wrong: [(AdapterConfiguration, String)] = [
            (.init(rank: 0, layers: [0]), "rank 0"), (.init(rank: 33, layers: [0]), "rank 33"),
            (.init(alpha: .nan, layers: [0]), "alpha"), (.init(alpha: -1, layers: [0]), "alpha"),
            (.init(dropout: 1, layers: [0]), "dropout"), (.init(layers: []), "no layer"),
            (.init(targets: [], layers: [0]), "no target"), (.init(layers: [3]), "[3]"),
            (.init(layers: [-1, 0]), "[-1, 0]"),
            (.init(kind: .houlsby, targets: [.query], layers: [0]), "query"),
            (.init(kind: .houlsby, dropout: 0.1, targets: [.output], layers: [0]), "dropout"),
        ]
        for (configuration, reason) in wrong {
            let message = error { () throws(EncoderError) in
                _ = try Adapters(configuration: configuration, base: base, seed: 1)
            }
            #expect(message.contains(reason), "\(message)")
        }
        #expect(AdapterConfiguration.topLayers(2, of: base) == 1..<3)
        #expect(AdapterConfiguration.topLayers(9, of: base) == 0..<3)
        #expect(
            AdapterConfiguration(targets: [.value, .query, .value], layers: [2, 0, 2])
                == AdapterConfiguration(targets: [.query, .value], layers: [0, 2]))
        #expect(AdapterConfiguration(rank: 4, alpha: 8, layers: [0]).scaling == 2)
        #expect(
            AdapterConfiguration(rank: 4, alpha: 8, isRankStabilized: true, layers: [0]).scaling
                == 4)
    }

    @Test(
        "what we save is what PEFT saved, tensor for tensor, and loads again bit for bit",
        arguments: Fixture.adapters)
    func roundTrip(_ name: String) throws {
        let (base, fixture) = try Fixture.adapter(name)
        let adapters = try Adapters.load(directory: fixture.directory, base: base)
        let folder = try ScratchFolder()
        try adapters.save(to: folder.path + "/made", baseName: base.name)
        #expect(try Adapters.load(directory: folder.path + "/made", base: base) == adapters)
        let ours = try Safetensors(folder["made/adapter_model.safetensors"])
        let file = URL(fileURLWithPath: fixture.directory + "/adapter_model.safetensors")
        let theirs = try Safetensors(Array(try Data(contentsOf: file)))
        let wrapper = adapters.configuration.kind == .lora ? "" : ""
        #expect(
            Set(ours.entries.map { wrapper + $0.name }) == Set(theirs.entries.map(\.name)))
        for entry in theirs.entries {
            #expect(ours.entry(entry.name)?.shape == entry.shape)
            #expect(sameBits(try ours.values(entry.name), try theirs.values(entry.name)))
        }
        #expect(ours.metadata["base_sha256"] == base.fingerprint.hex)
    }

    @Test("an adapter made for another base is refused, by fingerprint or by shape")
    func otherBase() throws {
        let (base, fixture) = try Fixture.adapter("gelu-mean/query-value-top2")
        let other = try Fixture.base("masked-lm")
        let adapters = try Adapters.load(directory: fixture.directory, base: base)
        let folder = try ScratchFolder()
        try adapters.save(to: folder.path, baseName: "gelu-mean")
        #expect(
            error { () throws(EncoderError) in
                _ = try Adapters.load(directory: folder.path, base: other)
            }.contains("SHA-256 \(base.fingerprint.hex)"))
        // PEFT's own file says nothing of the base's weights: the shapes do.
        let message = error { () throws(EncoderError) in
            _ = try Adapters.load(directory: fixture.directory, base: other)
        }
        #expect(message.contains("has shape [8, 32], expected [8, 40]"), "\(message)")
        #expect(throws: EncoderError.self) { _ = try TextEncoder(base: other, adapters: adapters) }
        let encoder = try TextEncoder(base: other, adapters: nil)
        #expect(throws: EncoderError.self) { try encoder.setAdapters(adapters) }
        #expect(throws: EncoderError.self) {
            _ = try unsafe encoder.trainStep(texts: ["aah"], upstream: push)
        }
    }

    @Test(
        "settings that would change what is computed are refused by name",
        arguments: [
            ("\"use_dora\": false", "\"use_dora\": true", "use_dora"),
            ("\"bias\": \"none\"", "\"bias\": \"all\"", "bias"),
            ("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out"),
            ("\"rank_pattern\": {}", "\"rank_pattern\": {\"query\": 4}", "rank_pattern"),
            ("\"modules_to_save\": null", "\"modules_to_save\": [\"pooler\"]", "modules_to_save"),
            ("\"peft_type\": \"LORA\"", "\"peft_type\": \"LOHA\"", "LOHA"),
            ("\"r\": 8", "\"r\": 7", "expected [7, 32]"),
            ("\"r\": 8", "\"r\": \"eight\"", "'r'"),
        ])
    func settings(_ old: String, _ new: String, _ reason: String) throws {
        let (base, fixture) = try Fixture.adapter("gelu-mean/query-value-top2")
        let folder = try ScratchFolder()
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            try FileManager.default.copyItem(
                atPath: fixture.directory + "/" + name, toPath: folder.path + "/" + name)
        }
        folder.replace(old, new, in: "adapter_config.json")
        let message = error { () throws(EncoderError) in
            _ = try Adapters.load(directory: folder.path, base: base)
        }
        #expect(message.contains(reason), "\(message)")
    }

    @Test("adapter files that are damaged are refused with the tensor")
    func damaged() throws {
        let (base, fixture) = try Fixture.adapter("gelu-mean/key")
        let weights = "adapter_model.safetensors"
        func copy() throws -> ScratchFolder {
            let folder = try ScratchFolder()
            for name in ["adapter_config.json", weights] {
                try FileManager.default.copyItem(
                    atPath: fixture.directory + "/" + name, toPath: folder.path + "/" + name)
            }
            return folder
        }
        func load(_ folder: ScratchFolder) -> String {
            error { () throws(EncoderError) in
                _ = try Adapters.load(directory: folder.path, base: base)
            }
        }
        let tensor = "encoder.layer.2.attention.self.key.lora_B.weight"
        var folder = try copy()
        try folder.rewrite(weights) { $0.name.hasSuffix(tensor) ? nil : $0 }
        #expect(load(folder).contains("'\(tensor)' is missing"))
        folder = try copy()
        folder[weights] = Array(folder[weights].dropLast(3))
        #expect(load(folder).contains("truncated"))
        folder = try copy()
        try folder.rewrite(weights) { tensor in
            var values = tensor.values
            values[2] = .infinity
            return NamedTensor(name: tensor.name, shape: tensor.shape, values: values)
        }
        #expect(load(folder).contains("NaN or infinity at element 2"))
        folder = try copy()
        try folder.rewrite(weights) {
            NamedTensor(
                name: $0.name.replacingOccurrences(of: "self.key", with: "self.kex"),
                shape: $0.shape, values: $0.values)
        }
        #expect(load(folder).contains("is on no module of a BERT layer"))
        folder = try copy()
        try folder.remove(weights)
        #expect(load(folder).contains(weights))
    }

    @Test(
        "a merged copy gives the adapted encoder's vectors, and unmerging the base's own bits",
        arguments: ["gelu-mean/all", "relu-max/all", "masked-lm/all"])
    func merging(_ name: String) throws {
        let (base, fixture) = try Fixture.adapter(name)
        let adapters = try Adapters.load(directory: fixture.directory, base: base)
        let before = base.tensors
        let merged = try base.merging(adapters)
        let texts = someTexts(12, longest: 30, seed: 5)
        let adapted = try TextEncoder(base: base, adapters: adapters).encode(texts)
        let copied = try TextEncoder(base: merged, adapters: nil).encode(texts)
        #expect(largestDifference(copied, adapted) < 2e-6)
        #expect(merged.fingerprint != base.fingerprint && merged.unmerged === base)
        #expect(merged.tensors != before && base.tensors == before)
        let plain = try TextEncoder(base: base, adapters: nil).encode(texts)
        let unmerged = try TextEncoder(base: merged.unmerged, adapters: nil).encode(texts)
        #expect(sameBits(plain, unmerged) && !sameBits(plain, adapted))
        #expect(throws: EncoderError.self) { _ = try merged.merging(adapters) }
    }

    @Test("bottlenecks cannot be merged")
    func mergingBottleneck() throws {
        let (base, fixture) = try Fixture.adapter("gelu-mean/houlsby")
        let adapters = try Adapters.load(directory: fixture.directory, base: base)
        #expect(throws: EncoderError.self) { _ = try base.merging(adapters) }
    }

    @Test("other adapters take effect, also of another kind and in other layers")
    func replaced() throws {
        let base = try Fixture.base("gelu-mean")
        let texts = someTexts(9, longest: 20, seed: 8)
        let encoder = try TextEncoder(
            base: base, adapters: nil, threads: 2, prefixCacheBytes: 1 << 20)
        let plain = try encoder.encode(texts)
        for name in ["houlsby", "key", "query-value-top2", "all", "key"] {
            let (_, fixture) = try Fixture.adapter("gelu-mean/" + name)
            let adapters = try Adapters.load(directory: fixture.directory, base: base)
            try encoder.setAdapters(adapters)
            let alone = try TextEncoder(base: base, adapters: adapters).encode(texts)
            #expect(sameBits(try encoder.encode(texts), alone), "\(name)")
            #expect(!sameBits(alone, plain))
        }
        try encoder.setAdapters(nil)
        #expect(sameBits(try encoder.encode(texts), plain))
    }
}
