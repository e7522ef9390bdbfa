/// Reads one body by a table and writes it as JSON.
///
/// Fields may come in any order, and several times; so a message is looked through once, and then
/// written in its declaration's order. Total: every body gives JSON or a fault. Time is linear in the
/// body times the depth of its messages.
struct ProtoReader {
    let table: ProtoTable
    let whole: ByteCursor

    /// Messages inside each other, at most.
    static let depthMax = 64

    /// One value on the wire.
    struct Occurrence {
        /// Its place in the declaration.
        let field: Int
        let place: Range<Int>
        let wireType: Int
    }

    /// What was found in a message, in the order of the declaration, and of one field as it came.
    struct Found {
        var values: [Occurrence] = []
        /// Of each oneof the field that was written last.
        var chosen: [Int: Int] = [:]

        /// All values of a field.
        func all(_ field: Int) -> ArraySlice<Occurrence> {
            guard let start = values.firstIndex(where: { $0.field == field }) else { return [] }
            return values[start...].prefix { $0.field == field }
        }
    }

    init(_ table: ProtoTable, _ body: UnsafeRawBufferPointer) {
        self.table = table
        unsafe whole = ByteCursor(body)
    }

    /// The whole body, as a message.
    func read(_ message: Int, _ out: inout JSONOutput) throws(PayloadFault) {
        try value(of: message, [0..<whole.end], 0, &out)
        guard !out.isFull else { throw whole.fault(.tooLarge) }
    }

    // MARK: Messages

    /// - Parameter places: of a message that was written in parts, each part: they are merged.
    func value(
        of index: Int, _ places: [Range<Int>], _ depth: Int, _ out: inout JSONOutput
    ) throws(PayloadFault) {
        guard depth < Self.depthMax else { throw whole.fault(.tooDeep) }
        guard !out.isFull else { throw whole.fault(.tooLarge) }
        let message = table.messages[index]
        let found = try look(message, places)
        if let wellKnown = message.wellKnown {
            if try self.wellKnown(wellKnown, message, found, depth, &out) { return }
        }
        var next: UInt8 = 0x7b
        var start = 0
        while start < found.values.count {
            let index = found.values[start].field
            let run = found.values[start...].prefix { $0.field == index }
            start = run.endIndex
            let field = message.fields[index]
            guard field.oneof < 0 || found.chosen[field.oneof] == index else { continue }
            out.put(next)
            next = 0x2c
            out.append(table.text, field.key)
            try self.field(field, run, depth, &out)
        }
        if next == 0x7b { out.put(0x7b) }
        out.put(0x7d)
    }

    private func look(_ message: ProtoTable.Message, _ places: [Range<Int>]) throws(PayloadFault)
        -> Found
    {
        var found = Found()
        var isSorted = true
        for place in places {
            var cursor = ByteCursor(whole, place)
            while let (number, wireType) = try cursor.tag() {
                guard let index = message.byNumber[number], wireType != 3 else {
                    try cursor.skip(number, wireType)
                    continue
                }
                var place = cursor.at..<cursor.at
                if wireType == 2 {
                    place = try cursor.lengthPrefixed()
                } else {
                    try cursor.skip(number, wireType)
                    place = place.lowerBound..<cursor.at
                }
                let field = message.fields[index]
                let occurrence = Occurrence(field: index, place: place, wireType: wireType)
                try check(field, occurrence)
                if field.oneof >= 0 { found.chosen[field.oneof] = index }
                isSorted = isSorted && found.values.last.map { $0.field <= index } ?? true
                found.values.append(occurrence)
            }
        }
        // Nearly all writers write fields in the order of the declaration.
        if !isSorted {
            found.values.sort { ($0.field, $0.place.lowerBound) < ($1.field, $1.place.lowerBound) }
        }
        return found
    }

    private func check(_ field: ProtoTable.Field, _ occurrence: Occurrence) throws(PayloadFault) {
        let wanted =
            switch field.kind {
            case .scalar(let scalar): scalar.wireType
            case .enumeration: 0
            case .message, .map: 2
            }
        // Numbers of a repeated field may come packed, whatever the declaration says.
        guard occurrence.wireType == wanted || (occurrence.wireType == 2 && field.isRepeated) else {
            throw PayloadFault(
                occurrence.place.lowerBound,
                .wireType(field: field.name, found: occurrence.wireType))
        }
    }

    // MARK: Fields

