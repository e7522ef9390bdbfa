import Records

extension ResponseHead {
    /// Layout of the rows; another number is refused.
    static let stateVersion: UInt32 = 1

    /// The tables that hold the state, all prefixed by the head's name.
    public static func tables(name: String) -> [StateTable] { HeadTables(name).all }

    /// Emits the rows changed since the last call, and forgets that they changed.
    ///
    /// When it is called has no influence on what is learned. Applied in order, the rows of all
    /// calls make the same state as `dump`.
    public mutating func collectChanges(into changes: inout StateChanges) {
        let tables = HeadTables(name)
        if scalarsAreDirty {
            changes.put(tables.head, HeadTables.scalars, scalarsRow())
            scalarsAreDirty = false
        }
        posterior.core.collect(tables, into: &changes)
        posterior.slots.collect(tables, into: &changes)
        posterior.dense.collect(tables, into: &changes)
        posterior.tail.collect(tables, into: &changes)
    }

    /// Has the next `collectChanges` leave nothing in the store of a head whose place this one takes.
    public mutating func takePlace(of old: ResponseHead) {
        priors.text.count = max(priors.text.count, old.priors.text.count)
        posterior.tail.takePlace(of: old.posterior.tail)
    }

    /// Emits every row of the state; marks of what changed stay as they are.
    public func dump(into changes: inout StateChanges) {
        let tables = HeadTables(name)
        changes.put(tables.head, HeadTables.scalars, scalarsRow())
        posterior.core.write(tables, into: &changes, all: true)
        posterior.slots.write(tables, into: &changes, all: true)
        posterior.dense.write(tables, into: &changes, from: 0)
        posterior.tail.dump(tables, into: &changes)
    }

    /// The head that was collected under `name`, bit for bit, or nil where there is none.
    ///
    /// - Parameter dimension: Length of the vectors that items come with; a head of another is refused.
    /// - Throws: `ResponseError.damagedState`, and what the reader throws.
    public init?(
        restoring name: String, dimension: Int = 0,
        configuration: HeadConfiguration = HeadConfiguration(),
        from reader: some StateReader
    ) throws {
        let tables = HeadTables(name)
        guard try reader.value(tables.head, HeadTables.scalars) != nil else { return nil }
        var scalars = Scalars()
        try tables.read(tables.head, HeadTables.scalars, from: reader) { row in
            scalars = try Scalars(&row, dimension: dimension)
        }
        self.init(name: name, dimension: dimension, configuration: configuration)
        eventCount = scalars.events
        present.events = scalars.blockEvents
        priors.nextEvent = scalars.nextPriorEvent
        present.driftHours = scalars.driftHours
        // A state of an earlier version knows fewer groups.
        priors.tau.replaceSubrange(..<scalars.tau.count, with: scalars.tau)
        present.commonMoved = scalars.commonMoved
        if configuration.squared != nil { reading.noise = scalars.noise ?? reading.noise }
        if reading.calibration != nil, let known = scalars.calibration {
            reading.calibration = known
        }
        if let scale = scalars.textScale {
            (priors.text.variance, priors.text.nextEvent) = (scale.variance, scale.nextEvent)
            priors.text.count = scale.texts
        } else {
            priors.text.nextEvent = max(priors.text.nextEvent, eventCount + 1)
        }
        contextReader.numbers = scalars.numbers
        posterior.core = try GaussianCore(
            restoring: tables, count: scalars.coreCount, blocks: scalars.blocks,
            repairs: scalars.repairs, from: reader)
        posterior.slots = try ItemSlots(
            restoring: tables, dimension: dimension, coreCount: posterior.core.count, configuration,
            from: reader)
        posterior.dense = try DenseEffects(
            restoring: tables, count: scalars.denseCount, coreCount: posterior.core.count,
            configuration,
            from: reader)
        posterior.tail = try Tail(
            restoring: tables, pageCount: scalars.pageCount, touches: scalars.touches,
            configuration, from: reader)
        scalarsAreDirty = false
    }

