/// Visits every entry of a tree while checking everything LMDB relies on when it follows it.
struct PageWalk {
    /// Marks of the pages seen, so that no page is used twice.
    private var seen: [UInt64]
    private let lastPage: UInt64
    private let follows: Follows
    /// Whether the tree that is walked now is looked at in full.
    private var isWhole = true
    private(set) var pageCount = 0

    /// What of a tree is looked at.
    enum Follows {
        /// Every page and every value.
        case everything
        /// What LMDB relies on when it follows the tree: no order of keys, and of long values only
        /// where they lie.
        case structure
    }

    /// Deeper trees than this LMDB itself cannot follow (`CURSOR_STACK`).
    private static let depthMax = 32

    init(
        _ root: RootPage, of file: borrowing PageFile, _ follows: Follows = .everything
    ) throws(PageDamage) {
        self.follows = follows
        guard root.lastPage >= 1, root.lastPage < UInt64(file.byteCount / file.pageBytes) else {
            throw .file(
                "data.mdb ends at page \(file.byteCount / file.pageBytes), but its root page "
                    + "tells of \(root.lastPage + 1) pages")
        }
        lastPage = root.lastPage
        seen = [UInt64](repeating: 0, count: Int(root.lastPage / 64) + 1)
    }

    typealias Visit = (_ key: [UInt8], _ value: [UInt8], _ isTree: Bool, _ page: UInt64)
        throws(PageDamage) -> Void

    private mutating func mark(_ page: UInt64, count: UInt64 = 1) throws(PageDamage) {
        guard page >= 2, page <= lastPage, count <= lastPage - page + 1 else {
            throw .page(page, "is used but was never allocated")
        }
        for one in page..<page + count {
            let bit = UInt64(1) << (one & 63)
            guard seen[Int(one >> 6)] & bit == 0 else { throw .page(one, "is used twice") }
            seen[Int(one >> 6)] |= bit
        }
        pageCount += Int(count)
    }

    /// Throws: `PageDamage` at the first page that is not as LMDB wrote it, or what `visit` throws.
    mutating func walk(
        _ tree: PageTree, of file: borrowing PageFile, integerKeys: Bool = false,
        whole: Bool = false, _ visit: Visit
    ) throws(PageDamage) {
        isWhole = whole || integerKeys || follows == .everything
        // Flags change how LMDB compares keys: a store's tables have none, the list of free pages one.
        guard tree.flags == (integerKeys ? 0x08 : 0) else {
            throw .file("a tree has flags that no store has")
        }
        if tree.isEmpty {
            guard tree.entries == 0 else { throw .file("an empty tree claims entries") }
            return
        }
        guard tree.depth >= 1, tree.depth <= Self.depthMax else {
            throw .page(tree.root, "is the root of a tree \(tree.depth) pages deep")
        }
        var totals = TreeTotals()
        try descend(
            Place(page: tree.root, level: 1, lower: nil, upper: nil), tree, integerKeys, file,
            &totals, visit)
        guard totals.matches(tree) else {
            throw .page(tree.root, "claims \(tree.entries) entries, \(totals.entries) are there")
        }
    }

    private struct Place {
        let page: UInt64
        let level: Int
        /// Every key below lies in [lower, upper).
        let lower: [UInt8]?
        let upper: [UInt8]?
    }

    private struct TreeTotals {
        var entries: UInt64 = 0
        var branches: UInt64 = 0
        var leaves: UInt64 = 0
        var overflow: UInt64 = 0

        func matches(_ tree: PageTree) -> Bool {
            entries == tree.entries && branches == tree.branchPages && leaves == tree.leafPages
                && overflow == tree.overflowPages
        }
    }

    private mutating func descend(
        _ place: Place, _ tree: PageTree, _ integerKeys: Bool, _ file: borrowing PageFile,
        _ totals: inout TreeTotals, _ visit: Visit
    ) throws(PageDamage) {
        try mark(place.page)
        let page = try file.page(place.page)
        let isLeaf = place.level == Int(tree.depth)
        guard try page.storedNumber() == place.page,
            try page.flags() == (isLeaf ? Page.leaf : Page.branch)
        else { throw .page(place.page, "is not the page it should be") }
        let nodes = try NodeList(page, isLeaf: isLeaf)
        var previous: [UInt8]?
        for index in 0..<nodes.count {
            let node = try nodes.node(index)
            // The leftmost key of a branch stands for everything below the next one.
            let isBound = isWhole && (isLeaf || index > 0)
            if isBound {
                try Self.checkOrder(node.key, previous, place.lower, place.upper, integerKeys, page)
                previous = node.key
            }
            if isLeaf {
                totals.entries += 1
                try self.visit(node, page, file, &totals, visit)
            } else {
                let upper = index + 1 < nodes.count ? try nodes.node(index + 1).key : place.upper
                let child = Place(
                    page: node.child, level: place.level + 1,
                    lower: isBound ? node.key : place.lower, upper: upper)
                try descend(child, tree, integerKeys, file, &totals, visit)
            }
        }
        if isLeaf { totals.leaves += 1 } else { totals.branches += 1 }
    }

