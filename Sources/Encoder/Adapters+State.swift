import Records
import Tensor

/// The rows adapters and their optimiser are stored in: one for what describes them, one a tensor.
///
/// What the rows hold is read back bit for bit. A tensor changes at every step, the description
/// hardly ever, so the latter is written only when it is new.
extension Adapters {
    /// The table of `collectChanges`.
    public static let table = StateTable("adapters", .weights)
    private static let descriptionKey = Array("configuration".utf8)
    private static let version: UInt8 = 1

    /// The whole value as bytes.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: values.count * 4 + 256)
        writeDescription(to: &writer)
        writer.floats(values)
        return writer.bytes
    }

    /// Reads what `bytes` gave.
    ///
    /// - Throws: when the bytes are damaged, or were made for another base.
    public init(bytes: [UInt8], base: BaseModel) throws(EncoderError) {
        var reader = ByteReader(bytes)
        do {
            let configuration = try Self.readDescription(&reader, base)
            let values = try reader.floats()
            try reader.finish()
            try self.init(configuration, base, values)
        } catch {
            throw Self.damaged(error)
        }
    }

    /// Puts every row that differs from `old`, and removes rows that are no longer there.
    ///
    /// - Parameter old: what the store holds already; `nil` for nothing.
    public func collectChanges(since old: Adapters?, into changes: inout StateChanges) {
        let isNew = old?.configuration != configuration || old?.baseFingerprint != baseFingerprint
        if isNew {
            var writer = ByteWriter()
            writeDescription(to: &writer)
            changes.put(Self.table, Self.descriptionKey, writer.bytes)
            for slot in old?.layout.slots ?? [] where !layout.slots.contains(slot) {
                changes.remove(Self.table, Array(slot.name.utf8))
            }
        }
        for slot in layout.slots {
            if !isNew, let old, Self.sameBits(values[slot.range], old.values[slot.range]) {
                continue
            }
            var writer = ByteWriter(capacity: slot.count * 4 + 4)
            writer.floats(Array(values[slot.range]))
            changes.put(Self.table, Array(slot.name.utf8), writer.bytes)
        }
    }

    /// Reads what `collectChanges` put; `nil` when nothing was put.
    ///
    /// - Throws: when a row is missing or damaged, or when they were made for another base.
    public static func restore(
        from state: some StateReader, base: BaseModel
    ) throws -> Adapters? {
        guard let description = try state.value(table, descriptionKey) else { return nil }
        do {
            var reader = ByteReader(description)
            let configuration = try readDescription(&reader, base)
            try reader.finish()
            let layout = AdapterLayout(configuration, base.shape)
            var values: [Float] = []
            values.reserveCapacity(layout.count)
            for slot in layout.slots {
                guard let row = try state.value(table, Array(slot.name.utf8)) else {
                    throw EncoderError.configuration(
                        "the stored adapter tensor '\(slot.name)' is missing")
                }
                var reader = ByteReader(row)
                let tensor = try reader.floats()
                try reader.finish()
                guard tensor.count == slot.count else {
                    throw EncoderError.configuration(
                        "the stored adapter tensor '\(slot.name)' has \(tensor.count) elements, "
                            + "expected \(slot.count)")
                }
                values += tensor
            }
            return try Adapters(configuration, base, values)
        } catch let error as ByteCodingError {
            throw damaged(error)
        }
    }

    private init(
        _ configuration: AdapterConfiguration, _ base: BaseModel, _ values: [Float]
    ) throws(EncoderError) {
        try configuration.check(base.shape)
        let layout = AdapterLayout(configuration, base.shape)
        guard values.count == layout.count, values.allSatisfy(\.isFinite) else {
            throw .configuration("the stored adapters do not have the values they should")
        }
        self.configuration = configuration
        baseFingerprint = base.fingerprint
        self.layout = layout
        self.values = values
    }

    private func writeDescription(to writer: inout ByteWriter) {
        writer.integer(Self.version)
        for byte in baseFingerprint.bytes { writer.integer(byte) }
        configuration.write(to: &writer)
    }

    private static func readDescription(
        _ reader: inout ByteReader, _ base: BaseModel
    ) throws -> AdapterConfiguration {
        let version = try reader.integer(UInt8.self)
        guard version == Self.version else {
            throw ByteCodingError.badValue(at: 0, "adapters of version \(version)")
        }
        var bytes: [UInt8] = []
        for _ in 0..<32 { bytes.append(try reader.integer()) }
        guard let found = Digest256(bytes: bytes), found == base.fingerprint else {
            throw EncoderError.otherBase(
                adapter: "the stored adapter", expected: base.fingerprint.hex, found: bytes.hex)
        }
        return try AdapterConfiguration(from: &reader)
    }

    private static func damaged(_ error: any Error) -> EncoderError {
        if let error = error as? EncoderError { return error }
        return .configuration("the stored adapters cannot be read: \(error)")
    }

    private static func sameBits(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Bool {
        a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }
    }
}

