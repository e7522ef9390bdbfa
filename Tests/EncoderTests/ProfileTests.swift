import Foundation
import Records
import Tensor
import Testing

import Encoder

@Suite("The portable profile gives the same bits on every machine")
struct ProfileTests {
    // Each in a process of its own: the profile is settled once in a process.

    @Test("vectors, gradients and trained adapters are those of this version of the kernels")
    func golden() async {
        let (gelu, relu) = (
            await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
                print(try portableDigest(of: try portableBase("gelu-mean")))
            },
            await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
                print(try portableDigest(of: try portableBase("relu-max")))
            }
        )
        // Other bits need another `Kernels.version`: stores of the one cannot be verified with the
        // other.
        #expect(Kernels.version == 2)
        #expect(
            output(gelu).contains(
                "a7a0ef739a0c158cd9df1f053d02002293415622fbbe30ade5cb1a92ed1913ce"))
        #expect(
            output(relu).contains(
                "7281dae4aea20638a9c102a3badd70e54e9728f57738a0caf34fc0f9084f0d3a"))
    }

    private func output(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
    }

    @Test("vectors and gradients do not depend on threads or on what is beside them")
    func threads() async {
        await #expect(processExitsWith: .success) {
            let base = try portableBase("gelu-mean")
            precondition(base.numerics.rowsAreIndependent)
            let texts = someTexts(30, longest: 60, seed: 1)
            let adapters = try Adapters(
                configuration: .init(rank: 4, layers: [1, 2]), base: base, seed: 1)
            let one = try TextEncoder(base: base, adapters: adapters)
            let vectors = try one.encode(texts)
            let gradient = try unsafe one.trainStep(texts: texts, upstream: push)
            for (index, text) in texts.enumerated() {
                let alone = try one.encode([text])
                precondition(sameBits(alone, Array(vectors[index * 32..<(index + 1) * 32])))
            }
            for threads in [2, 4] {
                let more = try TextEncoder(
                    base: base, adapters: adapters, threads: threads, prefixCacheBytes: 1 << 20)
                let again = try unsafe more.trainStep(texts: texts, upstream: push)
                let encoded = try more.encode(texts)
                precondition(again == gradient && sameBits(encoded, vectors))
            }
        }
    }
}

private func portableBase(_ name: String) throws -> BaseModel {
    let numerics = try Numerics.load(.portable)
    precondition(numerics.platform.core == "Sandybridge")
    return try Fixture.base(name)
}

/// SHA-256 over everything some training gives: vectors, gradients, adapters.
private func portableDigest(of base: BaseModel) throws -> String {
    var writer = ByteWriter()
    for kind in AdapterConfiguration.Kind.allCases {
        let targets: [AdapterTarget] =
            kind == .lora ? AdapterTarget.allCases : [.attentionOutput, .output]
        var adapters = try Adapters(
            configuration: .init(
                kind: kind, rank: 5, dropout: kind == .lora ? 0.1 : 0, targets: targets,
                layers: 0..<base.layerCount), base: base, seed: 7)
        let encoder = try TextEncoder(base: base, adapters: adapters, threads: 2)
        var optimizer = AdamW(.init(learningRate: 0.01), for: adapters)
        for step in 0..<6 {
            let texts = someTexts(16, longest: 50, seed: UInt64(step))
            let gradient = try unsafe encoder.trainStep(
                texts: texts, dropoutSeed: UInt64(step), upstream: push)
            for tensor in gradient.tensors { writer.floats(tensor.values) }
            optimizer.step(&adapters, gradient)
            try encoder.setAdapters(adapters)
        }
        writer.floats(try encoder.encode(someTexts(20, longest: 200, seed: 99)))
        for tensor in adapters.tensors { writer.floats(tensor.values) }
    }
    return SHA256.hash(writer.bytes).hex
}