    private func scalarsRow() -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(Self.stateVersion)
        writer.integer(UInt32(dimension))
        writer.integer(UInt32(posterior.core.count))
        writer.integer(UInt32(posterior.dense.count))
        writer.integer(UInt32(posterior.tail.pages.count))
        writer.integer(UInt32(present.events))
        writer.integer(eventCount)
        writer.integer(priors.nextEvent)
        writer.integer(posterior.core.blocks)
        writer.integer(posterior.core.repairs)
        writer.integer(posterior.tail.touches)
        writer.optional(present.driftHours) { $0.double($1) }
        writer.doubles(priors.tau)
        writer.optional(present.commonMoved) { $1.write(to: &$0) }
        writer.optional(reading.noise) { $1.write(to: &$0) }
        writer.double(priors.text.variance)
        writer.integer(priors.text.nextEvent)
        writer.integer(priors.text.count)
        if !contextReader.numbers.scales.isEmpty || reading.calibration != nil {
            contextReader.numbers.write(to: &writer)
        }
        reading.calibration?.write(to: &writer)
        return writer.bytes
    }

    private struct Scalars {
        var coreCount = 0
        var denseCount = 0
        var pageCount = 0
        var blockEvents = 0
        var events: UInt64 = 0
        var nextPriorEvent: UInt64 = 0
        var blocks: UInt64 = 0
        var repairs: UInt64 = 0
        var touches: UInt64 = 0
        var driftHours: Double?
        var tau: [Double] = []
        var commonMoved: Moved?
        var noise: LabelNoise?
        /// The text weights' prior variance, when it is estimated next, and the texts learned from.
        var textScale: (variance: Double, nextEvent: UInt64, texts: UInt64)?

        var numbers = NumberScales()
        var calibration: LogitCalibration?

        init() {}

        init(_ row: inout ByteReader, dimension: Int) throws {
            let version = try row.integer(UInt32.self)
            try HeadTables.expect(version == stateVersion, "the unknown version \(version)")
            let found = Int(try row.integer(UInt32.self))
            try HeadTables.expect(
                found == dimension, "vectors of \(found) numbers where items have \(dimension)")
            coreCount = Int(try row.integer(UInt32.self))
            denseCount = Int(try row.integer(UInt32.self))
            pageCount = Int(try row.integer(UInt32.self))
            blockEvents = Int(try row.integer(UInt32.self))
            events = try row.integer()
            nextPriorEvent = try row.integer()
            blocks = try row.integer()
            repairs = try row.integer()
            touches = try row.integer()
            driftHours = try row.optional { r throws(ByteCodingError) in try r.double() }
            tau = try row.doubles()
            // Rows of before there were bounds end here.
            if row.remaining > 0 {
                commonMoved = try row.optional { r throws(ByteCodingError) in try Moved(from: &r) }
                noise = try row.optional { r throws(ByteCodingError) in
                    try LabelNoise(from: &r)
                }
            }
            // Rows of before the text weights had a scale of their own end here.
            if row.remaining > 0 {
                textScale = (
                    variance: try row.double(), nextEvent: try row.integer(),
                    texts: try row.integer()
                )
            }
            if row.remaining > 0 { numbers = try NumberScales(from: &row) }
            // Rows of before logits were calibrated end here.
            if row.remaining > 0 { calibration = try LogitCalibration(from: &row) }
            // A damaged count must not reserve gigabytes.
            try HeadTables.expect(
                coreCount >= dimension + 2 && coreCount <= dimension + (1 << 16)
                    && denseCount < coreCount && pageCount <= 1 << 26
                    && (1...TailGroup.allCases.count).contains(tau.count)
                    && tau.allSatisfy { $0 > 0 && $0.isFinite }, "impossible sizes")
            try HeadTables.expect(
                textScale.map { $0.variance > 0 && $0.variance.isFinite } ?? true,
                "an impossible prior variance")
            try HeadTables.expectFinite([driftHours, commonMoved?.by].compactMap { $0 })
        }
    }
}

extension DenseEffects {
    mutating func collect(_ tables: HeadTables, into changes: inout StateChanges) {
        write(tables, into: &changes, from: collected)
        collected = count
    }

    func write(_ tables: HeadTables, into changes: inout StateChanges, from first: Int) {
        for (place, effect) in effects.enumerated().dropFirst(first) {
            var writer = ByteWriter()
            writer.integer(effect.key)
            writer.integer(effect.group.rawValue)
            writer.integer(effect.entry)
            writer.string(effect.name)
            changes.put(tables.dense, HeadTables.key(place), writer.bytes)
        }
    }

    init(
        restoring tables: HeadTables, count: Int, coreCount: Int,
        _ configuration: HeadConfiguration, from reader: some StateReader
    ) throws {
        self.init(configuration)
        for place in 0..<count {
            try tables.read(tables.dense, HeadTables.key(place), from: reader) { row in
                let key = try row.integer(UInt64.self)
                let group = DenseGroup(rawValue: try row.integer())
                let entry = try row.integer(Int32.self)
                let name = try row.string()
                guard let group, entry >= 0, entry < coreCount else {
                    throw HeadTables.RowDamage(reason: "an impossible effect")
                }
                try HeadTables.expect(self.entry(key) < 0, "an effect that occurs twice")
                add(Effect(key: key, group: group, entry: entry, name: name))
            }
        }
        collected = count
    }
}
