import Glibc

/// The files that make up a store, and the few things done to the folder as a whole.
struct StoreFolder: Sendable {
    let path: String

    var data: String { path + "/data.mdb" }
    /// LMDB's own reader table.
    var readers: String { path + "/lock.mdb" }
    /// The lock of the one writer.
    var writerLock: String { path + "/writer.lock" }
    /// There while the data file is as a clean close left it.
    var cleanMarker: String { path + "/clean" }
    /// There while commits are not synced: the root of the last synced one.
    var syncedRoot: String { path + "/synced-root" }

    /// There while a new store is not complete.
    var creating: String { path + "/creating" }

    /// A folder that is there while the data file is rewritten.
    var rewriting: String { path + "/rewriting" }

    static let fileNames: Set<String> = [
        "data.mdb", "lock.mdb", "writer.lock", "clean", "clean.new", "synced-root",
        "synced-root.new", "control.sock",
        "creating", "creating.new", "rewriting", "attempt",
    ]

    /// Makes the folder, for this user alone, and those above it.
    func create() throws(StoreError) {
        var partial = path.hasPrefix("/") ? "/" : ""
        let parts = path.split(separator: "/")
        for (index, part) in parts.enumerated() {
            let parent = partial.isEmpty ? "." : partial
            partial += part + "/"
            let mode: mode_t = index == parts.count - 1 ? 0o700 : 0o755
            if unsafe mkdir(partial, mode) == 0 {
                try StoreFolder(path: parent).keepEntries()
            } else if errno == ENOSPC || errno == EDQUOT {
                throw .diskFull(path: path)
            } else if errno != EEXIST {
                throw .cannotWrite(path: path, reason: systemMessage(errno))
            }
        }
    }

    /// Names in the folder that no store has; empty for an empty folder.
    func foreignNames() throws(StoreError) -> [String] {
        guard let stream = unsafe opendir(path) else {
            throw .system(call: "opendir", path: path, code: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe String(cString: UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
            }
            let own = Self.fileNames.contains(name) || name == "." || name == ".."
            if !own, name != "lost+found" { names.append(name) }
        }
        return names.sorted()
    }

    /// Makes the creation or removal of a file in the folder durable.
    func sync() throws(StoreError) {
        let folder = try Descriptor(path, O_RDONLY | O_DIRECTORY)
        try folder.sync()
    }

    /// After a folder was made in this one: a power failure that took it would take the store with it.
    private func keepEntries() throws(StoreError) {
        do throws(StoreError) { try sync() } catch .system(_, _, EACCES) {
            // A folder that may be written and not read cannot be synced by its writer.
        }
    }

    /// Replaces a small file in one step: written beside, synced, renamed.
    func replace(_ file: String, with bytes: [UInt8]) throws(StoreError) {
        let beside = file + ".new"
        do {
            let target = try Descriptor(beside, O_WRONLY | O_CREAT | O_TRUNC)
            try target.write(bytes, at: 0)
            try target.sync()
        }
        guard unsafe rename(beside, file) == 0 else {
            throw systemFailure("rename", file, errno)
        }
        try sync()
    }

    /// Removes a file, durably; one that is not there is fine.
    func remove(_ file: String) throws(StoreError) {
        if unsafe unlink(file) == 0 { return try sync() }
        if errno != ENOENT { throw systemFailure("unlink", file, errno) }
    }

    /// Removes the files of a store that nobody has open, and the folder.
    func discard() throws(StoreError) {
        guard try FileStatus.of(path) != nil else { return }
        for name in Self.fileNames where name != "rewriting" {
            if unsafe unlink(path + "/" + name) != 0, errno != ENOENT {
                throw .system(call: "unlink", path: path + "/" + name, code: errno)
            }
        }
        guard unsafe rmdir(path) == 0 else {
            throw .system(call: "rmdir", path: path, code: errno)
        }
    }

    /// Puts a data file in the place of this store's own, in one step.
    func adopt(_ file: String) throws(StoreError) {
        guard unsafe rename(file, data) == 0 else {
            throw systemFailure("rename", data, errno)
        }
        try sync()
    }

    func small(_ file: String) throws(StoreError) -> [UInt8]? {
        guard let status = try FileStatus.of(file), status.isFile else { return nil }
        let source = try Descriptor(file, O_RDONLY)
        return try source.read(at: 0, count: min(status.byteCount, 65_536))
    }
}
