import Tensor

/// What the frozen weights make of a text, bounded in bytes; the least recently used goes first.
///
/// Of each text it keeps the frozen layers' output, which saves most of the work, and, while there
/// is room to spare, what the frozen query, key and value of the next layer make of that, which
/// takes three times the memory and saves a fifteenth. Once an output finds no room, those
/// projections go, all at once, and no more are kept until the cache is emptied.
///
/// Floats lie in pages of eight rows, linked, so that texts of any length share one block of
/// memory without gaps and nothing is allocated once it is warm. What was written is read back bit
/// for bit.
///
/// Thread: entries are found, reserved and dropped by one thread; between `beginBatch` and the end
/// of that batch, reserved and found entries stay where they are, and any thread may read or write
/// the rows of an entry that no other thread writes.
package final class PrefixCache {
    /// An entry found or reserved in the current batch.
    package struct Handle: Sendable {
        fileprivate let index: Int32
        /// Tokens of the text, special ones included.
        package let tokenCount: Int
        /// Whether the projections are kept too.
        package fileprivate(set) var hasProjections: Bool
    }

    private struct Entry {
        var key: TextKey
        var tokenCount: Int32
        var firstPage: Int32
        var firstProjectionPage: Int32
        /// Neighbours by last use; `newer` also links free entries.
        var newer: Int32
        var older: Int32
        var batch: Int
    }

    /// Query, key and value: the rows they take for each token.
    private static let projectionRows = 3
    fileprivate static let none: Int32 = -1

    private var pages: RowPages
    private var entries: [Entry] = []
    private var freeEntry = none
    private var newest = none
    private var oldest = none
    private var index: [TextKey: Int32] = [:]
    private var batch = 0
    private var keepsProjections = true
    private var projectionCount = 0
    private(set) var hits = 0
    private(set) var misses = 0

    /// - Returns: `nil` when not even one page fits, or when the system refuses the memory.
    package init?(bytes: Int, columns: Int) {
        guard let pages = RowPages(bytes: bytes, columns: columns) else { return nil }
        self.pages = pages
    }

    /// Texts that have an entry.
    package var count: Int { index.count }

    /// Entries found or reserved from now on stay until the next call.
    package func beginBatch() { batch += 1 }

    /// The entry of a text, which stays until the batch ends; `nil` where there is none. Counts as
    /// a use.
    package func find(_ key: TextKey) -> Handle? {
        guard let at = index[key] else {
            misses += 1
            return nil
        }
        hits += 1
        unlink(at)
        linkNewest(at)
        entries[Int(at)].batch = batch
        return handle(at)
    }

    private func handle(_ at: Int32) -> Handle {
        let entry = entries[Int(at)]
        return Handle(
            index: at, tokenCount: Int(entry.tokenCount),
            hasProjections: entry.firstProjectionPage != Self.none)
    }

    /// Makes room for a text that is not there; its rows must be written before the batch ends.
    ///
    /// - Returns: `nil` when the current batch already fills the cache.
    package func reserve(_ key: TextKey, tokenCount: Int) -> Handle? {
        let needed = RowPages.count(rows: tokenCount)
        guard needed > 0, needed <= pages.count else { return nil }
        if pages.freeCount < needed { dropProjections() }
        while pages.freeCount < needed {
            guard oldest != Self.none, entries[Int(oldest)].batch != batch else { return nil }
            drop(oldest)
        }
        let at = takeEntry(key, tokenCount)
        entries[Int(at)].firstPage = pages.take(needed)
        index[key] = at
        linkNewest(at)
        return handle(at)
    }

    /// Makes room for an entry's projections too, if there is some that nothing else has: they must
    /// then be written before the batch ends.
    package func reserveProjections(_ handle: inout Handle) {
        let needed = RowPages.count(rows: Self.projectionRows * handle.tokenCount)
        guard keepsProjections, !handle.hasProjections, needed <= pages.freeCount else { return }
        entries[Int(handle.index)].firstProjectionPage = pages.take(needed)
        projectionCount += 1
        handle.hasProjections = true
    }

    /// Gives back the room of all projections but those of the current batch.
    private func dropProjections() {
        keepsProjections = false
        if projectionCount == 0 { return }
        for at in entries.indices where entries[at].batch != batch { dropProjections(at) }
    }

    private func dropProjections(_ at: Int) {
        if entries[at].firstProjectionPage == Self.none { return }
        pages.giveBack(entries[at].firstProjectionPage)
        entries[at].firstProjectionPage = Self.none
        projectionCount -= 1
    }

    /// Drops every entry, and keeps projections again while there is room.
    package func removeAll() {
        while oldest != Self.none { drop(oldest) }
        keepsProjections = true
    }

    /// Copies an entry's rows out. Shape: (its tokens, columns).
    package func read(_ handle: Handle, into rows: MutableMatrix) {
        pages.each(from: entries[Int(handle.index)].firstPage, handle.tokenCount) { page, range in
            rows.rows(range).copy(from: page.read)
        }
    }

    /// Copies an entry's rows in.
    package func write(_ handle: Handle, from rows: Matrix) {
        pages.each(from: entries[Int(handle.index)].firstPage, handle.tokenCount) { page, range in
            page.copy(from: rows.rows(range))
        }
    }

    /// Copies an entry's projections out. Shape: (its tokens, three times the columns).
    package func readProjections(_ handle: Handle, into projected: MutableMatrix) {
        let rows = Self.projectionRows * handle.tokenCount
        let out = projected.part(at: 0, rows: rows, columns: pages.columns)
        pages.each(from: entries[Int(handle.index)].firstProjectionPage, rows) { page, range in
            out.rows(range).copy(from: page.read)
        }
    }

    /// Copies an entry's projections in.
    package func writeProjections(_ handle: Handle, from projected: Matrix) {
        let rows = Self.projectionRows * handle.tokenCount
        let from = projected.part(at: 0, rows: rows, columns: pages.columns)
        pages.each(from: entries[Int(handle.index)].firstProjectionPage, rows) { page, range in
            page.copy(from: from.rows(range))
        }
    }

    private func takeEntry(_ key: TextKey, _ tokenCount: Int) -> Int32 {
        let entry = Entry(
            key: key, tokenCount: Int32(tokenCount), firstPage: Self.none,
            firstProjectionPage: Self.none, newer: Self.none, older: Self.none, batch: batch)
        if freeEntry != Self.none {
            let at = freeEntry
            freeEntry = entries[Int(at)].newer
            entries[Int(at)] = entry
            return at
        }
        entries.append(entry)
        return Int32(entries.count - 1)
    }

    private func drop(_ at: Int32) {
        unlink(at)
        index[entries[Int(at)].key] = nil
        pages.giveBack(entries[Int(at)].firstPage)
        dropProjections(Int(at))
        entries[Int(at)].key = TextKey("")
        entries[Int(at)].newer = freeEntry
        freeEntry = at
    }

    private func unlink(_ at: Int32) {
        let (newer, older) = (entries[Int(at)].newer, entries[Int(at)].older)
        if newer == Self.none { newest = older } else { entries[Int(newer)].older = older }
        if older == Self.none { oldest = newer } else { entries[Int(older)].newer = newer }
    }

    private func linkNewest(_ at: Int32) {
        entries[Int(at)].newer = Self.none
        entries[Int(at)].older = newest
        if newest != Self.none { entries[Int(newest)].newer = at }
        newest = at
        if oldest == Self.none { oldest = at }
    }
}

