import Glibc

/// A small file beside the store that its owner rewrites in place, for this user alone.
///
/// Thread: its owner's.
public final class StoreFile {
    private let file: Descriptor

    /// Opens the file, or makes it.
    ///
    /// - Throws: `.diskFull`, `.system` with the path.
    public init(_ path: String) throws(StoreError) {
        file = try Descriptor(path, O_RDWR | O_CREAT)
    }

    /// For calls of the system, as long as the value lives.
    public var descriptor: Int32 { file.number }

    /// The file from its first byte to its end.
    public func readAll() throws(StoreError) -> [UInt8] { try file.readAll() }

    /// Takes room on the disk for the first bytes, so that writing them cannot fail for want of it.
    public func reserve(_ byteCount: Int) throws(StoreError) { try file.reserve(byteCount) }

    /// Writes all of `bytes`, over what is there; it does not wait for the disk.
    public func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
        try file.write(bytes, at: offset)
    }
}
