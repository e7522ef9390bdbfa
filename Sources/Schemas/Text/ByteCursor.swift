/// Reads a body from its first byte on; nothing is read beyond its end.
///
/// Lifetime: the bytes must outlive it; it is made and used inside one call.
@safe
struct ByteCursor {
    let bytes: UnsafeRawBufferPointer
    /// The next byte.
    private(set) var at: Int
    /// One after the last byte that may be read.
    let end: Int

    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
        at = 0
        end = bytes.count
    }

    /// A part of the body; positions stay those of the whole.
    init(_ whole: ByteCursor, _ part: Range<Int>) {
        unsafe bytes = whole.bytes
        at = max(part.lowerBound, 0)
        unsafe end = min(part.upperBound, whole.bytes.count)
    }

    var remaining: Int { end - at }
    var isAtEnd: Bool { at >= end }

    subscript(_ index: Int) -> UInt8 {
        precondition(index >= 0 && index < end)
        return unsafe bytes[index]
    }

    func fault(_ kind: PayloadFault.Kind) -> PayloadFault { PayloadFault(at, kind) }

    @inline(__always)
    mutating func byte() throws(PayloadFault) -> UInt8 {
        guard at < end else { throw fault(.cutShort) }
        let byte = unsafe bytes[at]
        at += 1
        return byte
    }

    /// Source: Protocol Buffers, Encoding, "Base 128 Varints"; Avro writes the same.
    @inline(__always)
    mutating func varint() throws(PayloadFault) -> UInt64 {
        let first = try byte()
        if first < 0x80 { return UInt64(first) }
        return try longVarint(first)
    }

    private mutating func longVarint(_ first: UInt8) throws(PayloadFault) -> UInt64 {
        var value = UInt64(first & 0x7f)
        var shift: UInt64 = 7
        while true {
            let byte = try byte()
            // The tenth byte has room for one bit.
            guard shift < 63 || (shift == 63 && byte <= 1) else { throw fault(.varintTooLong) }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    @inline(__always)
    mutating func zigzag() throws(PayloadFault) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// The place of the next bytes, which are passed over.
    @inline(__always)
    mutating func take(_ count: Int64) throws(PayloadFault) -> Range<Int> {
        guard count >= 0, count <= Int64(remaining) else {
            throw fault(count >= 0 && count <= 1 << 31 ? .cutShort : .length(count))
        }
        let start = at
        at += Int(count)
        return start..<at
    }

    @inline(__always)
    mutating func little32() throws(PayloadFault) -> UInt32 {
        let place = try take(4)
        return UInt32(
            littleEndian: unsafe bytes.loadUnaligned(
                fromByteOffset: place.lowerBound, as: UInt32.self))
    }

    @inline(__always)
    mutating func little64() throws(PayloadFault) -> UInt64 {
        let place = try take(8)
        return UInt64(
            littleEndian: unsafe bytes.loadUnaligned(
                fromByteOffset: place.lowerBound, as: UInt64.self))
    }

    /// Bytes of a place that `take` gave.
    @inline(__always)
    func slice(_ place: Range<Int>) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: bytes[place])
    }
}
