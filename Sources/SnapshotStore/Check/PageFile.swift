import Glibc

/// LMDB's data file read with `pread` alone.
///
/// LMDB maps its file and follows what it finds there, so that a damaged file can kill the process
/// that opens it. This reader maps nothing and checks every number before it is used, so it can say
/// what is wrong with any file. Source: `mdb.c` 0.9.24, "Page header", "MDB_node", "MDB_meta".
struct PageFile: ~Copyable {
    private let file: Descriptor
    let byteCount: Int
    let pageBytes: Int
    /// The two roots, as far as they can be read, newest first.
    let roots: [RootPage]

    static let headerBytes = 16
    /// Bytes of a root page that are in use.
    static let rootBytes = 152

    /// Throws: `PageDamage` when neither root nor page size can be made out.
    init(_ folder: StoreFolder) throws(PageDamage) {
        let opened = try Self.dataFile(folder)
        var found: [RootPage] = []
        var size = 0
        if let first = try? Self.root(opened, slot: 0, offset: 0) {
            found.append(first)
            size = first.pageBytes
        }
        // The second root tells the page size as well, at whatever size it lies.
        for candidate in size > 0 ? [size] : [4096, 8192, 16384, 32768, 512, 1024, 2048] {
            guard let second = try? Self.root(opened, slot: 1, offset: candidate),
                second.pageBytes == candidate
            else { continue }
            found.append(second)
            size = candidate
            break
        }
        // Behind the roots: a writer makes the file longer before it writes one that says so.
        let total: Int
        do throws(StoreError) { total = try opened.status().byteCount } catch {
            throw .store(error)
        }
        guard size > 0 else {
            throw .file(total == 0 ? "data.mdb is empty" : "data.mdb has no root page")
        }
        file = opened
        byteCount = total
        pageBytes = size
        roots = found.sorted { $0.transaction > $1.transaction }
    }

    private static func dataFile(_ folder: StoreFolder) throws(PageDamage) -> Descriptor {
        do throws(StoreError) { return try Descriptor(folder.data, O_RDONLY) } catch {
            throw .store(error)
        }
    }

    private static func root(
        _ file: borrowing Descriptor, slot: Int, offset: Int
    ) throws(PageDamage) -> RootPage {
        let bytes: [UInt8]
        do throws(StoreError) { bytes = try file.read(at: offset, count: rootBytes) } catch {
            throw .store(error)
        }
        return try RootPage(Page(number: UInt64(slot), bytes: bytes), slot: slot)
    }

    /// Throws: `PageDamage` when the file ends before the page does.
    func page(_ number: UInt64) throws(PageDamage) -> Page {
        Page(number: number, bytes: try bytes(of: number, pages: 1))
    }

    /// A page's header alone.
    func head(_ number: UInt64) throws(PageDamage) -> Page {
        guard number < UInt64(byteCount / pageBytes) else {
            throw .page(number, "lies beyond the end of the file")
        }
        let bytes: [UInt8]
        do throws(StoreError) {
            bytes = try file.read(at: Int(number) * pageBytes, count: Self.headerBytes)
        } catch { throw .store(error) }
        return Page(number: number, bytes: bytes)
    }

    /// The bytes of consecutive pages, headers and all.
    func bytes(of number: UInt64, pages: Int) throws(PageDamage) -> [UInt8] {
        guard pages > 0, number <= UInt64(byteCount / pageBytes),
            pages <= byteCount / pageBytes - Int(number)
        else { throw .page(number, "lies beyond the end of the file") }
        let bytes: [UInt8]
        do throws(StoreError) {
            bytes = try file.read(at: Int(number) * pageBytes, count: pages * pageBytes)
        } catch { throw .store(error) }
        guard bytes.count == pages * pageBytes else {
            throw .page(number, "lies beyond the end of the file")
        }
        return bytes
    }
}

/// Why a page cannot be what LMDB wrote.
enum PageDamage: Error {
    case file(String)
    case page(UInt64, String)
    /// A failure below: the file cannot be opened or read at all.
    case store(StoreError)

