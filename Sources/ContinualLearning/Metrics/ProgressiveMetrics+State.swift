import Records

extension ProgressiveMetrics {
    /// One row of counts, and for the total, each window and each slice a row that names it, a row
    /// of scalars per head and the pages of its histogram.
    public static let table = StateTable("metrics", .keyed)

    /// What a row belongs to: the first byte of its key.
    private enum Part: UInt8 {
        case header, total, window, slice
    }

    /// The page number of the row that names a window or a slice.
    private static let namePage = 0xfffe

    /// part, index (32 bits), head, page (16 bits): big-endian, so that rows come back in order.
    private static func key(_ part: Part, _ index: Int = 0, head: Int = 0, page: Int = 0)
        -> [UInt8]
    {
        var writer = ByteWriter(capacity: 8)
        writer.integer(part.rawValue)
        writer.integer(UInt32(index).bigEndian)
        writer.integer(UInt8(head))
        writer.integer(UInt16(page).bigEndian)
        return writer.bytes
    }

    /// Remembers to remove the rows of a window that others take the place of.
    mutating func forget(_ window: Window, at index: Int) {
        obsolete.insert(Self.key(.window, index, page: Self.namePage))
        for (head, scores) in window.scores.enumerated() {
            for page in scores.pages {
                obsolete.insert(Self.key(.window, index, head: head, page: page))
            }
        }
    }

    /// Emits the rows changed since the last call.
    public mutating func collectChanges(into changes: inout StateChanges) {
        var header = ByteWriter(capacity: 64)
        header.integer(1 as UInt8)
        header.array(heads) { $0.string($1) }
        header.integer(Int64(windowExamples))
        header.integer(Int64(examples))
        header.integer(Int64(nonFinite))
        changes.put(Self.table, Self.key(.header), header.bytes)
        Self.collect(&total, .total, 0, &obsolete, into: &changes)
        for index in windows.indices {
            if windows[index].changed {
                windows[index].changed = false
                let window = windows[index]
                var writer = ByteWriter(capacity: 32)
                for value in [Int64(window.from), Int64(window.to), window.fromTsMs, window.toTsMs]
                {
                    writer.integer(value)
                }
                Self.put(.window, index, writer.bytes, &obsolete, into: &changes)
            }
            Self.collect(&windows[index].scores, .window, index, &obsolete, into: &changes)
        }
        for index in slices.indices {
            if slices[index].changed {
                slices[index].changed = false
                var writer = ByteWriter()
                writer.string(slices[index].name)
                Self.put(.slice, index, writer.bytes, &obsolete, into: &changes)
            }
            Self.collect(&slices[index].scores, .slice, index, &obsolete, into: &changes)
        }
        let gone = obsolete.sorted { $0.lexicographicallyPrecedes($1) }
        for key in gone { changes.remove(Self.table, key) }
        obsolete = []
    }

    private static func put(
        _ part: Part, _ index: Int, _ value: [UInt8], _ obsolete: inout Set<[UInt8]>,
        into changes: inout StateChanges
    ) {
        let key = key(part, index, page: namePage)
        obsolete.remove(key)
        changes.put(table, key, value)
    }

    private static func collect(
        _ scores: inout [ScoreAccumulator], _ part: Part, _ index: Int,
        _ obsolete: inout Set<[UInt8]>, into changes: inout StateChanges
    ) {
        for head in scores.indices {
            scores[head].collect { page, value in
                let key = key(part, index, head: head, page: page)
                obsolete.remove(key)
                changes.put(table, key, value)
            }
        }
    }

    /// Makes the metrics again that the rows were collected from.
    ///
    /// - Returns: `nil` when there are no rows.
    /// - Throws: `ContinualLearningError` for rows that are damaged or were made for other heads.
    public static func restore(
        heads: [String], configuration: Configuration = Configuration(),
        from reader: some StateReader
    ) throws -> ProgressiveMetrics? {
        guard let header = try reader.value(table, key(.header)) else { return nil }
        var metrics = ProgressiveMetrics(heads: heads, configuration: configuration)
        try metrics.restoreHeader(header)
        try reader.forEach(table) { key, value in
            var parts = ByteReader(key)
            do {
                guard let part = Part(rawValue: try parts.integer()) else {
                    throw ByteCodingError.badValue(at: 0, "an unknown part")
                }
                let index = Int(UInt32(bigEndian: try parts.integer()))
                let head = Int(try parts.integer(UInt8.self))
                let page = Int(UInt16(bigEndian: try parts.integer()))
                try parts.finish()
                var row = ByteReader(value)
                if part != .header {
                    try metrics.restore(part, index, head: head, page: page, from: &row)
                    try row.finish()
                }
            } catch let error as ByteCodingError {
                throw ContinualLearningError.damagedRow(table: table.name, key: key, error)
            }
        }
        try metrics.checkRestored()
        return metrics
    }

    private mutating func restoreHeader(_ value: [UInt8]) throws(ContinualLearningError) {
        let (version, names, window, count, bad) = try Self.table.decode(Self.key(.header), value) {
            (reader) throws(ByteCodingError) in
            (
                try reader.integer(UInt8.self),
                try reader.array { (reader) throws(ByteCodingError) in try reader.string() },
                try reader.integer(Int64.self), try reader.integer(Int64.self),
                try reader.integer(Int64.self)
            )
        }
        guard version == 1, names == heads, window > 0 else {
            throw .inconsistentState(
                table: Self.table.name,
                "made by version \(version) for heads \(names), wanted 1 for \(heads)")
        }
        windowExamples = Int(window)
        examples = Int(count)
        nonFinite = Int(bad)
    }

    private mutating func restore(
        _ part: Part, _ index: Int, head: Int, page: Int, from row: inout ByteReader
    ) throws(ByteCodingError) {
        guard head < heads.count, index < 1 << 20 else {
            throw .badValue(at: 0, "a part that is not there")
        }
        switch part {
        case .header: return
        case .total: try total[head].restore(page: page, from: &row)
        case .window:
            while windows.count <= index {
                windows.append(
                    Window(
                        from: 0, to: 0, fromTsMs: 0, toTsMs: 0,
                        scores: Self.emptyScores(heads.count, Self.partBins), changed: false))
            }
            guard page == Self.namePage else {
                return try windows[index].scores[head].restore(page: page, from: &row)
            }
            windows[index].from = Int(try row.integer(Int64.self))
            windows[index].to = Int(try row.integer(Int64.self))
            windows[index].fromTsMs = try row.integer()
            windows[index].toTsMs = try row.integer()
        case .slice:
            while slices.count <= index {
                slices.append(
                    Slice(
                        name: "", scores: Self.emptyScores(heads.count, Self.partBins),
                        changed: false))
            }
            guard page == Self.namePage else {
                return try slices[index].scores[head].restore(page: page, from: &row)
            }
            slices[index] = Slice(
                name: try row.string(), scores: slices[index].scores, changed: false)
            sliceIndex[slices[index].name] = index
        }
    }

    private func checkRestored() throws(ContinualLearningError) {
        guard sliceIndex.count == slices.count else {
            throw .inconsistentState(table: Self.table.name, "a slice without a name")
        }
        guard windows.reduce(0, { $0 + $1.to - $1.from }) == examples,
            total.reduce(0, { $0 + $1.count }) == examples
        else {
            throw .inconsistentState(
                table: Self.table.name, "windows do not add up to \(examples) examples")
        }
    }
}
