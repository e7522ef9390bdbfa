import Foundation
import Records
import Tensor

import Encoder

/// A folder of a test's own, removed with it.
final class ScratchFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "tidemark-encoder-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A copy of a committed base in it.
    convenience init(copying base: String) throws {
        try self.init()
        for name in try FileManager.default.contentsOfDirectory(atPath: Fixture.root + "/" + base)
        where name != "adapters" && name != "reference.safetensors" {
            try FileManager.default.copyItem(
                atPath: Fixture.root + "/\(base)/\(name)", toPath: path + "/" + name)
        }
    }

    subscript(_ name: String) -> [UInt8] {
        get {
            (try? Data(contentsOf: URL(fileURLWithPath: path + "/" + name))).map(Array.init) ?? []
        }
        set { try? Data(newValue).write(to: URL(fileURLWithPath: path + "/" + name)) }
    }

    func text(_ name: String) -> String { String(decoding: self[name], as: UTF8.self) }

    /// Replaces text in a file, which must be there.
    func replace(_ old: String, _ new: String, in name: String) {
        let before = text(name)
        precondition(before.contains(old), "\(name) has no \(old)")
        self[name] = Array(before.replacingOccurrences(of: old, with: new).utf8)
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }

    /// Writes a file of tensors anew, each changed as `change` says; `nil` leaves one out.
    func rewrite(_ name: String, _ change: (NamedTensor) -> NamedTensor?) throws {
        let read = try Safetensors(self[name])
        var tensors: [NamedTensor] = []
        for entry in read.entries {
            let values = try read.values(entry.name)
            let tensor = NamedTensor(name: entry.name, shape: entry.shape, values: values)
            if let changed = change(tensor) { tensors.append(changed) }
        }
        self[name] = Safetensors.file(tensors, metadata: read.metadata)
    }
}

/// What loading a folder fails with.
func loadError(_ path: String) -> EncoderError? {
    do throws(EncoderError) {
        _ = try BaseModel.load(directory: path)
        return nil
    } catch {
        return error
    }
}
