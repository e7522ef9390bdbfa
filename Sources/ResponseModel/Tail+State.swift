import Records

extension Tail {
    /// Writes the pages that changed, and removes those that came free.
    mutating func collect(_ tables: HeadTables, into changes: inout StateChanges) {
        for row in rows.abandoned {
            changes.remove(row.storedIn == 1 ? tables.users : tables.tail, HeadTables.key(row.page))
        }
        rows.abandoned.removeAll()
        for page in rows.dirtyPages.sorted() {
            let index = Int(page)
            rows.dirty[index] = false
            let place = Self.place(pages[index].owner)
            if rows.storedIn[index] != 0, rows.storedIn[index] != place {
                let table = rows.storedIn[index] == 1 ? tables.users : tables.tail
                changes.remove(table, HeadTables.key(index))
            }
            rows.storedIn[index] = place
            put(index, tables, into: &changes)
        }
        rows.dirtyPages.removeAll(keepingCapacity: true)
    }

    /// Has the next `collect` take away what is stored of `old` and not written over.
    mutating func takePlace(of old: Tail) {
        rows.abandoned = old.rows.abandoned
        for (index, place) in old.rows.storedIn.enumerated() where place != 0 {
            guard index < pages.count else {
                rows.abandoned.append((index, place))
                continue
            }
            rows.storedIn[index] = place
            mark(Int32(index))
        }
    }

    /// Writes all pages in use.
    func dump(_ tables: HeadTables, into changes: inout StateChanges) {
        for index in pages.indices { put(index, tables, into: &changes) }
    }

    private static func place(_ owner: Owner?) -> UInt8 {
        owner.map { $0 == .user ? 1 : 2 } ?? 0
    }

    private func put(_ index: Int, _ tables: HeadTables, into changes: inout StateChanges) {
        guard let owner = pages[index].owner else { return }
        let table = owner == .user ? tables.users : tables.tail
        let user = owner == .user ? pages[Int(pages[index].first)].user : nil
        changes.put(table, HeadTables.key(index), row(index, owner), owner: user)
    }

    private func row(_ index: Int, _ owner: Owner) -> [UInt8] {
        let page = pages[index]
        var writer = ByteWriter(capacity: 48 + Int(page.cellCount) * 25)
        writer.integer(owner.rawValue)
        writer.integer(page.ordinal)
        if page.ordinal == 0 {
            writer.integer(page.hash)
            writer.integer(page.touched)
            writer.optional(memories[index].logPrice) { $0.double($1) }
            writer.optional(memories[index].own) {
                $0.double($1.mean)
                $0.double($1.variance)
            }
        } else {
            writer.integer(page.first)
        }
        writer.integer(page.cellCount)
        for cell in cellRange(index) {
            writer.integer(cells.keys[cell])
            writer.integer(cells.groups[cell])
            writer.double(cells.precision[cell])
            writer.double(cells.eta[cell])
        }
        if page.ordinal == 0 {
            if owner == .user { writer.data(page.user?.bytes ?? []) }
            if let moved = memories[index].moved { moved.write(to: &writer) }
        }
        return writer.bytes
    }

    /// The tail that was written to `tables`.
    init(
        restoring tables: HeadTables, pageCount: Int, touches: UInt64,
        _ configuration: HeadConfiguration, from reader: some StateReader
    ) throws {
        self.init(configuration)
        self.touches = touches
        for _ in 0..<pageCount { appendPage() }
        for table in [tables.users, tables.tail] {
            try reader.forEach(table) { key, value in
                try tables.decode(table, key, value) { row in
                    let index = try HeadTables.number(key)
                    try HeadTables.expect(index < pageCount, "a number that is too large")
                    try HeadTables.expect(pages[index].owner == nil, "a number that occurs twice")
                    try restorePage(index, &row)
                    let isUser = pages[index].owner == .user
                    try HeadTables.expect(isUser == (table == tables.users), "a foreign owner")
                    rows.storedIn[index] = Self.place(pages[index].owner)
                }
            }
        }
        try link()
    }

    private mutating func restorePage(_ index: Int, _ row: inout ByteReader) throws {
        let owner = Owner(rawValue: try row.integer())
        try HeadTables.expect(owner != nil, "an owner of no known kind")
        var page = Page(owner: owner, ordinal: try row.integer(), first: Int32(index))
        if page.ordinal == 0 {
            page.hash = try row.integer()
            page.touched = try row.integer()
            memories[index].logPrice = try row.optional { r throws(ByteCodingError) in
                try r.double()
            }
            memories[index].own = try row.optional { r throws(ByteCodingError) in
                Memory.Own(mean: try r.double(), variance: try r.double())
            }
        } else {
            page.first = try row.integer()
        }
        page.cellCount = try row.integer()
        try HeadTables.expect(Int(page.cellCount) <= Self.pageCells, "too many effects")
        defer { pages[index] = page }
        pages[index] = page
        for cell in cellRange(index) {
            cells.keys[cell] = try row.integer()
            cells.groups[cell] = try row.integer()
            cells.precision[cell] = try row.double()
            cells.eta[cell] = try row.double()
            try HeadTables.expectFinite([cells.precision[cell], cells.eta[cell]])
            try HeadTables.expect(
                TailGroup(rawValue: cells.groups[cell]) != nil, "an effect of no known group")
            try HeadTables.expect(cellIndex.value(cells.keys[cell]) < 0, "an effect twice")
            cellIndex.insert(cells.keys[cell], Int32(cell))
        }
        // Rows of version 0.1 end here.
        if owner == .user, page.ordinal == 0, row.remaining > 0 {
            page.user = RowOwner(bytes: try row.data())
        }
        if page.ordinal == 0, row.remaining > 0 { memories[index].moved = try Moved(from: &row) }
        let memory = memories[index]
        try HeadTables.expectFinite(
            [memory.logPrice, memory.own?.mean, memory.own?.variance, memory.moved?.by]
                .compactMap { $0 })
    }

    /// Makes again what follows from the pages: chains, the order of owners, free pages.
    private mutating func link() throws {
        let used = pages.indices.filter { pages[$0].owner != nil }
        let chained = used.sorted {
            (pages[$0].first, pages[$0].ordinal) < (pages[$1].first, pages[$1].ordinal)
        }
        for index in chained {
            let first = Int(pages[index].first)
            let ordinal = pages[index].ordinal
            guard pages.indices.contains(first), pages[first].owner == pages[index].owner,
                pages[first].ordinal == 0, pages[first].pageCount == ordinal
            else {
                throw ResponseError.damagedState(
                    table: "tail", key: "\(index)", reason: "its chain of pages is broken")
            }
            if ordinal > 0 { pages[Int(pages[first].last)].next = Int32(index) }
            pages[first].last = Int32(index)
            pages[first].pageCount += 1
        }
        let owners = used.filter { pages[$0].ordinal == 0 }
        for index in owners.sorted(by: { pages[$0].touched < pages[$1].touched }) {
            ownerIndex.insert(pages[index].hash, Int32(index))
            linkNewest(Int32(index))
        }
        freePages = pages.indices.filter { pages[$0].owner == nil }.map(Int32.init).reversed()
    }
}
