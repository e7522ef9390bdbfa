import Foundation
import Records
import Tensor

/// PEFT's layout: `adapter_config.json` and `adapter_model.safetensors` in a folder.
///
/// What is written here `PeftModel.from_pretrained` loads, and what PEFT saves loads here. PEFT
/// knows no bottleneck adapters; those use the same two files with `peft_type` HOULSBY.
extension Adapters {
    /// PEFT wraps the model it is given twice; a model with a head adds its own name.
    private static let prefixes = ["base_model.model.bert.", "base_model.model.", "bert.", ""]
    private static let fingerprintKey = "base_sha256"

    /// Writes the folder, made when it is not there.
    ///
    /// - Parameter baseName: what PEFT is told to load as the base: a folder or a model's name.
    /// - Throws: when a file cannot be written.
    public func save(to directory: String, baseName: String) throws(EncoderError) {
        let prefix = configuration.kind == .lora ? "base_model.model." : ""
        let named = tensors.map {
            NamedTensor(name: prefix + $0.name, shape: $0.shape, values: $0.values)
        }
        // PEFT passes metadata over; here it keeps an adapter from being used on another base.
        let bytes = Safetensors.file(
            named, metadata: ["format": "pt", Self.fingerprintKey: baseFingerprint.hex])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true)
            let fields = PEFTFields(configuration, layout, baseName: baseName)
            try encoder.encode(fields).write(
                to: URL(fileURLWithPath: directory + "/adapter_config.json"), options: .atomic)
            try Data(bytes).write(
                to: URL(fileURLWithPath: directory + "/adapter_model.safetensors"),
                options: .atomic)
        } catch {
            throw .writeFailed(file: directory, reason: JSONFile.reason(error))
        }
    }

    /// Reads a folder that PEFT or `save` wrote.
    ///
    /// - Throws: when it is damaged, of a kind not computed here, or made for another base.
    public static func load(directory: String, base: BaseModel) throws(EncoderError) -> Adapters {
        let configFile = directory + "/adapter_config.json"
        let fields = try JSONFile.read(PEFTFields.self, configFile)
        try fields.refuseUnsupported(configFile)
        let file = try WeightFile(directory + "/adapter_model.safetensors")
        if let made = file.content.metadata[fingerprintKey], made != base.fingerprint.hex {
            throw .otherBase(
                adapter: directory, expected: base.fingerprint.hex, found: made)
        }
        var found: [AdapterTensor] = []
        for entry in file.content.entries {
            do {
                found.append(
                    AdapterTensor(
                        name: plainName(entry.name), shape: entry.shape,
                        values: try file.content.values(entry.name)))
            } catch {
                throw .tensor(.safetensors(file: file.path, error))
            }
        }
        let places = try places(found.map(\.name), file.path)
        let configuration = try fields.configuration(places, configFile)
        do {
            return try Adapters(configuration: configuration, base: base, tensors: found)
        } catch .configuration(let what) {
            throw .malformed(file: file.path, reason: what)
        }
    }

    private static func plainName(_ name: String) -> String {
        let prefix = prefixes.first { name.hasPrefix($0) } ?? ""
        return String(name.dropFirst(prefix.count))
    }

    /// Which layers and targets the tensors' names speak of.
    private static func places(
        _ names: [String], _ file: String
    ) throws(EncoderError) -> (layers: Set<Int>, targets: Set<AdapterTarget>) {
        var layers: Set<Int> = []
        var targets: Set<AdapterTarget> = []
        for name in names {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count > 3, parts[0] == "encoder", parts[1] == "layer",
                let layer = Int(parts[2]),
                let target = AdapterTarget.allCases.first(where: {
                    parts.dropFirst(3).joined(separator: ".").hasPrefix($0.moduleName + ".")
                })
            else {
                throw .unsupported(
                    file: file, what: "the tensor '\(name)' is on no module of a BERT layer")
            }
            layers.insert(layer)
            targets.insert(target)
        }
        return (layers, targets)
    }
}

