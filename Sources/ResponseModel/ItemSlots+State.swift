import Records

extension ItemSlots {
    mutating func collect(_ tables: HeadTables, into changes: inout StateChanges) {
        write(tables, into: &changes, all: false)
        slotsAreDirty = false
        for slot in dirtyVectors.indices { dirtyVectors[slot] = false }
    }

    func write(_ tables: HeadTables, into changes: inout StateChanges, all: Bool) {
        if all || slotsAreDirty {
            var writer = ByteWriter(capacity: 4 + slots.count * 28)
            writer.array(slots) { writer, slot in
                writer.integer(slot.item)
                writer.integer(slot.entry)
                writer.double(slot.bornHours)
                writer.integer(slot.used)
            }
            changes.put(tables.head, HeadTables.slots, writer.bytes)
        }
        for slot in dirtyVectors.indices where all || dirtyVectors[slot] {
            var writer = ByteWriter(capacity: 4 + dimension * 4)
            writer.floats(Array(vector(slot)))
            changes.put(tables.vectors, HeadTables.key(slot), writer.bytes)
        }
    }

    /// The slots that were written to `tables`.
    init(
        restoring tables: HeadTables, dimension: Int, coreCount: Int,
        _ configuration: HeadConfiguration, from reader: some StateReader
    ) throws {
        var stored: [Slot] = []
        try tables.read(tables.head, HeadTables.slots, from: reader) { row in
            stored = try row.array { r throws(ByteCodingError) in
                Slot(
                    item: try r.integer(), entry: try r.integer(), bornHours: try r.double(),
                    used: try r.integer())
            }
            try HeadTables.expect(
                stored.count <= coreCount
                    && stored.allSatisfy { $0.entry >= 0 && $0.entry < coreCount },
                "a slot without an entry")
        }
        self.init(dimension: dimension, configuration, holding: stored.count)
        for (slot, content) in stored.enumerated() {
            var vector: [Float] = []
            try tables.read(tables.vectors, HeadTables.key(slot), from: reader) { row in
                vector = try row.floats()
                try HeadTables.expect(vector.count == dimension, "a wrong length")
                try HeadTables.expect(vector.allSatisfy(\.isFinite), "a number that is none")
            }
            assign(slot, content, vector: vector)
        }
        slotsAreDirty = false
        for slot in dirtyVectors.indices { dirtyVectors[slot] = false }
    }
}
