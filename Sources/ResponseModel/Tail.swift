import Records

/// The posterior's long tail: independent effects of users, items, categories and their crosses.
///
/// Effects live in cells, eight to a page; a page belongs to one owner (a user, an item, a category,
/// …), so that an owner's effects are stored, evicted and erased together. An owner is named by its
/// first page. At `pageCountMax` pages the owner seen longest ago is evicted: its effects are at
/// their prior when it comes back. At `ownerPageCountMax` pages an owner's later effects are not
/// kept: they are predicted at their prior.
package struct Tail: Sendable {
    static let pageCells = 8

    /// What owns pages; users apart, because their rows are stored apart and can be erased.
    package enum Owner: UInt8, Sendable {
        case user = 1
        case item, category, department, brand, context, effect
    }

    /// What an owner remembers besides its effects.
    struct Memory: Sendable, Equatable {
        /// Running mean of the log price.
        var logPrice: Double?
        /// An item's own effect (without what its text says) when it last left its slot.
        var own: Own?
        /// How far a user's or an item's events have moved predictions lately.
        var moved: Moved?

        struct Own: Sendable, Equatable {
            var mean: Double
            var variance: Double
        }
    }

    package struct Page: Sendable {
        var owner: Owner?
        var cellCount: UInt8 = 0
        /// The user that the pages are about, at a user's first page.
        var user: RowOwner?
        /// 0 for an owner's first page, which carries the fields below `first`.
        var ordinal: Int32 = 0
        var first: Int32 = -1
        var next: Int32 = -1

        var hash: UInt64 = 0
        var last: Int32 = -1
        package var pageCount: Int32 = 0
        var touched: UInt64 = 0
        var older: Int32 = -1
        var newer: Int32 = -1
    }

    let pageCountMax: Int
    let ownerPageCountMax: Int

    package var cells = TailCells()
    package var pages: [Page] = []
    /// Parallel to `pages`, used at first pages.
    var memories: [Memory] = []
    var cellIndex = StableIndex()
    var ownerIndex = StableIndex()
    /// Freed pages; the lowest is used first, so that places do not depend on how they came free.
    var freePages: [Int32] = []
    /// Ends of the list of owners by when they were touched.
    var oldest: Int32 = -1
    var newest: Int32 = -1
    package var touches: UInt64 = 0

    var rows = PageRows()

    /// Which rows of the store are to be written anew, and where each page's row is.
    struct PageRows: Sendable {
        var dirty: [Bool] = []
        var dirtyPages: [Int32] = []
        /// The table that holds a page's row now: 0 none, 1 users, 2 the rest.
        var storedIn: [UInt8] = []
        /// Rows of a tail that this one took the place of, in pages that this one does not have.
        var abandoned: [(page: Int, storedIn: UInt8)] = []
    }

    package init(_ configuration: HeadConfiguration) {
        pageCountMax = min(max(64, configuration.tailPageCountMax), 1 << 26)
        ownerPageCountMax = max(1, configuration.ownerPageCountMax)
    }

    /// Cells in use and cells of freed or half-empty pages alike: what a walk over the tail costs.
    var cellCount: Int { cells.keys.count }

    // MARK: Owners

    /// The owner's first page, or -1.
    package func owner(_ hash: UInt64) -> Int32 { ownerIndex.value(hash) }

    /// The owner's first page, made if need be, now the one touched last; -1 when there is no room.
    ///
    /// - Parameter user: Whom the pages are about; asked for when they do not know it yet.
    package mutating func touch(
        _ kind: Owner, _ hash: UInt64, since: UInt64, user: @autoclosure () -> RowOwner? = nil
    ) -> Int32 {
        var page = ownerIndex.value(hash)
        if page < 0 {
            page = takePage(since: since)
            guard page >= 0 else { return -1 }
            let index = Int(page)
            pages[index] = Page(
                owner: kind, user: user(), first: page, hash: hash, last: page, pageCount: 1)
            memories[index] = Memory()
            ownerIndex.insert(hash, page)
        } else {
            unlink(page)
            if kind == .user, pages[Int(page)].user == nil { learnUser(page, user()) }
        }
        touches += 1
        pages[Int(page)].touched = touches
        linkNewest(page)
        mark(page)
        return page
    }

    /// Pages of a user that version 0.1 wrote: all of them are written anew, under the user's key.
    private mutating func learnUser(_ first: Int32, _ user: RowOwner?) {
        pages[Int(first)].user = user
        var page = first
        while page >= 0 {
            mark(page)
            page = pages[Int(page)].next
        }
    }

    private mutating func unlink(_ page: Int32) {
        let older = pages[Int(page)].older
        let newer = pages[Int(page)].newer
        if older >= 0 { pages[Int(older)].newer = newer } else { oldest = newer }
        if newer >= 0 { pages[Int(newer)].older = older } else { newest = older }
    }

    mutating func linkNewest(_ page: Int32) {
        pages[Int(page)].older = newest
        pages[Int(page)].newer = -1
        if newest >= 0 { pages[Int(newest)].newer = page } else { oldest = page }
        newest = page
    }

    /// Forgets an owner and all its effects. Returns whether there was one.
    @discardableResult
    mutating func remove(owner hash: UInt64) -> Bool {
        let first = ownerIndex.value(hash)
        guard first >= 0 else { return false }
        ownerIndex.remove(hash)
        unlink(first)
        var page = first
        while page >= 0 {
            let index = Int(page)
            let next = pages[index].next
            for cell in cellRange(index) {
                cellIndex.remove(cells.keys[cell])
                cells.keys[cell] = 0
                cells.precision[cell] = 0
                cells.eta[cell] = 0
                cells.groups[cell] = 0
            }
            pages[index] = Page()
            memories[index] = Memory()
            mark(page)
            freePages.append(page)
            page = next
        }
        freePages.sort(by: >)
        return true
    }

    // MARK: Cells

    /// The cells in use of a page.
    func cellRange(_ page: Int) -> Range<Int> {
        let start = page * Self.pageCells
        return start..<start + Int(pages[page].cellCount)
    }

    /// The cell of an effect, or -1.
    @inline(__always)
    package func cell(_ key: UInt64) -> Int32 { cellIndex.value(key) }

    /// The cell of an effect of `owner`, made if need be and marked as changed; -1 when there is
    /// no room for it.
    package mutating func cell(
        _ key: UInt64, owner: Int32, group: TailGroup, since: UInt64
    ) -> Int32 {
        let known = cellIndex.value(key)
        if known >= 0 {
            mark(known / Int32(Self.pageCells))
            return known
        }
        guard owner >= 0 else { return -1 }
        var page = pages[Int(owner)].last
        if Int(pages[Int(page)].cellCount) == Self.pageCells {
            guard Int(pages[Int(owner)].pageCount) < ownerPageCountMax else { return -1 }
            let added = takePage(since: since)
            guard added >= 0 else { return -1 }
            pages[Int(added)] = Page(
                owner: pages[Int(owner)].owner, ordinal: pages[Int(owner)].pageCount, first: owner)
            pages[Int(page)].next = added
            pages[Int(owner)].last = added
            pages[Int(owner)].pageCount += 1
            page = added
        }
        let cell = Int(page) * Self.pageCells + Int(pages[Int(page)].cellCount)
        pages[Int(page)].cellCount += 1
        cells.keys[cell] = key
        cells.groups[cell] = group.rawValue
        cellIndex.insert(key, Int32(cell))
        mark(page)
        return Int32(cell)
    }

    /// A page to use: a freed one, a new one, or one of the owner touched longest ago, unless that
    /// one was touched after `since` and so is part of the present event.
    private mutating func takePage(since: UInt64) -> Int32 {
        if let page = freePages.popLast() { return page }
        if pages.count < pageCountMax {
            appendPage()
            return Int32(pages.count - 1)
        }
        guard oldest >= 0, pages[Int(oldest)].touched <= since else { return -1 }
        remove(owner: pages[Int(oldest)].hash)
        return freePages.popLast() ?? -1
    }

    mutating func appendPage() {
        pages.append(Page())
        memories.append(Memory())
        cells.keys.append(contentsOf: repeatElement(0, count: Self.pageCells))
        cells.precision.append(contentsOf: repeatElement(0, count: Self.pageCells))
        cells.eta.append(contentsOf: repeatElement(0, count: Self.pageCells))
        cells.groups.append(contentsOf: repeatElement(0, count: Self.pageCells))
        rows.dirty.append(false)
        rows.storedIn.append(0)
    }

    @inline(__always)
    mutating func mark(_ page: Int32) {
        if !rows.dirty[Int(page)] {
            rows.dirty[Int(page)] = true
            rows.dirtyPages.append(page)
        }
    }
}
