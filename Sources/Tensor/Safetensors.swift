import Foundation

/// What is wrong with a safetensors file.
public enum SafetensorsFault: Error, Equatable, CustomStringConvertible {
    /// Not even a header's length.
    case tooShort(bytes: Int)
    /// The header would reach beyond the file.
    case headerBeyondEnd(headerBytes: UInt64, fileBytes: Int)
    /// The header is no JSON, or of another shape.
    case headerNotJSON(String)
    /// One tensor's entry in the header is wrong.
    case badEntry(tensor: String, String)
    /// An element type that is not read.
    case dtype(tensor: String, String)
    /// Shape, element type and bytes contradict each other.
    case size(tensor: String, shape: [Int], dtype: String, bytes: Int)
    /// Two tensors share bytes.
    case overlap(tensor: String, with: String)
    /// Bytes between two tensors belong to none.
    case gap(before: String, bytes: Int)
    /// A tensor reaches beyond the file.
    case truncated(tensor: String, end: Int, dataBytes: Int)
    /// Bytes behind the last tensor belong to none.
    case trailing(bytes: Int)
    /// No tensor of that name.
    case missing(tensor: String)
    /// Another shape than was asked for.
    case shape(tensor: String, expected: [Int], found: [Int])
    /// An element that is NaN or infinite, counted row by row.
    case notFinite(tensor: String, index: Int)

    /// What is wrong, without the file's name.
    public var description: String {
        switch self {
        case .tooShort(let bytes):
            "not a safetensors file: \(bytes) bytes are too few for its header"
        case .headerBeyondEnd(let header, let file):
            "truncated: a header of \(header) bytes is announced, the file has \(file) bytes"
        case .headerNotJSON(let reason): "the header is not the JSON it should be: \(reason)"
        case .badEntry(let tensor, let what): "tensor '\(tensor)' \(what)"
        case .dtype(let tensor, let dtype):
            "tensor '\(tensor)' has dtype \(dtype); F32, F16 and BF16 are supported"
        case .size(let tensor, let shape, let dtype, let bytes):
            "tensor '\(tensor)' of shape \(shape) and dtype \(dtype) cannot have \(bytes) bytes"
        case .overlap(let tensor, let other):
            "tensor '\(tensor)' overlaps tensor '\(other)'"
        case .gap(let before, let bytes):
            "\(bytes) bytes before tensor '\(before)' belong to no tensor"
        case .truncated(let tensor, let end, let data):
            "truncated: tensor '\(tensor)' ends at byte \(end) of \(data)"
        case .trailing(let bytes): "\(bytes) bytes after the last tensor belong to none"
        case .missing(let tensor): "tensor '\(tensor)' is missing"
        case .shape(let tensor, let expected, let found):
            "tensor '\(tensor)' has shape \(found), expected \(expected)"
        case .notFinite(let tensor, let index):
            "tensor '\(tensor)' holds NaN or infinity at element \(index)"
        }
    }
}