/// Rows of floats in pages that are linked, all in one block of memory.
private struct RowPages {
    private static let rows = 8

    private let storage: FloatBuffer
    let columns: Int
    let count: Int
    private var next: [Int32]
    private var free: Int32 = 0
    private(set) var freeCount: Int

    /// - Returns: `nil` when not even one page fits, or when the system refuses the memory.
    init?(bytes: Int, columns: Int) {
        let floats = Self.rows * columns
        count = min(bytes / (floats * MemoryLayout<Float>.stride), Int(Int32.max) - 1)
        guard count > 0, let storage = FloatBuffer(count: count * floats) else { return nil }
        self.storage = storage
        self.columns = columns
        next = (0..<count).map { Int32($0 + 1) }
        next[count - 1] = PrefixCache.none
        freeCount = count
    }

    /// Pages that so many rows take.
    static func count(rows: Int) -> Int { (rows + Self.rows - 1) / Self.rows }

    /// - Returns: the first of `wanted` linked pages, which must be free.
    mutating func take(_ wanted: Int) -> Int32 {
        let first = free
        var last = first
        for _ in 1..<wanted { last = next[Int(last)] }
        free = next[Int(last)]
        next[Int(last)] = PrefixCache.none
        freeCount -= wanted
        return first
    }

    mutating func giveBack(_ first: Int32) {
        var page = first
        while page != PrefixCache.none {
            let following = next[Int(page)]
            next[Int(page)] = free
            free = page
            freeCount += 1
            page = following
        }
    }

    func each(from first: Int32, _ wanted: Int, _ body: (MutableMatrix, Range<Int>) -> Void) {
        var page = first
        var row = 0
        while row < wanted {
            let end = min(row + Self.rows, wanted)
            let offset = Int(page) * Self.rows * columns
            body(
                storage.mutableMatrix(at: offset, rows: end - row, columns: columns), row..<end)
            page = next[Int(page)]
            row = end
        }
    }
}

/// A text told apart by its bytes.
///
/// Swift calls strings equal that differ in how an accent is encoded; a cased tokenizer does not.
package struct TextKey: Hashable {
    /// The text itself.
    package let text: String

    /// A key for this text.
    package init(_ text: String) { self.text = text }

    /// By UTF-8 bytes.
    package static func == (a: TextKey, b: TextKey) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8)
    }

    /// Of the same bytes.
    package func hash(into hasher: inout Hasher) {
        let hashed: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
            unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if hashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}