    private mutating func visit(
        _ node: NodeList.Node, _ page: Page, _ file: borrowing PageFile,
        _ totals: inout TreeTotals, _ visit: Visit
    ) throws(PageDamage) {
        let bigData: UInt16 = 0x01
        let subTree: UInt16 = 0x02
        switch node.flags {
        case 0 where !isWhole: break
        case 0: try visit(node.key, page.slice(node.data, node.dataCount), false, page.number)
        case subTree: try visit(node.key, page.slice(node.data, node.dataCount), true, page.number)
        case bigData:
            let first = try page.integer(node.data, as: UInt64.self)
            let needed = (PageFile.headerBytes - 1 + node.dataCount) / file.pageBytes + 1
            guard first >= 2, first <= lastPage else {
                throw .page(page.number, "points at page \(first), which was never allocated")
            }
            let head = try file.head(first)
            let span = try head.integer(12, as: UInt32.self)
            guard try head.storedNumber() == first, try head.flags() == Page.overflow,
                Int(span) >= needed
            else { throw .page(first, "is not the long value it should be") }
            try mark(first, count: UInt64(span))
            totals.overflow += UInt64(span)
            guard isWhole else { return }
            let bytes = try file.bytes(of: first, pages: needed)
            let start = PageFile.headerBytes
            try visit(node.key, Array(bytes[start..<start + node.dataCount]), false, first)
        default: throw .page(page.number, "has an entry of an unknown kind")
        }
    }

    private static func checkOrder(
        _ key: [UInt8], _ previous: [UInt8]?, _ lower: [UInt8]?, _ upper: [UInt8]?,
        _ integerKeys: Bool, _ page: Page
    ) throws(PageDamage) {
        func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
            integerKeys
                ? a.reversed().lexicographicallyPrecedes(b.reversed())
                : a.lexicographicallyPrecedes(b)
        }
        guard !key.isEmpty, !integerKeys || key.count == 8,
            previous.map({ precedes($0, key) }) ?? true,
            lower.map({ !precedes(key, $0) }) ?? true, upper.map({ precedes(key, $0) }) ?? true
        else { throw .page(page.number, "has a key out of order") }
    }

    /// Checks that no free page is in use: a page that is both would be overwritten by a later commit.
    mutating func walkFree(_ root: RootPage, of file: borrowing PageFile) throws(PageDamage) {
        var lists: [(page: UInt64, numbers: [UInt64])] = []
        try walk(root.free, of: file, integerKeys: true) { key, value, _, page throws(PageDamage) in
            let list = Page(number: page, bytes: value)
            let count = try list.integer(0, as: UInt64.self)
            guard
                try Page(number: page, bytes: key).integer(0, as: UInt64.self)
                    <= UInt64(root.transaction), count <= UInt64(value.count / 8 - 1)
            else { throw .page(page, "has an impossible list of free pages") }
            var numbers: [UInt64] = []
            for index in 0..<Int(count) {
                numbers.append(try list.integer(8 + 8 * index, as: UInt64.self))
            }
            // LMDB merges these lists as sorted ones.
            guard zip(numbers, numbers.dropFirst()).allSatisfy({ $0 > $1 }) else {
                throw .page(page, "has a list of free pages out of order")
            }
            lists.append((page, numbers))
        }
        for list in lists {
            for number in list.numbers { try mark(number) }
        }
    }
}

/// The entries of one branch or leaf page.
struct NodeList {
    struct Node {
        let key: [UInt8]
        let flags: UInt16
        /// Where the value begins in the page, and its bytes (leaf).
        let data: Int
        let dataCount: Int
        /// The page below (branch).
        let child: UInt64
    }

    /// LMDB's own bound (`MDB_MAXKEYSIZE`).
    private static let keyBytesMax = 511

    let count: Int
    private let page: Page
    private let isLeaf: Bool
    private let upper: Int

    init(_ page: Page, isLeaf: Bool) throws(PageDamage) {
        self.page = page
        self.isLeaf = isLeaf
        let lower = Int(try page.integer(12, as: UInt16.self))
        upper = Int(try page.integer(14, as: UInt16.self))
        guard lower >= PageFile.headerBytes, lower <= upper, upper <= page.bytes.count,
            lower % 2 == 0
        else { throw .page(page.number, "has impossible bounds") }
        count = (lower - PageFile.headerBytes) / 2
        guard count >= (isLeaf ? 1 : 2) else { throw .page(page.number, "has too few entries") }
        // LMDB keeps the entries packed; it moves them by their sizes when one is removed.
        var used = 0
        for index in 0..<count { used += try byteCount(index) }
        guard used == page.bytes.count - upper else {
            throw .page(page.number, "has entries that do not fill it")
        }
    }

    private func start(_ index: Int) throws(PageDamage) -> Int {
        let offset = Int(
            try page.integer(PageFile.headerBytes + 2 * index, as: UInt16.self))
        guard offset >= upper, offset % 2 == 0 else {
            throw .page(page.number, "has an entry outside of its bounds")
        }
        return offset
    }

    private func byteCount(_ index: Int) throws(PageDamage) -> Int {
        let offset = try start(index)
        let keyCount = Int(try page.integer(offset + 6, as: UInt16.self))
        guard keyCount <= Self.keyBytesMax else {
            throw .page(page.number, "has a key of \(keyCount) bytes")
        }
        var total = 8 + keyCount
        if isLeaf {
            let isBig = try page.integer(offset + 4, as: UInt16.self) & 1 == 1
            total += isBig ? 8 : Int(try page.integer(offset, as: UInt32.self))
        }
        guard offset + total <= page.bytes.count else {
            throw .page(page.number, "has an entry that runs out of it")
        }
        return (total + 1) & ~1
    }

    func node(_ index: Int) throws(PageDamage) -> Node {
        let offset = try start(index)
        let low = try page.integer(offset, as: UInt32.self)
        let flags = try page.integer(offset + 4, as: UInt16.self)
        let keyCount = Int(try page.integer(offset + 6, as: UInt16.self))
        let key = try page.slice(offset + 8, keyCount)
        return Node(
            key: key, flags: flags, data: offset + 8 + keyCount, dataCount: Int(low),
            child: UInt64(low) | UInt64(flags) << 32)
    }
}
