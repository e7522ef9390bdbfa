import Foundation

/// Which file it was that stood at a path, to see whether another one or other bytes stand there now.
struct FileMark: Equatable {
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int
    /// Of its last change of any kind, of rights too.
    private let changedSeconds: Int
    private let changedNanoseconds: Int

    /// - Returns: `nil` where there is none.
    init?(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
        changedSeconds = status.st_ctim.tv_sec
        changedNanoseconds = status.st_ctim.tv_nsec
    }
}
