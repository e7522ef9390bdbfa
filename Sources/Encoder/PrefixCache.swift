import Tensor

/// The frozen layers' output by text, bounded in bytes; the least recently used goes first.
///
/// Floats lie in pages of eight tokens, linked, so that texts of any length share one block of
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
        package let tokenCount: Int
    }

    private struct Entry {
        var key: TextKey
        var tokenCount: Int32
        var firstPage: Int32
        /// Neighbours by last use; `newer` also links free entries.
        var newer: Int32
        var older: Int32
        var batch: Int
    }

    private static let pageTokens = 8
    private static let none: Int32 = -1

    private let storage: FloatBuffer
    private let columns: Int
    private let pageCount: Int
    private var nextPage: [Int32]
    private var freePage: Int32
    private var freePageCount: Int
    private var entries: [Entry] = []
    private var freeEntry = none
    private var newest = none
    private var oldest = none
    private var index: [TextKey: Int32] = [:]
    private var batch = 0
    private(set) var hits = 0
    private(set) var misses = 0

    /// - Returns: `nil` when not even one page fits, or when the system refuses the memory.
    package init?(bytes: Int, columns: Int) {
        let pageFloats = Self.pageTokens * columns
        pageCount = min(bytes / (pageFloats * MemoryLayout<Float>.stride), Int(Int32.max) - 1)
        guard pageCount > 0, let storage = FloatBuffer(count: pageCount * pageFloats) else {
            return nil
        }
        self.storage = storage
        self.columns = columns
        nextPage = (0..<pageCount).map { Int32($0 + 1) }
        nextPage[pageCount - 1] = Self.none
        freePage = 0
        freePageCount = pageCount
    }

    package var count: Int { index.count }

    /// Entries found or reserved from now on stay until the next call.
    package func beginBatch() { batch += 1 }

    package func find(_ key: TextKey) -> Handle? {
        guard let at = index[key] else {
            misses += 1
            return nil
        }
        hits += 1
        unlink(at)
        linkNewest(at)
        entries[Int(at)].batch = batch
        return Handle(index: at, tokenCount: Int(entries[Int(at)].tokenCount))
    }

    /// Makes room for a text that is not there; its rows must be written before the batch ends.
    ///
    /// - Returns: `nil` when the current batch already fills the cache.
    package func reserve(_ key: TextKey, tokenCount: Int) -> Handle? {
        let pages = (tokenCount + Self.pageTokens - 1) / Self.pageTokens
        guard pages > 0, pages <= pageCount else { return nil }
        while freePageCount < pages {
            guard oldest != Self.none, entries[Int(oldest)].batch != batch else { return nil }
            drop(oldest)
        }
        let at = takeEntry(key, tokenCount)
        var last = Self.none
        for _ in 0..<pages {
            let page = freePage
            freePage = nextPage[Int(page)]
            if last == Self.none {
                entries[Int(at)].firstPage = page
            } else {
                nextPage[Int(last)] = page
            }
            last = page
        }
        nextPage[Int(last)] = Self.none
        freePageCount -= pages
        index[key] = at
        linkNewest(at)
        return Handle(index: at, tokenCount: tokenCount)
    }

    package func removeAll() {
        while oldest != Self.none { drop(oldest) }
    }

    /// Copies an entry's rows out. Shape: (its tokens, columns).
    package func read(_ handle: Handle, into rows: MutableMatrix) {
        eachPage(handle) { page, range in
            rows.rows(range).copy(from: page.read)
        }
    }

    /// Copies an entry's rows in.
    package func write(_ handle: Handle, from rows: Matrix) {
        eachPage(handle) { page, range in
            page.copy(from: rows.rows(range))
        }
    }

    private func eachPage(_ handle: Handle, _ body: (MutableMatrix, Range<Int>) -> Void) {
        var page = entries[Int(handle.index)].firstPage
        var row = 0
        while row < handle.tokenCount {
            let end = min(row + Self.pageTokens, handle.tokenCount)
            let offset = Int(page) * Self.pageTokens * columns
            body(
                storage.mutableMatrix(at: offset, rows: end - row, columns: columns), row..<end)
            page = nextPage[Int(page)]
            row = end
        }
    }

    private func takeEntry(_ key: TextKey, _ tokenCount: Int) -> Int32 {
        let entry = Entry(
            key: key, tokenCount: Int32(tokenCount), firstPage: Self.none, newer: Self.none,
            older: Self.none, batch: batch)
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
        var page = entries[Int(at)].firstPage
        while page != Self.none {
            let next = nextPage[Int(page)]
            nextPage[Int(page)] = freePage
            freePage = page
            freePageCount += 1
            page = next
        }
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

/// A text told apart by its bytes.
///
/// Swift calls strings equal that differ in how an accent is encoded; a cased tokenizer does not.
package struct TextKey: Hashable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (a: TextKey, b: TextKey) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        let hashed: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
            unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if hashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}
