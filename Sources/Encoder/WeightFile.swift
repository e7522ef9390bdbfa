import Foundation
import Records
import Tensor

/// The weight file or files of a model: read once, hashed while they are read, validated.
struct WeightFile {
    let path: String
    let content: Safetensors
    let digest: Digest256

    init(_ path: String) throws(EncoderError) {
        let (bytes, digest) = try Self.readHashed(path)
        do {
            content = try Safetensors(bytes)
        } catch {
            throw .tensor(.safetensors(file: path, error))
        }
        self.path = path
        self.digest = digest
    }

    /// A mapped file that somebody shortens kills the process that reads it; a read one does not.
    private static func readHashed(_ path: String) throws(EncoderError) -> ([UInt8], Digest256) {
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
            let piece = 1 << 20
            while filled < count {
                let got = unsafe read(
                    descriptor, target.baseAddress! + filled, min(piece, count - filled))
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else {
                    failure =
                        got < 0
                        ? failed() : .unreadable(file: path, reason: "it became shorter meanwhile")
                    return
                }
                unsafe hasher.update(
                    UnsafeRawBufferPointer(start: target.baseAddress! + filled, count: got))
                filled += got
            }
        }
        if let failure { throw failure }
        return (bytes, hasher.finalize())
    }
}

/// Where a model's tensors are: one file, or several behind an index.
struct WeightFiles {
    /// Each file with the tensors it holds, `nil` for all there are.
    let files: [(path: String, tensors: Set<String>?)]

    init(directory: String) throws(EncoderError) {
        let single = directory + "/model.safetensors"
        let index = directory + "/model.safetensors.index.json"
        if FileManager.default.fileExists(atPath: single) {
            files = [(single, nil)]
            return
        }
        guard let map = try JSONFile.readIfPresent(Index.self, index)?.weight_map else {
            throw .unreadable(
                file: single, reason: "there is neither this file nor model.safetensors.index.json")
        }
        let names = Set(map.values).sorted()
        for name in names where name.contains("/") || name.hasPrefix(".") {
            throw .malformed(file: index, reason: "it names the file '\(name)'")
        }
        guard !names.isEmpty else { throw .malformed(file: index, reason: "it names no file") }
        files = names.map { name in
            (directory + "/" + name, Set(map.filter { $0.value == name }.keys))
        }
    }

    private struct Index: Decodable {
        let weight_map: [String: String]
    }
}
