import CLMDB
import Glibc
import Synchronization

/// Ends the process with a message where damage would have LMDB crash it.
///
/// A store's pages are checked before it is opened, so this is for what comes later: a disk that
/// fails under a running process, a file cut short by a hand. LMDB reads through a map of the file,
/// and what is gone there is a signal, not an error.
public enum DamageExit {
    /// Installs the handlers for the rest of the process; a program calls it at its start.
    ///
    /// - Parameter status: The exit code that says that data is bad.
    public static func install(status: Int32 = 65) {
        unsafe faults.pointee.damagedStatus = status
        FaultHandlers.install()
    }

    /// Guards the table of maps; the handler reads it without.
    private static let table = Mutex(())

    /// Tells the handlers where an environment's map lies, and LMDB what to do when an assertion of
    /// its own fails.
    ///
    /// - Returns: what `forget` takes; `nil` where the map is not found.
    static func watch(_ environment: OpaquePointer, _ folder: StoreFolder) -> Int? {
        unsafe mdb_env_set_assert(environment, onAssertion)
        var file = Int32(-1)
        guard unsafe mdb_env_get_fd(environment, &file) == MDB_SUCCESS,
            let range = mappedRange(folder)
        else { return nil }
        return table.withLock { _ in
            for index in 0..<FaultHandlers.mapsMax
            where unsafe faults.pointee.maps[index].end == 0 {
                unsafe faults.pointee.maps[index] = FaultMap(
                    start: range.lowerBound, end: range.upperBound, file: file)
                return index
            }
            return nil
        }
    }

    /// The environment is about to be closed.
    static func forget(_ index: Int) {
        table.withLock { _ in unsafe faults.pointee.maps[index] = FaultMap() }
    }

    /// Where the data file is mapped. Source: proc(5), `/proc/pid/maps`.
    private static func mappedRange(_ folder: StoreFolder) -> Range<UInt>? {
        guard let inode = try? FileStatus.of(folder.data)?.inode,
            let maps = try? Descriptor("/proc/self/maps", O_RDONLY),
            let bytes = try? maps.readAll()
        else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count >= 6, UInt64(fields[4]) == inode, fields[5].hasSuffix("data.mdb")
            else { continue }
            let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2, ends[0] < ends[1] { return ends[0]..<ends[1] }
        }
        return nil
    }
}

/// Called by LMDB instead of an `abort` that says nothing to people.
private func onAssertion(_ environment: OpaquePointer?, _ text: UnsafePointer<CChar>?) {
    leaveDamaged()
}