    func storeError(_ folder: StoreFolder) -> StoreError {
        switch self {
        case .file(let what): .damaged(path: folder.path, what: what)
        case .page(let page, let what): .damaged(path: folder.path, what: "page \(page) \(what)")
        case .store(let error): error
        }
    }
}

/// Bytes of one page and reads of them that cannot leave it.
struct Page {
    let number: UInt64
    let bytes: [UInt8]

    func integer<I: FixedWidthInteger>(_ offset: Int, as type: I.Type) throws(PageDamage) -> I {
        guard offset >= 0, offset + MemoryLayout<I>.size <= bytes.count else {
            throw .page(number, "points outside of itself")
        }
        return unsafe bytes.withUnsafeBytes { buffer in
            unsafe I(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: I.self))
        }
    }

    func slice(_ offset: Int, _ count: Int) throws(PageDamage) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw .page(number, "points outside of itself")
        }
        return Array(bytes[offset..<offset + count])
    }

    func storedNumber() throws(PageDamage) -> UInt64 { try integer(0, as: UInt64.self) }
    func flags() throws(PageDamage) -> UInt16 { try integer(10, as: UInt16.self) }

    static let branch: UInt16 = 0x01
    static let leaf: UInt16 = 0x02
    static let overflow: UInt16 = 0x04
    static let meta: UInt16 = 0x08
}

/// LMDB's `MDB_db`: one tree.
struct PageTree: Equatable {
    static let byteCount = 48
    let pad: UInt32
    let flags: UInt16
    let depth: UInt16
    let branchPages: UInt64
    let leafPages: UInt64
    let overflowPages: UInt64
    let entries: UInt64
    let root: UInt64

    var isEmpty: Bool { root == UInt64.max }

    init(_ page: Page, at offset: Int) throws(PageDamage) {
        pad = try page.integer(offset, as: UInt32.self)
        flags = try page.integer(offset + 4, as: UInt16.self)
        depth = try page.integer(offset + 6, as: UInt16.self)
        branchPages = try page.integer(offset + 8, as: UInt64.self)
        leafPages = try page.integer(offset + 16, as: UInt64.self)
        overflowPages = try page.integer(offset + 24, as: UInt64.self)
        entries = try page.integer(offset + 32, as: UInt64.self)
        root = try page.integer(offset + 40, as: UInt64.self)
    }
}

/// LMDB's `MDB_meta`: where a commit's trees begin.
struct RootPage {
    let slot: Int
    let pageBytes: Int
    let free: PageTree
    let main: PageTree
    let lastPage: UInt64
    let transaction: Int
    /// The page's bytes in use, as read.
    let raw: [UInt8]

    init(_ page: Page, slot: Int) throws(PageDamage) {
        self.slot = slot
        // Its flags are those of the list of free pages; others change how LMDB maps the file.
        guard try page.integer(44, as: UInt16.self) == 0x08 else {
            throw .page(page.number, "has flags that no store has")
        }
        guard try page.flags() == Page.meta else { throw .page(page.number, "is no root page") }
        guard try page.integer(16, as: UInt32.self) == 0xbeef_c0de,
            try page.integer(20, as: UInt32.self) == 1
        else { throw .page(page.number, "is no root page of LMDB's format 1") }
        free = try PageTree(page, at: 40)
        main = try PageTree(page, at: 88)
        lastPage = try page.integer(136, as: UInt64.self)
        let number = try page.integer(144, as: UInt64.self)
        guard number < 1 << 62 else { throw .page(page.number, "has an impossible number") }
        transaction = Int(number)
        let size = Int(free.pad)
        guard size >= 512, size <= 65_536, size & (size - 1) == 0 else {
            throw .page(page.number, "gives \(free.pad) bytes as the size of a page")
        }
        pageBytes = size
        raw = page.bytes
    }

    /// This root with another commit's number: what the older slot holds after a recovery.
    func bytes(numbered transaction: Int, slot: Int) -> [UInt8] {
        var copy = raw
        for byte in 0..<8 {
            copy[144 + byte] = UInt8(truncatingIfNeeded: transaction >> (8 * byte))
            copy[byte] = byte == 0 ? UInt8(slot) : 0
        }
        return copy
    }
}
