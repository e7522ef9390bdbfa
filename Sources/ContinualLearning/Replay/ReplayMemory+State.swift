import Records
import ResponseModel

extension ReplayMemory {
    /// A header, a row for each category and stratum, and one for each example.
    public static let table = StateTable("replay", .keyed)

    private var table: StateTable { configuration.table }

    /// What a row holds: the first byte of its key.
    private enum Part: UInt8 {
        case header, category, stratum, example
    }

    private static func key(_ part: Part, _ number: UInt64 = 0) -> [UInt8] {
        var writer = ByteWriter(capacity: 9)
        writer.integer(part.rawValue)
        writer.integer(number.bigEndian)
        return writer.bytes
    }

    /// Emits the rows changed since the last call: those of new and corrected examples, of those
    /// that went, and of the strata they went through.
    public mutating func collectChanges(into changes: inout StateChanges) {
        var header = ByteWriter(capacity: 32)
        header.integer(2 as UInt8)
        header.integer(inserted)
        header.integer(recents.from)
        header.integer(random.state)
        header.optional(held?.before) { $0.integer($1) }
        changes.put(table, Self.key(.header), header.bytes)
        while rows.committedCategories < categories.names.count {
            var writer = ByteWriter()
            writer.string(categories.names[rows.committedCategories])
            changes.put(
                table, Self.key(.category, UInt64(rows.committedCategories)), writer.bytes)
            rows.committedCategories += 1
        }
        for index in rows.changedStrata.sorted() {
            var writer = ByteWriter(capacity: 16)
            writer.double(strata[index, default: Stratum()].seen)
            writer.integer(strata[index, default: Stratum()].bar)
            changes.put(table, Self.key(.stratum, UInt64(index)), writer.bytes)
        }
        for sequence in rows.removedExamples.sorted() {
            changes.remove(table, Self.key(.example, sequence))
        }
        for (sequence, slot) in rows.changedExamples.sorted(by: { $0.key < $1.key }) {
            let slot = slots[Int(slot)]
            changes.put(
                table, Self.key(.example, sequence), encode(slot),
                owner: RowOwner(user: interned.strings[slot.symbols.user]))
        }
        rows.changedStrata = []
        rows.removedExamples = []
        rows.changedExamples = [:]
        rows.committedExamples = inserted
    }

