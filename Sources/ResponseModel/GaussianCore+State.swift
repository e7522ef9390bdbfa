import Records

extension GaussianCore {
    /// Rows of the covariance's triangle that are stored together.
    static let chunkRows = 16

    private func chunkRange(_ chunk: Int) -> Range<Int> {
        let first = chunk * Self.chunkRows
        let end = min(count, first + Self.chunkRows)
        return Self.rowStart(first)..<Self.rowStart(end)
    }

    /// Writes changed rows of the covariance, means, and what is pending.
    mutating func collect(_ tables: HeadTables, into changes: inout StateChanges) {
        write(tables, into: &changes, all: false)
        for chunk in changed.chunks.indices { changed.chunks[chunk] = false }
        changed.mean = false
        changed.block = false
    }

    func write(_ tables: HeadTables, into changes: inout StateChanges, all: Bool) {
        for chunk in changed.chunks.indices where all || changed.chunks[chunk] {
            var writer = ByteWriter()
            writer.doubles(Array(covariance[chunkRange(chunk)]))
            changes.put(tables.covariance, HeadTables.key(chunk), writer.bytes)
        }
        if all || changed.mean {
            var writer = ByteWriter()
            writer.doubles(mean)
            changes.put(tables.head, HeadTables.mean, writer.bytes)
        }
        if all || changed.block {
            changes.put(tables.head, HeadTables.pending, pendingRow())
        }
    }

    /// The active entries, their means, and what the block has learned, as a triangle.
    private func pendingRow() -> [UInt8] {
        var writer = ByteWriter()
        writer.array(block.active) { $0.integer($1) }
        writer.doubles(Array(block.mean[..<block.active.count]))
        writer.doubles(Array(block.shift[..<block.active.count]))
        var triangle: [Double] = []
        for row in block.active.indices {
            triangle += block.information[row * Self.activeMax...row * Self.activeMax + row]
        }
        writer.doubles(triangle)
        return writer.bytes
    }

    /// The core that was written to `tables`.
    init(
        restoring tables: HeadTables, count: Int, blocks: UInt64, repairs: UInt64,
        from reader: some StateReader
    ) throws {
        self.init()
        let chunks = (count + Self.chunkRows - 1) / Self.chunkRows
        var covariance: [Double] = []
        for chunk in 0..<chunks {
            let end = min(count, (chunk + 1) * Self.chunkRows)
            try tables.read(tables.covariance, HeadTables.key(chunk), from: reader) { row in
                let part = try row.doubles()
                try HeadTables.expectFinite(part)
                covariance += part
                try HeadTables.expect(covariance.count == Self.rowStart(end), "a wrong length")
            }
        }
        var mean: [Double] = []
        try tables.read(tables.head, HeadTables.mean, from: reader) { row in
            mean = try row.doubles()
            try HeadTables.expect(mean.count == count, "a wrong length")
            try HeadTables.expectFinite(mean)
        }
        restore(covariance: covariance, mean: mean, blocks: blocks, repairs: repairs)
        changed.chunks = Array(repeating: false, count: chunks)
        try tables.read(tables.head, HeadTables.pending, from: reader) { row in
            try restorePending(&row)
        }
        changed.mean = false
        changed.block = false
    }

    mutating func restorePending(_ row: inout ByteReader) throws {
        let entries = try row.array { r throws(ByteCodingError) in try r.integer(Int32.self) }
        let means = try row.doubles()
        let shifts = try row.doubles()
        let triangle = try row.doubles()
        try HeadTables.expect(
            entries.count <= Self.activeMax && means.count == entries.count
                && shifts.count == entries.count && triangle.count == Self.rowStart(entries.count)
                && Set(entries).count == entries.count
                && entries.allSatisfy { $0 >= 0 && $0 < count }, "an impossible block")
        try HeadTables.expectFinite(means + shifts + triangle)
        restorePending(entries, means, shifts, triangle)
    }

    /// Fills a new core with what was stored of another.
    mutating func restore(
        covariance: [Double], mean: [Double], blocks: UInt64, repairs: UInt64
    ) {
        self.covariance = covariance
        self.mean = mean
        count = mean.count
        position = Array(repeating: -1, count: count)
        self.blocks = blocks
        self.repairs = repairs
    }

    mutating func restorePending(
        _ entries: [Int32], _ means: [Double], _ shifts: [Double], _ triangle: [Double]
    ) {
        for entry in entries {
            position[Int(entry)] = Int32(block.active.count)
            block.active.append(entry)
        }
        for place in entries.indices {
            block.mean[place] = means[place]
            block.shift[place] = shifts[place]
            copyPrior(place)
            for other in 0...place {
                let value = triangle[Self.rowStart(place) + other]
                block.information[place * Self.activeMax + other] = value
                block.information[other * Self.activeMax + place] = value
            }
        }
    }
}
