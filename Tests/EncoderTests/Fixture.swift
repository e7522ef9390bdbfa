import Foundation
import Testing

import Encoder
import Tensor

/// A folder of reference files that `deploy/fixtures/encoder.py` made.
struct Fixture {
    let directory: String
    private let content: Safetensors

    /// The committed folder, or the one `TIDEMARK_PARITY` names, made with more texts.
    static let root: String =
        ProcessInfo.processInfo.environment["TIDEMARK_PARITY"]
        ?? Bundle.module.resourcePath.map { $0 + "/Fixtures" } ?? "Fixtures"

    /// Where adapters trained here and their vectors are written for PEFT to load: see
    /// `deploy/bench/parity`.
    static let export = ProcessInfo.processInfo.environment["TIDEMARK_PARITY_EXPORT"]

    static let bases = ["gelu-mean", "tanh-cls", "relu-max", "masked-lm"]

    /// Every adapter case as base and name.
    static let adapters = [
        "gelu-mean/query-value-top2", "gelu-mean/key", "gelu-mean/attention-output",
        "gelu-mean/intermediate", "gelu-mean/output", "gelu-mean/all", "gelu-mean/houlsby",
        "gelu-mean/houlsby-output", "tanh-cls/all", "tanh-cls/houlsby", "relu-max/all",
        "masked-lm/all",
    ]

    init(_ directory: String) throws {
        self.directory = directory
        let data = try Data(contentsOf: URL(fileURLWithPath: directory + "/reference.safetensors"))
        content = try Safetensors(Array(data))
    }

    static func base(_ name: String) throws -> BaseModel {
        try BaseModel.load(directory: root + "/" + name)
    }

    /// An adapter case: its base, and the folder with PEFT's files and the reference.
    static func adapter(_ name: String) throws -> (base: BaseModel, fixture: Fixture) {
        let parts = name.split(separator: "/").map(String.init)
        let fixture = try Fixture("\(root)/\(parts[0])/adapters/\(parts[1])")
        return (try base(parts[0]), fixture)
    }

    subscript(_ name: String) -> [Float] {
        get throws { try content.values(name) }
    }

    /// The token ids the reference was computed for.
    var sequences: [[Int32]] {
        get throws {
            let ids = try self["ids"].map { Int32($0) }
            var start = 0
            return try self["lengths"].map { length in
                defer { start += Int(length) }
                return Array(ids[start..<start + Int(length)])
            }
        }
    }

    /// The real model's folder.
    ///
    /// - Throws: with what to do when it is not there.
    static func model() throws -> BaseModel {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
        let path = environment["TIDEMARK_MODEL"] ?? cache + "/tidemark/all-MiniLM-L6-v2"
        guard FileManager.default.fileExists(atPath: path + "/config.json") else {
            throw MissingModel(path: path)
        }
        return try BaseModel.load(directory: path)
    }

    struct MissingModel: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "the model is not at \(path): run deploy/fetch-model, or set TIDEMARK_MODEL"
        }
    }
}

/// The largest absolute difference.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { max($0, ($1.0 - $1.1).isNaN ? .infinity : abs($1.0 - $1.1)) }
}

/// The length of the difference by the length of the reference.
func relativeDifference(_ a: [Float], _ reference: [Float]) -> Double {
    guard a.count == reference.count else { return .infinity }
    var difference = 0.0
    var length = 0.0
    for (x, y) in zip(a, reference) {
        difference += (Double(x) - Double(y)) * (Double(x) - Double(y))
        length += Double(y) * Double(y)
    }
    return (difference / max(length, 1e-30)).squareRoot()
}

func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
}
