import Foundation
import Records

/// Reads whole files, with the system's own words when it cannot.
enum FileBytes {
    /// The bytes and their SHA-256, taken piece by piece while they are read.
    ///
    /// - Throws: when the file is missing, is no plain file, cannot be read or shrinks meanwhile.
    static func read(
        _ path: String
    ) throws(EncoderError) -> (bytes: [UInt8], digest: Digest256) {
        func failed() -> EncoderError {
            .unreadable(file: path, reason: unsafe String(cString: strerror(errno)))
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed() }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failed() }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(file: path, reason: "it is not a file")
        }
        let count = Int(status.st_size)
        var hasher = SHA256()
        var failure: EncoderError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, filled in
            guard let start = target.baseAddress else { return }
            while filled < count {
                let got = unsafe Foundation.read(
                    descriptor, start + filled, min(1 << 20, count - filled))
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else {
                    failure =
                        got < 0
                        ? failed() : .unreadable(file: path, reason: "it became shorter meanwhile")
                    return
                }
                unsafe hasher.update(UnsafeRawBufferPointer(start: start + filled, count: got))
                filled += got
            }
        }
        if let failure { throw failure }
        return (bytes, hasher.finalize())
    }
}
