import Records

/// Walks a whole store without LMDB, so that no damage in it can hurt the process that looks.
public enum StoreCheck {
    /// What a sound store holds.
    public struct Report: Sendable, Equatable {
        /// What the store is, from its creation on.
        public let identity: StoreIdentity
        /// The number of the last commit that changed state.
        public let sequence: UInt64
        /// The report's `state_sha256` at that commit.
        public let stateDigest: Digest256
        /// The sum over the weights tables alone.
        public let weightsDigest: Digest256
        /// Pages in use and free.
        public let pages: Int
        /// Records of all tables, the store's own included.
        public let records: Int
        /// Bytes of the data file.
        public let fileBytes: Int
    }

    /// Checks every page and every record of the last commit.
    ///
    /// Reads the file only; no process is kept from writing, so call it while nothing does.
    /// Throws: `.damaged` with the place of the first damage; `.missing`, `.notAStore`,
    /// `.newerFormat` where they apply.
    /// Complexity: reads the data file once.
    public static func run(_ path: String) throws(StoreError) -> Report {
        let folder = StoreFolder(path: path)
        try requireStore(folder)
        do throws(PageDamage) {
            let file = try PageFile(folder)
            return try verify(file, try newestRoot(file), folder)
        } catch { throw error.storeError(folder) }
    }

    /// Throws: when there is no data file to look at.
    static func requireStore(_ folder: StoreFolder) throws(StoreError) {
        guard let status = try FileStatus.of(folder.path) else {
            throw .missing(path: folder.path)
        }
        guard status.isFolder else { throw .notAStore(path: folder.path, reason: "it is a file") }
        guard let data = try FileStatus.of(folder.data) else {
            throw .notAStore(path: folder.path, reason: "it has no data.mdb")
        }
        guard data.isFile else {
            throw .notAStore(path: folder.path, reason: "its data.mdb is no file")
        }
    }

    /// The root of the last commit; both roots must be as LMDB leaves them.
    static func newestRoot(_ file: borrowing PageFile) throws(PageDamage) -> RootPage {
        guard file.roots.count == 2 else { throw .file("one of the two root pages is damaged") }
        let (newest, older) = (file.roots[0], file.roots[1])
        guard newest.transaction & 1 == newest.slot || newest.transaction == 0,
            newest.transaction - older.transaction == (newest.transaction == 0 ? 0 : 1)
        else { throw .file("the two root pages do not follow each other") }
        return newest
    }

    static func verify(
        _ file: borrowing PageFile, _ root: RootPage, _ folder: StoreFolder
    ) throws(PageDamage) -> Report {
        var walk = try PageWalk(root, of: file)
        let (trees, unknown) = try tableTrees(root, file, &walk)
        let meta = try readMeta(trees[.meta], file, &walk)
        // A newer format may have tables that are not known here: that is said first.
        let identity = try self.identity(meta, folder)
        if let unknown { throw unknown }
        guard let headBytes = meta[Head.key] else { throw .file("it has no head record") }
        let head: Head
        do { head = try Head(bytes: headBytes) } catch { throw .file("head record: \(error)") }
        guard head.transaction == root.transaction else {
            throw .file(
                "its root page is of commit \(root.transaction), its records of commit "
                    + "\(head.transaction)")
        }
        var records = meta.count
        var beside = Beside()
        // First what is needed for the others.
        let first: [Table] = [.owners, .pieces]
        let rest = Table.allCases.filter { $0 != .meta && !first.contains($0) }
        for table in first + rest where table.sinceFormat <= identity.format {
            guard let tree = trees[table] else { throw .file("table \(table.name) is missing") }
            records += try verifyTable(table, tree, head, file, &beside, &walk)
            // The last table whose rows may have some.
            if table == .ledger { beside.pieces = [:] }
        }
        guard beside.pieceCount == beside.piecesNeeded else {
            throw .file(
                "table pieces has \(beside.pieceCount) pieces where records have "
                    + "\(beside.piecesNeeded)")
        }
        try walk.walkFree(root, of: file)
        return Report(
            identity: identity, sequence: head.sequence, stateDigest: head.stateDigest,
            weightsDigest: head.weightsDigest, pages: walk.pageCount + 2, records: records,
            fileBytes: file.byteCount)
    }