/// `adapter_config.json`, as far as it changes what is computed.
private struct PEFTFields: Codable {
    var peft_type: String?
    var base_model_name_or_path: String?
    var r: Int
    var lora_alpha: Double?
    var lora_dropout: Double?
    var use_rslora: Bool?
    var target_modules: Modules?
    var bias: String?
    var fan_in_fan_out: Bool?
    var inference_mode: Bool?
    var use_dora: Bool?
    var use_qalora: Bool?
    var use_bdlora: Bool?
    var lora_bias: Bool?
    var rank_pattern: [String: Int]?
    var alpha_pattern: [String: Double]?
    var modules_to_save: [String]?
    var layer_replication: [[Int]]?
    var alora_invocation_tokens: [Int]?
    var activation: String?

    /// A list of names, or one regular expression; the tensors' names say what it matched.
    enum Modules: Codable {
        case names([String])
        case pattern(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .pattern(text)
            } else {
                self = .names(try container.decode([String].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .names(let names): try container.encode(names)
            case .pattern(let text): try container.encode(text)
            }
        }
    }

    init(_ configuration: AdapterConfiguration, _ layout: AdapterLayout, baseName: String) {
        peft_type = configuration.kind == .lora ? "LORA" : "HOULSBY"
        base_model_name_or_path = baseName
        r = configuration.rank
        inference_mode = true
        let modules = Set(layout.slots.map { "encoder.layer.\($0.layer).\($0.target.moduleName)" })
        target_modules = .names(modules.sorted())
        if configuration.kind == .lora {
            lora_alpha = Double(configuration.alpha)
            lora_dropout = Double(configuration.dropout)
            use_rslora = configuration.isRankStabilized
            bias = "none"
            fan_in_fan_out = false
        } else {
            activation = Self.activationName(configuration.activation)
        }
    }

    private static func activationName(_ activation: Activation) -> String {
        switch activation {
        case .gelu: "gelu"
        case .geluTanh: "gelu_new"
        case .relu: "relu"
        }
    }

    func refuseUnsupported(_ file: String) throws(EncoderError) {
        let kind = peft_type ?? "none"
        guard kind == "LORA" || kind == "HOULSBY" else {
            throw .unsupported(file: file, what: "adapters of the type \(kind) are not supported")
        }
        let refused: [(String, Bool)] = [
            ("use_dora", use_dora ?? false), ("use_qalora", use_qalora ?? false),
            ("use_bdlora", use_bdlora ?? false), ("lora_bias", lora_bias ?? false),
            ("fan_in_fan_out", fan_in_fan_out ?? false),
            ("bias", (bias ?? "none") != "none"),
            ("rank_pattern", !(rank_pattern ?? [:]).isEmpty),
            ("alpha_pattern", !(alpha_pattern ?? [:]).isEmpty),
            ("modules_to_save", !(modules_to_save ?? []).isEmpty),
            ("layer_replication", !(layer_replication ?? []).isEmpty),
            ("alora_invocation_tokens", !(alora_invocation_tokens ?? []).isEmpty),
        ]
        if let (name, _) = refused.first(where: \.1) {
            throw .unsupported(file: file, what: "the setting '\(name)' is not supported")
        }
    }

    func configuration(
        _ places: (layers: Set<Int>, targets: Set<AdapterTarget>), _ file: String
    ) throws(EncoderError) -> AdapterConfiguration {
        let activations: [String: Activation] = [
            "gelu": .gelu, "gelu_new": .geluTanh, "relu": .relu,
        ]
        guard let activation = activations[activation ?? "gelu"] else {
            throw .unsupported(file: file, what: "the activation '\(activation ?? "")'")
        }
        var configuration = AdapterConfiguration(
            kind: peft_type == "HOULSBY" ? .houlsby : .lora, rank: r,
            alpha: Float(lora_alpha ?? 8), isRankStabilized: use_rslora ?? false,
            dropout: Float(lora_dropout ?? 0), targets: places.targets, layers: places.layers)
        configuration.activation = activation
        return configuration
    }
}