extension AdapterConfiguration {
    /// Appends every setting; `init(from:)` reads them back.
    public func write(to writer: inout ByteWriter) {
        writer.integer(UInt8(Kind.allCases.firstIndex(of: kind) ?? 0))
        writer.integer(Int32(rank))
        writer.float(alpha)
        writer.bool(isRankStabilized)
        writer.float(dropout)
        writer.integer(UInt8(activation.rawValue))
        writer.array(targets) { $0.integer(UInt8($1.index)) }
        writer.array(layers) { $0.integer(Int32($1)) }
    }

    /// - Throws: when the bytes are not those of a configuration.
    public init(from reader: inout ByteReader) throws(ByteCodingError) {
        func choice<T>(_ all: [T], _ index: UInt8, _ what: String) throws(ByteCodingError) -> T {
            guard Int(index) < all.count else {
                throw .badValue(at: reader.position, "no \(what) numbered \(index)")
            }
            return all[Int(index)]
        }
        let kind = try choice(Kind.allCases, try reader.integer(), "adapter kind")
        let rank = Int(try reader.integer(Int32.self))
        let alpha = try reader.float()
        let isRankStabilized = try reader.bool()
        let dropout = try reader.float()
        let activation = try choice(Activation.allCases, try reader.integer(), "activation")
        let targets = try reader.array { r throws(ByteCodingError) in try r.integer(UInt8.self) }
        var chosen: [AdapterTarget] = []
        for target in targets {
            chosen.append(try choice(AdapterTarget.allCases, target, "adapter target"))
        }
        let layers = try reader.array { r throws(ByteCodingError) in try r.integer(Int32.self) }
        self.init(
            kind: kind, rank: rank, alpha: alpha, isRankStabilized: isRankStabilized,
            dropout: dropout, activation: activation, targets: chosen, layers: layers.map(Int.init))
    }
}

extension AdamW {
    /// The table of `collectChanges`.
    public static let table = StateTable("adapter-optimiser", .weights)
    private static let key = Array("adamw".utf8)

    /// Puts the whole state in one row: every step changes all of it.
    public func collectChanges(into changes: inout StateChanges) {
        changes.put(Self.table, Self.key, bytes)
    }

    /// Reads what `collectChanges` put; `nil` when nothing was put.
    ///
    /// - Throws: when the row is damaged or is of other adapters.
    public static func restore(
        from state: some StateReader, for adapters: Adapters
    ) throws -> AdamW? {
        guard let row = try state.value(table, key) else { return nil }
        return try AdamW(bytes: row, for: adapters)
    }

    /// The whole state as bytes.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: m.count * 8 + 128)
        for value in [
            configuration.learningRate, configuration.beta1, configuration.beta2,
            configuration.epsilon, configuration.weightDecay,
        ] { writer.double(value) }
        writer.integer(Int64(configuration.warmupSteps))
        writer.optional(configuration.gradientClip) { $0.double($1) }
        writer.integer(Int64(step))
        writer.floats(m)
        writer.floats(v)
        return writer.bytes
    }

    /// - Throws: when the bytes are damaged or are of other adapters.
    public init(bytes: [UInt8], for adapters: Adapters) throws(EncoderError) {
        do {
            var reader = ByteReader(bytes)
            var rates: [Double] = []
            for _ in 0..<5 { rates.append(try reader.double()) }
            let warmup = Int(try reader.integer(Int64.self))
            let clip = try reader.optional { r throws(ByteCodingError) in try r.double() }
            configuration = Configuration(
                learningRate: rates[0], beta1: rates[1], beta2: rates[2], epsilon: rates[3],
                weightDecay: rates[4], warmupSteps: warmup, gradientClip: clip)
            step = Int(try reader.integer(Int64.self))
            m = try reader.floats()
            v = try reader.floats()
            try reader.finish()
        } catch {
            throw .configuration("the stored optimiser cannot be read: \(error)")
        }
        guard m.count == adapters.values.count, v.count == m.count, step >= 0 else {
            throw .configuration("the stored optimiser is of other adapters")
        }
    }
}