    /// - Returns: the tables' trees, and what is wrong with an entry that is none.
    private static func tableTrees(
        _ root: RootPage, _ file: borrowing PageFile, _ walk: inout PageWalk
    ) throws(PageDamage) -> ([Table: PageTree], PageDamage?) {
        let names = Dictionary(
            uniqueKeysWithValues: Table.allCases.map { (Array($0.name.utf8), $0) })
        var trees: [Table: PageTree] = [:]
        var unknown: PageDamage?
        try walk.walk(root.main, of: file) { key, value, isTree, page throws(PageDamage) in
            guard isTree, value.count == PageTree.byteCount, let table = names[key] else {
                unknown = unknown ?? .page(page, "has an entry that is no table of a store")
                return
            }
            trees[table] = try PageTree(Page(number: page, bytes: value), at: 0)
        }
        return (trees, unknown)
    }

    private static func readMeta(
        _ tree: PageTree?, _ file: borrowing PageFile, _ walk: inout PageWalk
    ) throws(PageDamage) -> [[UInt8]: [UInt8]] {
        guard let tree else { throw .file("it has no identity") }
        var meta: [[UInt8]: [UInt8]] = [:]
        try walk.walk(tree, of: file) { key, value, _, page throws(PageDamage) in
            meta[key] = try RecordChecker.record(value, RecordDomain(.meta), key, page).value
        }
        return meta
    }

    private static func identity(
        _ meta: [[UInt8]: [UInt8]], _ folder: StoreFolder
    ) throws(PageDamage) -> StoreIdentity {
        guard let bytes = meta[StoreIdentity.key] else { throw .file("it has no identity") }
        let identity: StoreIdentity
        do { identity = try StoreIdentity(bytes: bytes) } catch {
            throw .file("identity: \(error)")
        }
        guard identity.format <= StoreIdentity.formatVersion else {
            throw .store(
                .newerFormat(
                    path: folder.path, found: identity.format, known: StoreIdentity.formatVersion))
        }
        return identity
    }

    /// What records of a table need of other tables.
    private struct Beside {
        /// Whose keys open sealed rows.
        var book = OwnerBook()
        /// What long rows have behind their first pieces.
        var pieces: [[UInt8]: [UInt8]] = [:]
        /// How many pieces there are, and how many records call for.
        var (pieceCount, piecesNeeded) = (0, 0)
    }

    /// Checks a table's records and that they add up to what the head record says.
    private static func verifyTable(
        _ table: Table, _ tree: PageTree, _ head: Head, _ file: borrowing PageFile,
        _ beside: inout Beside, _ walk: inout PageWalk
    ) throws(PageDamage) -> Int {
        var expected: [UInt16: TableSummary] = [:]
        for summary in head.tables where summary.table == table {
            expected[summary.number] = summary
        }
        let domains = expected.mapValues(\.domain)
        var sums: [UInt16: (count: Int, digest: Digest256)] = [:]
        var offsets = Digest256.zero
        let keys = expected.mapValues(\.keys)
        var batch: [RawRecord] = []
        func check() throws(PageDamage) {
            // Owners are not about owners: without the book, taking them in copies nothing.
            let checker = RecordChecker(
                table: table, domains: domains, keys: keys,
                book: table == .owners ? OwnerBook() : beside.book,
                pieces: table.stateKind == nil ? [:] : beside.pieces)
            for found in try checker.check(batch) {
                sums[found.number, default: (0, .zero)].count += 1
                sums[found.number, default: (0, .zero)].digest =
                    sums[found.number, default: (0, .zero)].digest &+ found.digest
                if table == .owners { try beside.book.add(found.key, found.value, found.page) }
                beside.piecesNeeded += RecordPiece.count(found.rest)
                if table == .pieces { beside.pieceCount += 1 }
                if table == .pieces, let whose = found.key.first.flatMap(Table.init(rawValue:)),
                    whose.stateKind != nil
                {
                    beside.pieces[found.key] = found.value
                }
                if table == .offsets {
                    offsets = offsets &+ OffsetRecord.stateDigest(found.key, found.value)
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
        try walk.walk(tree, of: file) { stored, bytes, isTree, page throws(PageDamage) in
            guard !isTree else { throw .page(page, "has a table where a record should be") }
            batch.append(RawRecord(key: stored, bytes: bytes, page: page))
            if batch.count == RecordChecker.batchMax { try check() }
        }
        try check()
        if table == .owners { try beside.book.requireComplete() }
        for (number, summary) in expected {
            let sum = sums[number] ?? (0, .zero)
            guard sum.count == summary.count, sum.digest == summary.digest else {
                throw .file(
                    "table \(summary.domain.name) has \(sum.count) rows that do not add up to the "
                        + "\(summary.count) of the last commit")
            }
        }
        if table == .offsets, offsets != head.offsetsDigest {
            throw .file("the offsets do not add up to those of the last commit")
        }
        return sums.values.reduce(0) { $0 + $1.count }
    }
}
