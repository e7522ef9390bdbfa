import Foundation
import SnapshotStore

/// The folder of the store, before it is opened or made.
enum StorePlace {
    private static let nameBytesMax = Int(NAME_MAX)
    private static let pathBytesMax = Int(PATH_MAX)

    /// - Returns: what there is.
    /// - Throws: `StoreError` where no daemon could work.
    static func require(_ path: String) throws(StoreError) -> String {
        guard path.utf8.count < pathBytesMax - 64,
            path.split(separator: "/").allSatisfy({ $0.utf8.count <= nameBytesMax })
        else { throw .cannotWrite(path: path, reason: "the name is too long") }
        guard try SnapshotStore.isFolder(path) else { return try requireRoom(for: path) }
        try requireAccess(path, of: path, W_OK | R_OK | X_OK)
        for name in SnapshotStore.writtenFiles + [CrashGuard.name] {
            let file = path + "/" + name
            guard unsafe access(file, F_OK) == 0 else { continue }
            try requireAccess(file, of: path, W_OK | R_OK)
        }
        return "\(path) can be written"
    }

    /// The folder is not there: whoever makes it begins at the nearest one that is.
    private static func requireRoom(for path: String) throws(StoreError) -> String {
        var status = stat()
        if unsafe lstat(path, &status) == 0 {
            throw .cannotWrite(path: path, reason: "it is a link that leads nowhere")
        }
        var parent = URL(fileURLWithPath: path).deletingLastPathComponent()
        while unsafe stat(parent.path, &status) != 0, parent.path != "/" {
            guard errno == ENOENT else { throw .cannotWrite(path: path, reason: reason()) }
            parent = parent.deletingLastPathComponent()
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .cannotWrite(path: path, reason: "\(parent.path) is no folder")
        }
        try requireAccess(parent.path, of: path, W_OK | X_OK)
        return "\(path) is not there yet; the daemon will make it"
    }

    private static func requireAccess(
        _ place: String, of path: String, _ rights: Int32
    ) throws(StoreError) {
        guard unsafe access(place, rights) != 0 else { return }
        throw .cannotWrite(path: path, reason: place == path ? reason() : "\(place): \(reason())")
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
