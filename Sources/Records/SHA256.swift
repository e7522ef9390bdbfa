import CCrypto

/// A 256-bit digest, as the four little-endian words it is added and compared by.
public struct Digest256: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The digest's bytes in groups of eight, each read as a little-endian number.
    public var words: (UInt64, UInt64, UInt64, UInt64)

    /// The neutral element of `&+`: the sum over no records.
    public static let zero = Digest256(words: (0, 0, 0, 0))

    /// From four words, the first of which holds the first eight bytes.
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// Reads 32 bytes; `nil` for any other count.
    @inlinable
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        words = (0, 0, 0, 0)
        for byte in bytes {
            words.0 = words.0 >> 8 | words.1 << 56
            words.1 = words.1 >> 8 | words.2 << 56
            words.2 = words.2 >> 8 | words.3 << 56
            words.3 = words.3 >> 8 | UInt64(byte) << 56
        }
    }

    /// Reads 64 hexadecimal digits; `nil` for anything else.
    public init?(hex: some StringProtocol) {
        let digits = hex.compactMap(\.hexDigitValue)
        guard digits.count == 64, hex.count == 64 else { return nil }
        self.init(bytes: (0..<32).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) })
    }

    /// The 32 bytes, as SHA-256 gives them.
    public var bytes: [UInt8] {
        let little = (
            words.0.littleEndian, words.1.littleEndian, words.2.littleEndian, words.3.littleEndian
        )
        return unsafe withUnsafeBytes(of: little) { unsafe Array($0) }
    }

    /// 64 hexadecimal digits in lower case.
    public var hex: String { bytes.hex }
    /// The same as `hex`.
    public var description: String { hex }

    /// Compared word by word; not in constant time.
    public static func == (a: Self, b: Self) -> Bool { a.words == b.words }
    /// The order as numbers of 256 bits, the last word the highest. It is not the order of `bytes`.
    public static func < (a: Self, b: Self) -> Bool {
        (a.words.3, a.words.2, a.words.1, a.words.0) < (b.words.3, b.words.2, b.words.1, b.words.0)
    }
    /// One word is enough: a digest's words are as good as random.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    /// Addition modulo 2^256: the sum over a set of records does not depend on their order, so a
    /// state's digest can be kept up as records come and go.
    public static func &+ (a: Self, b: Self) -> Self {
        var carry: UInt64 = 0
        func add(_ x: UInt64, _ y: UInt64) -> UInt64 {
            let (first, over) = x.addingReportingOverflow(y)
            let (second, more) = first.addingReportingOverflow(carry)
            carry = (over ? 1 : 0) + (more ? 1 : 0)
            return second
        }
        return Self(
            words: (
                add(a.words.0, b.words.0), add(a.words.1, b.words.1), add(a.words.2, b.words.2),
                add(a.words.3, b.words.3)
            ))
    }

    /// The inverse of `&+`.
    public static func &- (a: Self, b: Self) -> Self {
        let negated = Self(words: (~b.words.0, ~b.words.1, ~b.words.2, ~b.words.3))
        return a &+ negated &+ Self(words: (1, 0, 0, 0))
    }
}

/// Fetched once: libcrypto looks an algorithm up anew at every use of `EVP_sha256()`.
nonisolated(unsafe) private let algorithm: OpaquePointer? = unsafe EVP_MD_fetch(nil, "SHA256", nil)

/// SHA-256 over bytes given piece by piece.
@safe public struct SHA256: ~Copyable {
    /// Owned by this value alone and freed in `deinit`.
    private let context: OpaquePointer

    /// A digest of no bytes yet. Traps where libcrypto has no SHA-256.
    public init() {
        guard let made = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex(made, algorithm, nil) == 1
        else { preconditionFailure("libcrypto offers no SHA-256") }
        unsafe context = made
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// Takes more bytes in; how they are cut into pieces changes nothing.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        let done = unsafe EVP_DigestUpdate(context, base, bytes.count)
        precondition(done == 1, "libcrypto failed in SHA-256")
    }

    /// Takes more bytes in; how they are cut into pieces changes nothing.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// The digest of all bytes so far. It ends the value.
    public consuming func finalize() -> Digest256 {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let done = unsafe withUnsafeMutableBytes(of: &words) { out in
            var count: UInt32 = 0
            let done = unsafe EVP_DigestFinal_ex(
                context, out.baseAddress?.assumingMemoryBound(to: UInt8.self), &count)
            return done == 1 && count == 32
        }
        precondition(done, "libcrypto failed in SHA-256")
        return Digest256(
            words: (
                UInt64(littleEndian: words.0), UInt64(littleEndian: words.1),
                UInt64(littleEndian: words.2), UInt64(littleEndian: words.3)
            ))
    }

    /// The digest of the bytes alone.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> Digest256 {
        var hasher = SHA256()
        unsafe hasher.update(bytes)
        return hasher.finalize()
    }

    /// The digest of the bytes alone.
    public static func hash(_ bytes: [UInt8]) -> Digest256 {
        unsafe bytes.withUnsafeBytes { unsafe hash($0) }
    }

    /// The digest of the text's UTF-8 bytes.
    public static func hash(_ text: String) -> Digest256 {
        hash(Array(text.utf8))
    }
}

extension Collection<UInt8> {
    /// Lower-case hexadecimal, two digits a byte.
    public var hex: String {
        var text = ""
        text.reserveCapacity(2 * count)
        for byte in self {
            text.append(hexDigits[Int(byte >> 4)])
            text.append(hexDigits[Int(byte & 15)])
        }
        return text
    }
}

private let hexDigits = Array("0123456789abcdef")