    private func encode(_ slot: Slot) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        let past = held?.past[slot.sequence]
        writer.integer(
            (slot.label.given ? 1 : 0) | (slot.label.sampled ? 2 : 0)
                | (slot.label.isCorrected ? 4 : 0)
                | (past == nil ? 0 : 8) | (slot.units.count == 0 ? 0 : 16)
                | (slot.label.isFirst ? 32 : 0) as UInt8)
        if let past {
            writer.integer(
                (past.label ? 1 : 0) | (past.isCorrected ? 2 : 0) | (past.user == nil ? 0 : 4)
                    as UInt8)
            writer.shortDouble(past.weight)
            if let user = past.user { writer.shortString(user) }
        }
        if slot.units.count > 0 {
            writer.varint(UInt64(slot.units.count))
            writer.integer(slot.units.expected.bitPattern)
        }
        writer.varint(UInt64(slot.category))
        writer.varint(UInt64(slot.encoderVersion))
        writer.varint(UInt64(bitPattern: slot.tsMs))
        for value in [slot.price, slot.discount, slot.weight, slot.servedLogit] {
            writer.shortDouble(value)
        }
        writer.shortString(slot.exampleId)
        for symbol in [slot.symbols.head, slot.symbols.item, slot.symbols.user] {
            writer.shortString(interned.strings[symbol])
        }
        let entries = interned.contexts[slot.symbols.context].entries
        writer.varint(UInt64(entries.count))
        for entry in entries {
            writer.shortString(entry.key)
            switch entry.value {
            case .number(let value):
                writer.integer(0 as UInt8)
                writer.shortDouble(value)
            case .text(let value):
                writer.integer(1 as UInt8)
                writer.shortString(value)
            }
        }
        return writer.bytes
    }

    /// Makes the memory again that the rows were collected from.
    ///
    /// A configuration with less room than the rows need takes effect at the next insertion.
    /// - Returns: `nil` when there are no rows.
    /// - Throws: `ContinualLearningError` for rows that are damaged or contradict each other.
    public static func restore(
        configuration: Configuration = Configuration(), from reader: some StateReader
    ) throws -> ReplayMemory? {
        let table = configuration.table
        guard let header = try reader.value(table, key(.header)) else { return nil }
        var memory = ReplayMemory(configuration: configuration)
        try memory.restoreHeader(header)
        // Keys sort by part: categories and strata are there before the examples.
        try reader.forEach(table) { key, value in
            guard let part = key.first.flatMap(Part.init(rawValue:)), key.count == 9 else {
                throw ContinualLearningError.inconsistentState(
                    table: table.name, "an unknown key \(key.hex)")
            }
            let number = key.dropFirst().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try memory.restore(part, number, key, value)
        }
        memory.rows.committedExamples = memory.inserted
        memory.rows.committedCategories = memory.categories.names.count
        return memory
    }

    private mutating func restoreHeader(_ value: [UInt8]) throws(ContinualLearningError) {
        let (version, next, recent, state, before) = try table.decode(
            Self.key(.header), value
        ) { (reader) throws(ByteCodingError) in
            let version = try reader.integer(UInt8.self)
            return (
                version, try reader.integer(UInt64.self), try reader.integer(UInt64.self),
                try reader.integer(UInt64.self),
                version < 2
                    ? nil
                    : try reader.optional { r throws(ByteCodingError) in
                        try r.integer(UInt64.self)
                    }
            )
        }
        guard 1...2 ~= version, recent <= next, next - recent <= 1 << 26, before ?? 0 <= next else {
            throw .inconsistentState(
                table: table.name, "version \(version), recent from \(recent) of \(next)")
        }
        inserted = next
        recents.from = recent
        random = SeededRandom(seed: state)
        held = before.map { HeldExamples(before: $0) }
        growRing(to: Int(next - recent))
    }

    private mutating func restore(
        _ part: Part, _ number: UInt64, _ key: [UInt8], _ value: [UInt8]
    ) throws(ContinualLearningError) {
        switch part {
        case .header: return
        case .category:
            let name = try table.decode(key, value) { (reader) throws(ByteCodingError) in
                try reader.string()
            }
            guard restoreCategory(name) == number else {
                throw .inconsistentState(table: table.name, "category \(number) out of order")
            }
        case .stratum:
            let (seen, bar) = try table.decode(key, value) {
                (reader) throws(ByteCodingError) in
                (try reader.double(), try reader.integer(UInt64.self))
            }
            guard number < 1 << 20, seen >= 0 else {
                throw .inconsistentState(table: table.name, "stratum \(number) saw \(seen)")
            }
            strata[Int(number)] = Stratum(seen: seen, bar: bar)
        case .example:
            let (example, category, sampledLabel, past) = try table.decode(key, value) {
                (reader) throws(ByteCodingError) in try Self.decodeExample(&reader)
            }
            guard number < inserted, Int(category) < categories.names.count else {
                throw .inconsistentState(
                    table: table.name, "example \(number) of category \(category)")
            }
            let slot = place(example, sequence: number, category: category)
            slots[slot].label.sampled = sampledLabel
            if let past {
                held?.past[number] = HeldExamples.Past(
                    slot: UInt32(slot), label: past.flags & 1 != 0, weight: past.weight,
                    isCorrected: past.flags & 2 != 0, user: past.user)
            }
            guard number < recents.from else { return }
            let index = stratumIndex(of: slots[slot])
            guard strata[index] != nil else {
                throw .inconsistentState(
                    table: table.name, "example \(number) has no stratum \(index)")
            }
            let member = member(slot)
            strata[index]?.add(member)
        }
    }

    private static func decodeExample(
        _ reader: inout ByteReader
    ) throws(ByteCodingError) -> (
        MemoryExample, category: UInt16, sampledLabel: Bool, past: PastRow?
    ) {
        let flags = try reader.integer(UInt8.self)
        let past = flags & 8 == 0 ? nil : try PastRow(&reader)
        let units = flags & 16 == 0 ? 0 : try reader.varint()
        let expectedUnits =
            flags & 16 == 0 ? 1 : Float(bitPattern: try reader.integer(UInt32.self))
        let category = try reader.varint()
        let version = try reader.varint()
        guard flags < 64, units <= UInt32.max, expectedUnits.isFinite, past?.flags ?? 0 < 8,
            let category = UInt16(exactly: category), let version = UInt32(exactly: version)
        else { throw .badValue(at: 0, "flags \(flags), category \(category)") }
        let tsMs = Int64(bitPattern: try reader.varint())
        let price = try reader.shortDouble()
        let discount = try reader.shortDouble()
        let weight = try reader.shortDouble()
        let servedLogit = try reader.shortDouble()
        let exampleId = try reader.shortString()
        let head = try reader.shortString()
        let item = try reader.shortString()
        let user = try reader.shortString()
        var context: [(key: String, value: ContextValue)] = []
        for _ in 0..<(try reader.varint()) {
            let key = try reader.shortString()
            if try reader.bool() {
                context.append((key, .text(try reader.shortString())))
            } else {
                context.append((key, .number(try reader.shortDouble())))
            }
        }
        var example = MemoryExample(
            exampleId: exampleId, head: head, itemId: item,
            exposure: Exposure(
                tsMs: tsMs, user: user, price: price, discount: discount, context: context),
            label: flags & 1 != 0, servedLogit: servedLogit, encoderVersion: version)
        example.units.count = Int(units)
        example.units.expected = expectedUnits
        example.weight = weight
        example.isCorrected = flags & 4 != 0
        example.isFirst = flags & 32 != 0
        return (example, category, flags & 2 != 0, past)
    }
}

/// What the row of a held example says of how it was.
private struct PastRow {
    let flags: UInt8
    let weight: Double
    let user: String?

    init(_ reader: inout ByteReader) throws(ByteCodingError) {
        flags = try reader.integer()
        weight = try reader.shortDouble()
        user = flags & 4 == 0 ? nil : try reader.shortString()
    }
}
