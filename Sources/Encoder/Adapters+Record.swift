import Records
import Tensor

// How adapters and their optimiser lie in the store. Layout is part of the store's format.

extension AdapterConfiguration {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.string(kind.rawValue)
        writer.integer(UInt32(rank))
        writer.float(alpha)
        writer.bool(isRankStabilized)
        writer.float(dropout)
        writer.integer(activation.rawValue)
        writer.array(targets) { $0.string($1.rawValue) }
        writer.array(layers) { $0.integer(UInt32($1)) }
    }

    fileprivate init(from reader: inout ByteReader) throws(ByteCodingError) {
        let start = reader.position
        guard let kind = Kind(rawValue: try reader.string()) else {
            throw .badValue(at: start, "an unknown kind of adapter")
        }
        let rank = Int(try reader.integer(UInt32.self))
        let alpha = try reader.float()
        let isRankStabilized = try reader.bool()
        let dropout = try reader.float()
        guard let activation = Activation(rawValue: try reader.integer()) else {
            throw .badValue(at: start, "an unknown activation")
        }
        let targets = try reader.array { reader throws(ByteCodingError) in
            guard let target = AdapterTarget(rawValue: try reader.string()) else {
                throw .badValue(at: start, "an unknown adapter target")
            }
            return target
        }
        let layers = try reader.array { reader throws(ByteCodingError) in
            Int(try reader.integer(UInt32.self))
        }
        self.init(
            kind: kind, rank: rank, alpha: alpha, isRankStabilized: isRankStabilized,
            dropout: dropout, targets: targets, layers: layers)
        self.activation = activation
    }
}

extension Adapters {
    /// The record that `init(record:base:)` reads.
    public var record: [UInt8] {
        var writer = ByteWriter(capacity: 4 * values.count + 256)
        writer.data(baseFingerprint.bytes)
        configuration.write(to: &writer)
        writer.array(tensors) { writer, tensor in
            writer.string(tensor.name)
            writer.array(tensor.shape) { $0.integer(UInt32($1)) }
            writer.floats(tensor.values)
        }
        return writer.bytes
    }

    /// - Throws: `EncoderError.otherBase` where they were made for another base, and when the
    ///   record is damaged or its tensors do not fit.
    public init(record: [UInt8], base: BaseModel) throws(EncoderError) {
        var found = Digest256.zero
        let configuration: AdapterConfiguration
        let tensors: [AdapterTensor]
        do throws(ByteCodingError) {
            var reader = ByteReader(record)
            found = Digest256(bytes: try reader.data()) ?? .zero
            configuration = try AdapterConfiguration(from: &reader)
            tensors = try reader.array { reader throws(ByteCodingError) in
                AdapterTensor(
                    name: try reader.string(),
                    shape: try reader.array { reader throws(ByteCodingError) in
                        Int(try reader.integer(UInt32.self))
                    },
                    values: try reader.floats())
            }
            try reader.finish()
        } catch {
            throw .malformed(file: "stored adapters", reason: error.description)
        }
        guard found == base.fingerprint else {
            throw .otherBase(
                adapter: "the stored adapter", expected: base.fingerprint.hex, found: found.hex)
        }
        try self.init(configuration: configuration, base: base, tensors: tensors)
    }

    /// Length of the difference, over all weights together.
    public func distance(to other: Adapters) -> Double {
        zip(values, other.values).reduce(0.0) { sum, pair in
            let difference = Double(pair.0) - Double(pair.1)
            return sum + difference * difference
        }.squareRoot()
    }
}

extension AdamW {
    /// The record that `init(record:configuration:for:)` reads: means and steps, no settings.
    public var record: [UInt8] {
        var writer = ByteWriter(capacity: 8 * m.count + 16)
        writer.integer(Int64(step))
        writer.floats(m)
        writer.floats(v)
        return writer.bytes
    }

    /// - Throws: when the record is damaged, or belongs to adapters of another size.
    public init(
        record: [UInt8], configuration: Configuration, for adapters: Adapters
    ) throws(EncoderError) {
        self.init(configuration, for: adapters)
        do throws(ByteCodingError) {
            var reader = ByteReader(record)
            step = Int(try reader.integer(Int64.self))
            let (means, squares) = (try reader.floats(), try reader.floats())
            try reader.finish()
            guard means.count == m.count, squares.count == v.count else {
                throw .badValue(at: 8, "\(means.count) means for \(m.count) weights")
            }
            m = means
            v = squares
        } catch {
            throw .malformed(file: "stored optimiser", reason: error.description)
        }
    }
}
