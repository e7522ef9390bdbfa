/// Whom a row is about: half of the SHA-256 of the user's id.
///
/// A store keeps rows that have an owner encrypted under a key of that owner's own. Once the key is
/// destroyed they are gone wherever they were copied to.
public struct RowOwner: Hashable, Sendable, Comparable {
    /// Length of `bytes`.
    public static let byteCount = 16
    @usableFromInline let high: UInt64
    @usableFromInline let low: UInt64

    /// The first half of the SHA-256 of the id's UTF-8 bytes.
    public init(user id: String) {
        let words = SHA256.hash(id).words
        (high, low) = (words.0.byteSwapped, words.1.byteSwapped)
    }

    /// Reads `bytes`; `nil` for any other count.
    @inlinable
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for byte in bytes { words = (words.0 << 8 | words.1 >> 56, words.1 << 8 | UInt64(byte)) }
        (high, low) = words
    }

    /// The 16 bytes, in the digest's order.
    public var bytes: [UInt8] {
        [high, low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
        }
    }

    /// The order of `bytes`.
    public static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}
