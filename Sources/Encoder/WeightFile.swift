import Foundation
import Records
import Tensor

/// The weight file or files of a model: read once, hashed while they are read, validated.
struct WeightFile {
    let path: String
    let content: Safetensors
    let digest: Digest256

    init(_ path: String) throws(EncoderError) {
        // A mapped file that somebody shortens kills the process that reads it; a read one does not.
        let file = try FileBytes.read(path)
        digest = file.digest
        do {
            content = try Safetensors(file.bytes)
        } catch {
            throw .tensor(.safetensors(file: path, error))
        }
        self.path = path
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
