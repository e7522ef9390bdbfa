import Encoder
import Records
import Tensor
import Testing

@Suite("Gradients are slopes of the loss")
struct GradientTests {
    static let configurations: [AdapterConfiguration] = [
        .init(rank: 4, targets: AdapterTarget.allCases, layers: [0, 1]),
        .init(rank: 4, dropout: 0.25, targets: AdapterTarget.allCases, layers: [0, 1]),
        .init(rank: 4, dropout: 0.25, targets: [.output, .value], layers: [1]),
        bottleneck(.relu, [.output]),
        bottleneck(.geluTanh, [.attentionOutput, .output]),
    ]

    private static func bottleneck(
        _ activation: Activation, _ targets: [AdapterTarget]
    ) -> AdapterConfiguration {
        var made = AdapterConfiguration(kind: .houlsby, rank: 5, targets: targets, layers: [0, 1])
        made.activation = activation
        return made
    }

    @Test(
        "central differences agree, in every tensor, with dropout too",
        arguments: Fixture.bases, configurations)
    func differences(_ name: String, _ configuration: AdapterConfiguration) throws {
        let base = try Fixture.base(name)
        var random = SeededRandom(seed: 17)
        let start = try Adapters(configuration: configuration, base: base, seed: 2)
        let tensors = start.tensors.map { tensor in
            AdapterTensor(
                name: tensor.name, shape: tensor.shape,
                values: tensor.values.map { _ in Float(random.normal() * 0.1) })
        }
        let texts = someTexts(6, longest: 12, seed: 3)
        let direction = (0..<texts.count * base.hiddenSize).map { _ in Float(random.normal()) }
        let encoder = try TextEncoder(base: base, adapters: start, maxTokens: 24)

        func loss(_ tensors: [AdapterTensor]) throws -> (Double, AdapterGradient) {
            let adapters = try Adapters(configuration: configuration, base: base, tensors: tensors)
            try encoder.setAdapters(adapters)
            var sum = 0.0
            let gradient = try unsafe encoder.trainStep(texts: texts, dropoutSeed: 5) { v, g in
                for index in direction.indices {
                    sum += unsafe Double(v[index]) * Double(direction[index])
                    unsafe g[index] = direction[index]
                }
            }
            return (sum, gradient)
        }

        let (_, gradient) = try loss(tensors)
        for (index, tensor) in gradient.tensors.enumerated() {
            // Along the gradient itself the slope is its length.
            let length = tensor.values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(length > 0, "\(tensor.name)")
            func slope(_ step: Double) throws -> Double {
                func moved(_ sign: Double) -> [AdapterTensor] {
                    var all = tensors
                    let values = zip(tensors[index].values, tensor.values).map {
                        Float(Double($0) + sign * step * Double($1) / length)
                    }
                    all[index] = AdapterTensor(
                        name: tensor.name, shape: tensor.shape, values: values)
                    return all
                }
                return (try loss(moved(1)).0 - loss(moved(-1)).0) / (2 * step)
            }
            // A kink of a maximum or a ReLU inside a step bends its difference; a smaller step
            // passes it by but hears more of the rounding.
            let slopes = try [4e-3, 1e-3].map { try slope($0) }
            let nearest = slopes.min { abs($0 - length) < abs($1 - length) } ?? .nan
            #expect(
                abs(nearest - length) < 0.02 * length + 2e-3,
                "\(tensor.name): \(slopes) and \(length)")
        }
    }
}
