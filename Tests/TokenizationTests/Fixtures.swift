import Foundation
import Tokenization

/// Where the tests find models and what the reference made of texts.
enum Fixtures {
    private static let folder = Bundle.module.resourceURL?.appending(path: "Fixtures")

    static func path(_ name: String) throws -> String {
        guard let url = folder?.appending(path: name) else { throw Missing(what: name) }
        return url.path(percentEncoded: false)
    }

    static func lines(_ name: String) throws -> [Substring] {
        let text = try String(contentsOfFile: path(name), encoding: .utf8)
        return text.split(separator: "\n")
    }

    /// The folder of the default model, fetched beforehand.
    static func model() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let folder =
            environment["TIDEMARK_MODEL"]
            ?? "\(cache ?? "\(environment["HOME"] ?? "")/.cache")/tidemark/all-MiniLM-L6-v2"
        guard FileManager.default.fileExists(atPath: folder + "/tokenizer.json") else {
            throw Missing(what: "the model (\(folder)); run deploy/fetch-model first")
        }
        return folder
    }

    struct Missing: Error, CustomStringConvertible {
        let what: String
        var description: String { "missing: \(what)" }
    }
}

/// A folder of its own for files that a test makes; removed with the value.
final class ScratchFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path(percentEncoded: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
        try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
    }

    func write(_ name: String, _ text: String) throws {
        try write(name, text.utf8)
    }
}

/// FNV-1a with 32 bits over the little-endian bytes of the numbers.
func digest(_ ids: [Int32], from start: UInt32 = 0x811C_9DC5) -> UInt32 {
    var value = start
    for id in ids {
        for shift in stride(from: 0, to: 32, by: 8) {
            let byte = UInt32(truncatingIfNeeded: id >> Int32(shift)) & 0xFF
            value = (value ^ byte) &* 0x0100_0193
        }
    }
    return value
}
