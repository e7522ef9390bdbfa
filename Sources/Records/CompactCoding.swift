/// Doubles in as few bytes as their bits need: counts and sums on a binary grid end in zero bytes.
extension ByteWriter {
    /// 1 to 9 bytes: how many of the leading bytes matter, then those.
    package mutating func shortDouble(_ value: Double) {
        let bits = value.bitPattern
        let count = (64 - min(bits.trailingZeroBitCount, 64) + 7) / 8
        integer(UInt8(count))
        for index in 0..<count {
            integer(UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * index)))
        }
    }

    /// 1 to 10 bytes, seven bits each, the lowest first.
    package mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            integer(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        integer(UInt8(rest))
    }

    /// A count (`varint`) and the UTF-8 bytes.
    package mutating func shortString(_ value: String) {
        varint(UInt64(value.utf8.count))
        for byte in value.utf8 { integer(byte) }
    }
}

extension ByteReader {
    /// What `ByteWriter.shortDouble` wrote; throws `badValue` for a count above 8.
    package mutating func shortDouble() throws(ByteCodingError) -> Double {
        let count = Int(try integer(UInt8.self))
        guard count <= 8 else {
            throw .badValue(at: position - 1, "a number of \(count) bytes")
        }
        var bits: UInt64 = 0
        for index in 0..<count {
            bits |= UInt64(try integer(UInt8.self)) << UInt64(56 - 8 * index)
        }
        return Double(bitPattern: bits)
    }

    /// What `ByteWriter.varint` wrote; throws `badValue` for more than 64 bits.
    package mutating func varint() throws(ByteCodingError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try integer(UInt8.self)
            guard shift < 63 || (shift == 63 && byte <= 1) else {
                throw .badValue(at: position - 1, "a number of more than 64 bits")
            }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// What `ByteWriter.shortString` wrote; throws `notUTF8` where the bytes are no text.
    package mutating func shortString() throws(ByteCodingError) -> String {
        let start = position
        let count = try varint()
        guard count <= UInt64(remaining) else {
            throw .truncated(at: position, needed: Int(clamping: count), available: remaining)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(count))
        for _ in 0..<count { bytes.append(try integer()) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .notUTF8(at: start)
        }
        return text
    }
}
