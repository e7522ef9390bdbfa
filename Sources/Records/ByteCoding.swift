/// Appends fixed-width little-endian values and length-prefixed byte strings.
///
/// What `ByteWriter` writes, `ByteReader` reads back in the same order. Records of the store are
/// made of these, so the layout is part of the store's format. What is generic is inlinable: a start reads
/// millions of numbers, and other modules would not specialise it.
public struct ByteWriter: Sendable {
    @usableFromInline var written: [UInt8] = []

    /// All that was written so far.
    public var bytes: [UInt8] { written }

    /// Starts empty, with room for `capacity` bytes.
    public init(capacity: Int = 0) {
        written.reserveCapacity(capacity)
    }

    /// The value's own width, little-endian.
    @inlinable
    public mutating func integer<I: FixedWidthInteger>(_ value: I) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe written.append(contentsOf: $0) }
    }

    /// The 8 bytes of the bit pattern: every NaN and both zeros come back as they were.
    public mutating func double(_ value: Double) { integer(value.bitPattern) }
    /// The 4 bytes of the bit pattern.
    public mutating func float(_ value: Float) { integer(value.bitPattern) }
    /// One byte, 0 or 1.
    public mutating func bool(_ value: Bool) { integer(value ? 1 as UInt8 : 0) }

    /// A count (32 bits) and the bytes.
    public mutating func data(_ value: some Collection<UInt8>) {
        integer(UInt32(value.count))
        written.append(contentsOf: value)
    }

    /// The UTF-8 bytes as `data`: a count (32 bits) and the bytes.
    public mutating func string(_ value: String) { data(value.utf8) }

    /// One byte, 1 where there is a value, and then what `write` writes of it.
    public mutating func optional<T>(_ value: T?, _ write: (inout ByteWriter, T) -> Void) {
        bool(value != nil)
        if let value { write(&self, value) }
    }

    /// A count (32 bits) and the elements.
    public mutating func array<C: Collection>(
        _ values: C, _ write: (inout ByteWriter, C.Element) -> Void
    ) {
        integer(UInt32(values.count))
        for value in values { write(&self, value) }
    }

    /// A count (32 bits) and the values' bits.
    public mutating func doubles(_ values: [Double]) {
        integer(UInt32(values.count))
        unsafe values.withUnsafeBytes { unsafe written.append(contentsOf: $0) }
    }

    /// A count (32 bits) and the values' bits.
    public mutating func floats(_ values: [Float]) {
        integer(UInt32(values.count))
        unsafe values.withUnsafeBytes { unsafe written.append(contentsOf: $0) }
    }
}

/// A record whose bytes do not have the layout they should.
public enum ByteCodingError: Error, Equatable, CustomStringConvertible {
    /// The record ends before what is to be read. Units: bytes.
    case truncated(at: Int, needed: Int, available: Int)
    /// More bytes than the layout has.
    case trailing(count: Int)
    /// The text that begins at this byte.
    case notUTF8(at: Int)
    /// A value that the layout does not have; the text names it.
    case badValue(at: Int, String)

    /// A sentence that names the byte offset.
    public var description: String {
        switch self {
        case .truncated(let at, let needed, let available):
            "record ends early: \(needed) bytes needed at byte \(at), \(available) left"
        case .trailing(let count): "record has \(count) bytes more than it should"
        case .notUTF8(let at): "record holds text that is not UTF-8 at byte \(at)"
        case .badValue(let at, let what): "record holds \(what) at byte \(at)"
        }
    }
}

/// Reads what `ByteWriter` wrote; every read is checked against the end.
public struct ByteReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var at = 0

    /// The offset of the next byte to be read.
    public var position: Int { at }

    /// Reads from the first byte on. The bytes are not copied.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Bytes that are not read yet.
    @inlinable
    public var remaining: Int { bytes.count - at }

    /// Moves on by so many bytes; where they begin.
    @inlinable
    mutating func pass(_ count: Int) throws(ByteCodingError) -> Int {
        guard count <= remaining else {
            throw .truncated(at: at, needed: count, available: remaining)
        }
        defer { at += count }
        return at
    }

    private mutating func take(_ count: Int) throws(ByteCodingError) -> ArraySlice<UInt8> {
        let start = try pass(count)
        return bytes[start..<at]
    }

    /// A value of its own width. Throws `truncated`, as all reads do when fewer bytes are left.
    @inlinable
    public mutating func integer<I: FixedWidthInteger>(
        _ type: I.Type = I.self
    ) throws(ByteCodingError) -> I {
        let start = try pass(MemoryLayout<I>.size)
        return unsafe bytes.withUnsafeBytes {
            unsafe I(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: I.self))
        }
    }

    /// Eight bytes as the bit pattern of a number; not finite ones are read as they are.
    public mutating func double() throws(ByteCodingError) -> Double {
        Double(bitPattern: try integer())
    }

    /// Four bytes as the bit pattern of a number.
    public mutating func float() throws(ByteCodingError) -> Float {
        Float(bitPattern: try integer())
    }

    /// One byte; throws `badValue` for anything but 0 and 1.
    public mutating func bool() throws(ByteCodingError) -> Bool {
        switch try integer(UInt8.self) {
        case 0: false
        case 1: true
        case let other: throw .badValue(at: position - 1, "\(other) where 0 or 1 should be")
        }
    }

    /// A count (32 bits) and that many bytes. No damaged count reserves memory.
    public mutating func data() throws(ByteCodingError) -> [UInt8] {
        let count = try integer(UInt32.self)
        return Array(try take(Int(count)))
    }

    /// A count (32 bits) and that many bytes; throws `notUTF8` where they are no text.
    public mutating func string() throws(ByteCodingError) -> String {
        let start = position
        let count = try integer(UInt32.self)
        guard let text = String(validating: try take(Int(count)), as: UTF8.self) else {
            throw .notUTF8(at: start)
        }
        return text
    }

    /// One byte as `bool`, and where it is 1 what `read` reads.
    public mutating func optional<T>(
        _ read: (inout ByteReader) throws(ByteCodingError) -> T
    ) throws(ByteCodingError) -> T? {
        try bool() ? try read(&self) : nil
    }

    /// A count (32 bits) and the elements. Each element must take one byte at least: a greater
    /// count throws `truncated` before anything is read.
    public mutating func array<T>(
        _ read: (inout ByteReader) throws(ByteCodingError) -> T
    ) throws(ByteCodingError) -> [T] {
        let count = Int(try integer(UInt32.self))
        // Each element takes a byte at least: a damaged count must not reserve gigabytes.
        guard count <= remaining else {
            throw .truncated(at: position, needed: count, available: remaining)
        }
        var values: [T] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try read(&self)) }
        return values
    }

    /// A count (32 bits) and the values' bits.
    public mutating func doubles() throws(ByteCodingError) -> [Double] {
        try plainArray(Double.self, zero: 0)
    }

    /// A count (32 bits) and the values' bits.
    public mutating func floats() throws(ByteCodingError) -> [Float] {
        try plainArray(Float.self, zero: 0)
    }

    private mutating func plainArray<T: BitwiseCopyable>(
        _ type: T.Type, zero: T
    ) throws(ByteCodingError) -> [T] {
        let count = Int(try integer(UInt32.self))
        let slice = try take(count * MemoryLayout<T>.size)
        var values = [T](repeating: zero, count: count)
        unsafe values.withUnsafeMutableBytes { target in
            unsafe slice.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
        return values
    }

    /// Call last: bytes left over mean that the layout is not the one expected.
    public func finish() throws(ByteCodingError) {
        if remaining != 0 { throw .trailing(count: remaining) }
    }
}
