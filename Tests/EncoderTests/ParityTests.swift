import Foundation
import Testing

import Encoder
import Tensor

@Suite("The encoder computes what PyTorch, Transformers and PEFT compute")
struct ParityTests {
    @Test("hidden states and vectors are those of Transformers", arguments: Fixture.bases)
    func hiddenStates(_ name: String) throws {
        try expectHidden(try Fixture.base(name), try Fixture(Fixture.root + "/" + name))
    }

    @Test("hidden states of the real model are those of Transformers")
    func realModel() throws {
        try expectHidden(try Fixture.model(), try Fixture(Fixture.root + "/minilm"))
    }

    private func expectHidden(_ base: BaseModel, _ fixture: Fixture) throws {
        let encoder = try TextEncoder(base: base, adapters: nil, maxTokens: 512, threads: 2)
        let sequences = try fixture.sequences
        let (hidden, vectors) = try encoder.encode(sequences: sequences)
        let expected = try fixture["hidden"]
        let columns = base.hiddenSize
        let all = sequences.reduce(0) { $0 + $1.count }
        var seen: [Float] = []
        if expected.count == all * columns {
            seen = hidden
        } else {
            // The committed references keep a few rows of each text.
            var start = 0
            for sequence in sequences {
                for row in Set([0, sequence.count / 2, sequence.count - 1]).sorted() {
                    seen += hidden[(start + row) * columns..<(start + row + 1) * columns]
                }
                start += sequence.count
            }
        }
        let difference = largestDifference(seen, expected)
        print("\(base.name): \(sequences.count) texts, hidden states differ by \(difference)")
        #expect(difference <= 2e-5)
        #expect(largestDifference(vectors, try fixture["vectors"]) <= 2e-5)
    }

    @Test("PEFT's adapters give PEFT's vectors and gradients", arguments: Fixture.adapters)
    func gradients(_ name: String) throws {
        let (base, fixture) = try Fixture.adapter(name)
        let adapters = try Adapters.load(directory: fixture.directory, base: base)
        let encoder = try TextEncoder(base: base, adapters: adapters, maxTokens: 512, threads: 2)
        let sequences = try fixture.sequences
        let vectors = try encoder.encode(sequences: sequences).vectors
        let expected = try fixture["vectors"]
        #expect(largestDifference(vectors, expected) <= 2e-5)

        let upstream = try fixture["upstream"]
        var seen: [Float] = []
        let gradient = try unsafe encoder.trainStep(sequences: sequences) { vectors, gradient in
            seen = unsafe Array(vectors)
            for index in upstream.indices { unsafe gradient[index] = upstream[index] }
        }
        #expect(sameBits(seen, vectors), "training and encoding give different bits")
        for tensor in gradient.tensors {
            let difference = relativeDifference(
                tensor.values, try fixture["gradient." + tensor.name])
            #expect(difference <= 1e-4, "\(tensor.name)")
        }
    }

    @Test(
        "twenty steps of AdamW follow PyTorch's loss, norms and weights",
        arguments: Fixture.adapters)
    func curve(_ name: String) throws {
        let (base, fixture) = try Fixture.adapter(name)
        var adapters = try Adapters.load(directory: fixture.directory, base: base)
        let encoder = try TextEncoder(base: base, adapters: adapters, maxTokens: 512, threads: 1)
        var optimizer = AdamW(
            .init(
                learningRate: 0.005, weightDecay: 0.05, warmupSteps: 5, gradientClip: 0.3),
            for: adapters)
        let sequences = try fixture.sequences
        let direction = try fixture["direction"].map { Double($0) }
        let losses = try fixture["losses"]
        let norms = try fixture["norms"]
        for step in losses.indices {
            let rows = (0..<4).map { (4 * step + $0) % sequences.count }
            var loss = 0.0
            let batch = rows.map { sequences[$0] }
            let gradient = try unsafe encoder.trainStep(sequences: batch) { vectors, gradient in
                for (place, row) in rows.enumerated() {
                    let start = place * direction.count
                    var logit = 0.0
                    for column in direction.indices {
                        logit += unsafe Double(vectors[start + column]) * direction[column]
                    }
                    let label = Double((row * 7 + 3) % 2)
                    loss += (log1p(exp(-abs(logit))) + max(logit, 0) - label * logit) / 4
                    let slope = (1 / (1 + exp(-logit)) - label) / 4
                    for column in direction.indices {
                        unsafe gradient[start + column] = Float(slope * direction[column])
                    }
                }
            }
            #expect(abs(loss - Double(losses[step])) <= 1e-4, "step \(step)")
            let outcome = optimizer.step(&adapters, gradient)
            #expect(abs(outcome.norm / Double(norms[step]) - 1) <= 1e-3, "step \(step)")
            try encoder.setAdapters(adapters)
        }
        for tensor in adapters.tensors {
            let difference = relativeDifference(tensor.values, try fixture["final." + tensor.name])
            #expect(difference <= 1e-3, "\(tensor.name)")
        }
        if let export = Fixture.export, adapters.configuration.kind == .lora {
            let vectors = try encoder.encode(sequences: sequences).vectors
            let folder = export + "/" + name.replacingOccurrences(of: "/", with: "/adapters/")
            try adapters.save(to: folder, baseName: base.name)
            let named = NamedTensor(
                name: "vectors", shape: [sequences.count, base.hiddenSize], values: vectors)
            try Data(Safetensors.file([named], metadata: [:])).write(
                to: URL(fileURLWithPath: folder + "/vectors.safetensors"))
        }
    }
}
