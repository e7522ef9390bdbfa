import CLMDB
import Glibc
import Records

extension SnapshotStore {
    /// Makes a store of its own at `target` that is as this one is at its last commit.
    ///
    /// The daemon may go on learning meanwhile: its commits are not in the copy. The copy is checked
    /// when it is first opened, like any store that nobody closed.
    /// - Parameter target: A folder that does not exist, or is empty.
    /// - Throws: `.notAStore` where something is there already, `.diskFull`.
    public func copy(to target: String) throws(StoreError) {
        let folder = StoreFolder(path: target)
        try folder.create()
        guard try FileStatus.of(folder.data) == nil, try folder.foreignNames().isEmpty else {
            throw .notAStore(path: target, reason: "a copy needs a folder with nothing in it")
        }
        let session = try current()
        // Until the copy is whole nothing takes it for a store.
        try folder.replace(folder.creating, with: Array("a store is being copied here\n".utf8))
        try session.environment.copy(to: folder)
        try folder.remove(folder.creating)
    }

    /// Makes a folder that a store may come into, for this user alone, and those above it.
    public static func makeFolder(at path: String) throws(StoreError) {
        try StoreFolder(path: path).create()
    }

    /// Makes durable which files there are in a folder.
    public static func syncFolder(at path: String) throws(StoreError) {
        try StoreFolder(path: path).sync()
    }
}

extension Environment {
    /// Copies the pages as they are: a page's place and the number of its commit are part of what
    /// a check looks at.
    fileprivate func copy(to target: StoreFolder) throws(StoreError) {
        let file = try Descriptor(target.data, O_WRONLY | O_CREAT | O_EXCL)
        try check(unsafe mdb_env_copyfd(handle, file.number), "mdb_env_copyfd", target.path)
        try file.sync()
    }
}
