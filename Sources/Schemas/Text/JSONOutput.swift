import Records

/// JSON text that is written into one buffer, record after record.
///
/// It is never longer than its bound: what would lead beyond is left out, and `isFull` says so.
/// Whoever writes in a loop looks at it.
@safe
public struct JSONOutput: ~Copyable {
    /// Bytes written.
    public private(set) var count = 0
    /// Whether something was left out for want of room.
    public private(set) var isFull = false
    /// The bound, bytes.
    public let bytesMax: Int

    /// Owned by this value alone, freed in `deinit`.
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int

    /// - Parameter bytesMax: the bound, bytes; the buffer grows up to it as it is needed.
    public init(bytesMax: Int) {
        self.bytesMax = max(bytesMax, 64)
        capacity = min(4_096, self.bytesMax)
        unsafe base = .allocate(capacity: capacity)
    }

    deinit { unsafe base.deallocate() }

    /// Forgets the text, not the buffer.
    package mutating func clear() {
        count = 0
        isFull = false
    }

    /// The text, valid inside the call.
    public func withBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        unsafe try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// A copy of the text.
    public var bytes: [UInt8] { unsafe withBytes { unsafe Array($0) } }

    // MARK: Room

    /// Makes room for bytes; `false` at the bound.
    @inline(__always)
    private mutating func room(_ more: Int) -> Bool {
        if more <= capacity - count { return true }
        return grow(more)
    }

    private mutating func grow(_ more: Int) -> Bool {
        guard !isFull, more <= bytesMax - count else {
            isFull = true
            return false
        }
        let wanted = min(bytesMax, max(2 * capacity, count + more))
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        unsafe larger.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = larger
        capacity = wanted
        return true
    }

    // MARK: Bytes

    @inline(__always)
    package mutating func put(_ byte: UInt8) {
        guard room(1) else { return }
        unsafe base[count] = byte
        count += 1
    }

    /// Another byte in place of one that is written.
    @inline(__always)
    mutating func set(_ place: Int, _ byte: UInt8) {
        precondition(place >= 0 && place < count)
        unsafe base[place] = byte
    }

    /// ASCII text as it is.
    @inline(__always)
    package mutating func append(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        guard room(size) else { return }
        unsafe (base + count).update(from: text.utf8Start, count: size)
        count += size
    }

    @inline(__always)
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard room(bytes.count) else { return }
        unsafe UnsafeMutableRawBufferPointer(start: base + count, count: bytes.count)
            .copyMemory(from: bytes)
        count += bytes.count
    }

    @inline(__always)
    package mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    @inline(__always)
    package mutating func append(_ bytes: [UInt8], _ part: Range<Int>) {
        unsafe bytes.withUnsafeBytes { whole in
            unsafe append(UnsafeRawBufferPointer(rebasing: whole[part]))
        }
    }

    // MARK: Texts

    /// A JSON string; `false` where the bytes are not UTF-8.
    package mutating func string(_ text: UnsafeRawBufferPointer) -> Bool {
        guard room(text.count + 2) else { return true }
        let start = count
        unsafe base[count] = 0x22
        unsafe UnsafeMutableRawBufferPointer(start: base + count + 1, count: text.count)
            .copyMemory(from: text)
        count += text.count + 1
        // Nearly all texts need no escapes and are ASCII: one look at each byte says so.
        var high: UInt8 = 0
        var isPlain = true
        for index in 0..<text.count {
            let byte = unsafe text[index]
            high |= byte
            isPlain = isPlain && byte >= 0x20 && byte != 0x22 && byte != 0x5c
        }
        if high >= 0x80, unsafe !Self.isUTF8(text) { return false }
        if !isPlain {
            count = start + 1
            unsafe escaped(text)
        }
        put(0x22)
        return true
    }

    package mutating func string(_ text: String) {
        var copy = text
        _ = copy.withUTF8 { unsafe string(UnsafeRawBufferPointer($0)) }
    }

    private static func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
        unsafe String(validating: text, as: UTF8.self) != nil
    }

    private mutating func escaped(_ text: UnsafeRawBufferPointer) {
        for index in 0..<text.count {
            let byte = unsafe text[index]
            switch byte {
            case 0x22, 0x5c:
                put(0x5c)
                put(byte)
            case 0x0a: append("\\n")
            case 0x0d: append("\\r")
            case 0x09: append("\\t")
            case 0..<0x20:
                append("\\u00")
                put(Self.hexDigit(byte >> 4))
                put(Self.hexDigit(byte & 15))
            default: put(byte)
            }
        }
    }

    package static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x57 + value
    }

    /// Bytes as a JSON string in Base64 (RFC 4648 section 4).
    package mutating func base64(_ bytes: UnsafeRawBufferPointer) {
        guard room((bytes.count + 2) / 3 * 4 + 2) else { return }
        put(0x22)
        append(unsafe Base64.encode(Array(bytes)))
        put(0x22)
    }
}