    func field(
        _ field: ProtoTable.Field, _ values: ArraySlice<Occurrence>, _ depth: Int,
        _ out: inout JSONOutput
    ) throws(PayloadFault) {
        if case .map(let entry) = field.kind { return try map(entry, values, depth, &out) }
        guard field.isRepeated else {
            if case .message(let index) = field.kind {
                return try value(of: index, values.map(\.place), depth + 1, &out)
            }
            guard let last = values.last else { return out.append("null") }
            return try single(field.kind, last.place, depth, &out)
        }
        var next: UInt8 = 0x5b
        for occurrence in values {
            try elements(field.kind, occurrence, depth, &next, &out)
        }
        if next == 0x5b { out.put(0x5b) }
        out.put(0x5d)
    }

    /// One element, or several that are packed.
    private func elements(
        _ kind: ProtoTable.Kind, _ occurrence: Occurrence, _ depth: Int, _ next: inout UInt8,
        _ out: inout JSONOutput
    ) throws(PayloadFault) {
        var wireType = 0
        if case .scalar(let scalar) = kind { wireType = scalar.wireType }
        if case .message = kind { wireType = 2 }
        guard occurrence.wireType == 2, wireType != 2 else {
            out.put(next)
            next = 0x2c
            return try single(kind, occurrence.place, depth, &out)
        }
        var cursor = ByteCursor(whole, occurrence.place)
        while !cursor.isAtEnd {
            let start = cursor.at
            try cursor.skip(0, wireType)
            out.put(next)
            next = 0x2c
            try single(kind, start..<cursor.at, depth, &out)
        }
        guard !out.isFull else { throw whole.fault(.tooLarge) }
    }

    private func single(
        _ kind: ProtoTable.Kind, _ place: Range<Int>, _ depth: Int, _ out: inout JSONOutput
    ) throws(PayloadFault) {
        switch kind {
        case .scalar(let type): try scalar(type, place, &out)
        case .enumeration(let index):
            var cursor = ByteCursor(whole, place)
            symbol(index, Int32(truncatingIfNeeded: try cursor.varint()), &out)
        case .message(let index): try value(of: index, [place], depth + 1, &out)
        case .map: throw whole.fault(.tooDeep)
        }
    }

    /// A name, or the number of one that the schema does not have.
    private func symbol(_ index: Int, _ number: Int32, _ out: inout JSONOutput) {
        if let name = table.enums[index].names[number] {
            out.append(table.text, name)
        } else {
            out.number(Int64(number))
        }
    }

    // MARK: Maps

    /// An object: of a key that comes twice, the last value.
    private func map(
        _ entry: Int, _ occurrences: ArraySlice<Occurrence>, _ depth: Int, _ out: inout JSONOutput
    ) throws(PayloadFault) {
        let message = table.messages[entry]
        var order: [[UInt8]: Int] = [:]
        var entries: [(key: [UInt8], value: [Range<Int>])] = []
        for occurrence in occurrences {
            let found = try look(message, [occurrence.place])
            guard let key = message.byNumber[1], let value = message.byNumber[2] else { continue }
            let text = try self.key(message.fields[key].kind, found.all(key).last?.place)
            let values = found.all(value).map(\.place)
            if let place = order[text] {
                entries[place].value = values
            } else {
                order[text] = entries.count
                entries.append((text, values))
            }
        }
        var next: UInt8 = 0x7b
        for pair in entries {
            out.put(next)
            next = 0x2c
            out.append(pair.key)
            out.put(0x3a)
            guard let value = message.byNumber[2] else { continue }
            try mapped(message.fields[value].kind, pair.value, depth, &out)
        }
        if next == 0x7b { out.put(0x7b) }
        out.put(0x7d)
    }

    private func mapped(
        _ kind: ProtoTable.Kind, _ places: [Range<Int>], _ depth: Int, _ out: inout JSONOutput
    ) throws(PayloadFault) {
        switch (kind, places.last) {
        case (.message(let index), _): try value(of: index, places, depth + 1, &out)
        case (_, let last?): try single(kind, last, depth, &out)
        case (.scalar(let type), nil): preset(type, &out)
        case (.enumeration(let index), nil): symbol(index, table.enums[index].first, &out)
        case (.map, nil): out.append("{}")
        }
    }

    /// A key as a JSON string, whatever its type.
    private func key(_ kind: ProtoTable.Kind, _ place: Range<Int>?) throws(PayloadFault) -> [UInt8]
    {
        guard case .scalar(let type) = kind else { throw whole.fault(.tooDeep) }
        var out = JSONOutput(bytesMax: 8 * ((place?.count ?? 0) + 16))
        if let place { try scalar(type, place, &out) } else { preset(type, &out) }
        let text = out.bytes
        return text.first == 0x22 ? text : [0x22] + text + [0x22]
    }
}
