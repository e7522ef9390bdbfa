import Glibc

/// Looks at every page that LMDB would follow, before it does.
///
/// LMDB trusts its file: a page that is not what it should be can have it read or write anywhere. So
/// whatever a marker says, and beside a live writer too, the trees of the commit that is to be read
/// are walked with `pread` first. What records say is checked when they are read.
enum PageGuard {
    /// How often a commit that a live writer has passed by is given up for a newer one.
    private static let triesMax = 1_000

    /// Before LMDB opens the file: it computes with what the root pages say.
    ///
    /// Throws: `.damaged`.
    static func requireRoots(_ folder: StoreFolder) throws(StoreError) {
        do throws(PageDamage) {
            let file = try PageFile(folder)
            guard file.roots.count == 2 else {
                throw .file("one of the two root pages is damaged")
            }
            for root in file.roots where root.transaction > 0 {
                guard root.lastPage >= 1, root.lastPage < UInt64(file.byteCount / file.pageBytes)
                else {
                    throw .file(
                        "data.mdb ends at page \(file.byteCount / file.pageBytes), but its root page "
                            + "tells of \(root.lastPage + 1) pages")
                }
            }
        } catch { throw error.storeError(folder) }
    }

    /// A view of the last commit, all of whose pages are what they should be.
    ///
    /// - Parameters:
    ///   - isChecked: Whether the whole store was checked just now.
    ///   - writes: Whether free pages are to be used again: they must be no others.
    /// Throws: `.damaged`.
    static func view(
        _ environment: Environment, _ folder: StoreFolder, isChecked: Bool, writes: Bool
    ) throws(StoreError) -> ReadTransaction {
        var tries = 0
        while true {
            // Its pages stay as they are for as long as the view lasts, whatever a writer does.
            let view = try ReadTransaction(environment)
            if isChecked { return view }
            let isWalked: Bool
            do throws(PageDamage) {
                isWalked = try walk(view.number, folder, writes: writes)
            } catch { throw error.storeError(folder) }
            if isWalked { return view }
            tries += 1
            guard tries < triesMax else {
                throw .damaged(path: folder.path, what: "no root page is of the last commit")
            }
        }
    }

    /// - Returns: false where a writer has overwritten the root meanwhile.
    private static func walk(
        _ transaction: Int, _ folder: StoreFolder, writes: Bool
    ) throws(PageDamage) -> Bool {
        let file = try PageFile(folder)
        guard
            let root = file.roots.first(where: {
                $0.transaction == transaction && ($0.slot == transaction & 1 || transaction == 0)
            })
        else { return false }
        do throws(PageDamage) { try walk(root, file, writes: writes) } catch {
            // What was read as the root may be parts of two, where a writer was at it meanwhile.
            let again = try PageFile(folder).roots.first { $0.slot == root.slot }
            guard again?.raw == root.raw else { return false }
            throw error
        }
        return true
    }

    private static func walk(
        _ root: RootPage, _ file: borrowing PageFile, writes: Bool
    ) throws(PageDamage) {
        var walk = try PageWalk(root, of: file, .structure)
        var trees: [PageTree] = []
        try walk.walk(root.main, of: file, whole: true) {
            _, value, isTree, page throws(PageDamage) in
            guard isTree, value.count == PageTree.byteCount else {
                throw .page(page, "has an entry that is no table of a store")
            }
            trees.append(try PageTree(Page(number: page, bytes: value), at: 0))
        }
        for tree in trees {
            try walk.walk(tree, of: file) { _, _, isTree, page throws(PageDamage) in
                guard !isTree else { throw .page(page, "has a table where a record should be") }
            }
        }
        if writes { try walk.walkFree(root, of: file) }
    }
}
