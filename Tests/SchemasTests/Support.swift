import Foundation
import Schemas

/// Files beside the tests.
enum Fixtures {
    static func lines(_ name: String) throws -> [SchemaJSON] {
        try text(name).split(separator: "\n").map { try SchemaJSON(String($0)) }
    }

    static func text(_ name: String) throws -> String {
        guard let folder = Bundle.module.resourceURL else { throw CocoaError(.fileNoSuchFile) }
        return try String(contentsOf: folder.appending(path: "Fixtures/\(name)"), encoding: .utf8)
    }
}

extension SchemaJSON {
    /// The text of a member that must be there.
    func required(_ key: String) throws -> String {
        guard let text = self[key]?.text else { throw SchemaError(key, "is not there") }
        return text
    }

    /// Whether two documents say the same: members in any order, and numbers that are the same
    /// number. Where a writer had single precision, numbers that are the same in it.
    func says(_ other: SchemaJSON) -> Bool {
        switch (self, other) {
        case (.number(let a), .number(let b)):
            // Digits that a double cannot hold are there to be compared one by one.
            if a == b { return true }
            guard a.filter(\.isNumber).count < 18 || a.contains("e") || b.contains("e") else {
                return Double(a) == Double(b) && Double(a).map { $0.exponent > 60 } == true
            }
            return Double(a) == Double(b)
                || (a.filter(\.isNumber).count <= 12 && Float(a) == Float(b))
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { $0.says($1) }
        case (.object(let a), .object(let b)):
            return a.count == b.count
                && zip(a.sorted { $0.key < $1.key }, b.sorted { $0.key < $1.key })
                    .allSatisfy { $0.key == $1.key && $0.value.says($1.value) }
        default: return self == other
        }
    }
}

extension AvroDecoder {
    /// One body's JSON.
    func json(_ body: [UInt8], bytesMax: Int = 1 << 20) throws(PayloadFault) -> String {
        var out = JSONOutput(bytesMax: bytesMax)
        try unsafe body.withUnsafeBufferPointer { bytes throws(PayloadFault) in
            unsafe try decode(UnsafeRawBufferPointer(bytes), &out)
        }
        return String(decoding: out.bytes, as: UTF8.self)
    }
}