/// A safetensors file in memory, its header validated in full.
///
/// Source: the format's own README (huggingface/safetensors): eight bytes of header length, little
/// endian, the header in JSON, then the data, covered by the tensors without overlap or gap.
package struct Safetensors: Sendable {
    /// The element types that are read, by their name in the header.
    package enum Element: String, Sendable {
        /// IEEE single precision.
        case f32 = "F32"
        /// IEEE half precision.
        case f16 = "F16"
        /// The upper half of single precision.
        case bf16 = "BF16"

        var byteCount: Int { self == .f32 ? 4 : 2 }
    }

    /// One tensor as the header has it.
    package struct Entry: Sendable {
        /// Its name, once in the file.
        package let name: String
        /// Its element type by name; it need not be one of `Element`.
        package let dtype: String
        /// Extents, the slowest first; empty for a single number.
        package let shape: [Int]
        /// Within the data, after the header.
        package let range: Range<Int>
    }

    /// In the order of their bytes.
    package let entries: [Entry]
    /// The header's `__metadata__`; empty where there is none.
    package let metadata: [String: String]
    private let byName: [String: Int]
    private let bytes: [UInt8]
    private let dataStart: Int

    /// - Throws: for anything the format does not allow.
    package init(_ bytes: [UInt8]) throws(SafetensorsFault) {
        guard bytes.count >= 8 else { throw .tooShort(bytes: bytes.count) }
        let announced = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        guard announced <= UInt64(bytes.count - 8) else {
            throw .headerBeyondEnd(headerBytes: announced, fileBytes: bytes.count)
        }
        let start = 8 + Int(announced)
        let header = try Header(bytes[8..<start])
        entries = try Self.validated(header, dataBytes: bytes.count - start)
        metadata = header.metadata
        byName = Dictionary(
            entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.bytes = bytes
        dataStart = start
    }

    /// The tensor of this name; `nil` where there is none.
    package func entry(_ name: String) -> Entry? {
        byName[name].map { entries[$0] }
    }

    /// Copies a tensor into `target`, widened to single precision.
    ///
    /// - Throws: when it is missing, of another shape or dtype, or not finite everywhere.
    package func copy(
        _ name: String, shape: [Int], to target: MutableMatrix
    ) throws(SafetensorsFault) {
        guard let entry = entry(name) else { throw .missing(tensor: name) }
        guard entry.shape == shape else {
            throw .shape(tensor: name, expected: shape, found: entry.shape)
        }
        guard let element = Element(rawValue: entry.dtype) else {
            throw .dtype(tensor: name, entry.dtype)
        }
        precondition(target.rows * target.columns == shape.reduce(1, *) && target.isContiguous)
        let start = dataStart + entry.range.lowerBound
        let bad = unsafe bytes.withUnsafeBytes { raw in
            unsafe widen(
                UnsafeRawBufferPointer(rebasing: raw[start..<start + entry.range.count]), element,
                to: target)
        }
        if let bad { throw .notFinite(tensor: name, index: bad) }
    }

    /// A tensor's values, widened to single precision.
    package func values(_ name: String) throws(SafetensorsFault) -> [Float] {
        guard let entry = entry(name) else { throw .missing(tensor: name) }
        let count = entry.shape.reduce(1, *)
        guard let buffer = FloatBuffer(count: count) else {
            throw .badEntry(tensor: name, "does not fit into memory")
        }
        let target = buffer.mutableMatrix(at: 0, rows: 1, columns: count)
        try copy(name, shape: entry.shape, to: target)
        return target.read.values
    }

    private static func validated(
        _ header: Header, dataBytes: Int
    ) throws(SafetensorsFault) -> [Entry] {
        var entries: [Entry] = []
        for (name, fields) in header.tensors {
            guard fields.offsets.count == 2, fields.offsets[0] >= 0,
                fields.offsets[0] <= fields.offsets[1]
            else { throw .badEntry(tensor: name, "has data_offsets \(fields.offsets)") }
            guard fields.shape.allSatisfy({ $0 >= 0 }) else {
                throw .badEntry(tensor: name, "has the shape \(fields.shape)")
            }
            let range = fields.offsets[0]..<fields.offsets[1]
            if let width = elementBytes[fields.dtype] {
                let size = fields.shape.reduce(width as Int?) { product, extent in
                    product.flatMap {
                        let (value, over) = $0.multipliedReportingOverflow(by: extent)
                        return over ? nil : value
                    }
                }
                guard size == range.count else {
                    throw .size(
                        tensor: name, shape: fields.shape, dtype: fields.dtype, bytes: range.count)
                }
            } else {
                throw .dtype(tensor: name, fields.dtype)
            }
            entries.append(
                Entry(name: name, dtype: fields.dtype, shape: fields.shape, range: range))
        }
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound, $0.name)
                < ($1.range.lowerBound, $1.range.upperBound, $1.name)
        }
        var end = 0
        var last = ""
        for entry in entries {
            guard entry.range.lowerBound >= end else {
                throw .overlap(tensor: entry.name, with: last)
            }
            guard entry.range.lowerBound == end else {
                throw .gap(before: entry.name, bytes: entry.range.lowerBound - end)
            }
            guard entry.range.upperBound <= dataBytes else {
                throw .truncated(
                    tensor: entry.name, end: entry.range.upperBound, dataBytes: dataBytes)
            }
            (end, last) = (entry.range.upperBound, entry.name)
        }
        guard end == dataBytes else { throw .trailing(bytes: dataBytes - end) }
        return entries
    }

    /// All dtypes of the format, so that tensors nobody asks for may have any of them.
    private static let elementBytes = [
        "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2,
        "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8,
    ]
}

/// The header as JSON has it.
private struct Header: Decodable {
    struct Fields: Decodable {
        let dtype: String
        let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    var tensors: [String: Fields] = [:]
    var metadata: [String: String] = [:]

    init(_ bytes: ArraySlice<UInt8>) throws(SafetensorsFault) {
        do {
            self = try JSONDecoder().decode(Header.self, from: Data(bytes))
        } catch let fault as SafetensorsFault {
            throw fault
        } catch {
            throw .headerNotJSON("it is no object of tensors with dtype, shape and data_offsets")
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys {
            if key.stringValue == "__metadata__" {
                metadata = try container.decode([String: String].self, forKey: key)
                continue
            }
            do {
                tensors[key.stringValue] = try container.decode(Fields.self, forKey: key)
            } catch {
                throw SafetensorsFault.badEntry(
                    tensor: key.stringValue, "needs dtype, shape and data_offsets, as integers")
            }
        }
    }
}

/// Widens to single precision.
///
/// - Returns: the index of the first element that is not finite.
private func widen(
    _ source: UnsafeRawBufferPointer, _ element: Safetensors.Element, to target: MutableMatrix
) -> Int? {
    let count = source.count / element.byteCount
    var firstBad: Int?
    for index in 0..<count {
        let value: Float
        switch element {
        case .f32:
            value = unsafe Float(
                bitPattern: UInt32(
                    littleEndian: source.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        case .bf16:
            let bits = unsafe UInt16(
                littleEndian: source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            value = Float(bitPattern: UInt32(bits) << 16)
        case .f16:
            let bits = unsafe UInt16(
                littleEndian: source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            value = halfToFloat(bits)
        }
        if !value.isFinite && firstBad == nil { firstBad = index }
        unsafe target.base[index] = value
    }
    return firstBad
}

/// IEEE 754 binary16 to binary32, exact.
func halfToFloat(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 31
    let fraction = UInt32(bits & 0x3ff)
    switch exponent {
    case 0:
        // Zero or subnormal: fraction × 2^-24, exact in single precision.
        let magnitude = Float(fraction) * 0x1p-24
        return sign == 0 ? magnitude : -magnitude
    case 31: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
}
