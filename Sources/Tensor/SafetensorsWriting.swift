import Foundation

/// One tensor to be written in single precision.
package struct NamedTensor: Sendable {
    /// Its name, once in the file.
    package let name: String
    /// Extents, the slowest first.
    package let shape: [Int]
    /// Row-major, as many as the extents' product.
    package let values: [Float]

    /// Takes each field as it is; `file` checks that they fit.
    package init(name: String, shape: [Int], values: [Float]) {
        self.name = name
        self.shape = shape
        self.values = values
    }
}

extension Safetensors {
    /// A safetensors file with the tensors in the order given, data aligned to eight bytes.
    ///
    /// The same tensors and metadata give the same bytes.
    package static func file(_ tensors: [NamedTensor], metadata: [String: String]) -> [UInt8] {
        var header: [String: HeaderEntry] = [:]
        var end = 0
        for tensor in tensors {
            precondition(tensor.values.count == tensor.shape.reduce(1, *), "shapes differ")
            let start = end
            end += tensor.values.count * 4
            header[tensor.name] = .tensor(shape: tensor.shape, start: start, end: end)
        }
        if !metadata.isEmpty { header["__metadata__"] = .metadata(metadata) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var text = try? Array(encoder.encode(header)) else {
            preconditionFailure("strings and integers have a JSON form")
        }
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + text.count + end)
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: text.count >> (8 * shift))) }
        bytes += text
        for tensor in tensors {
            for value in tensor.values {
                unsafe withUnsafeBytes(of: value.bitPattern.littleEndian) {
                    unsafe bytes.append(contentsOf: $0)
                }
            }
        }
        return bytes
    }

    private enum HeaderEntry: Encodable {
        case tensor(shape: [Int], start: Int, end: Int)
        case metadata([String: String])

        enum Key: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .metadata(let pairs): try pairs.encode(to: encoder)
            case .tensor(let shape, let start, let end):
                var container = encoder.container(keyedBy: Key.self)
                try container.encode("F32", forKey: .dtype)
                try container.encode(shape, forKey: .shape)
                try container.encode([start, end], forKey: .offsets)
            }
        }
    }
}
