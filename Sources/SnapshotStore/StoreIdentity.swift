import Records

/// What a store is, from its creation on.
public struct StoreIdentity: Sendable, Equatable {
    /// The newest layout this program reads and the one it writes.
    public static let formatVersion: UInt32 = 3
    /// The oldest layout that is read as it is, and whose state this version learns on.
    public static let oldestReadable: UInt32 = 2

    /// UUID text; names the store in Kafka's `transactional.id`.
    public let id: String
    /// The layout's number; at most `formatVersion` where it can be read.
    public let format: UInt32
    /// SHA-256 of the base model's weights.
    public let base: Digest256
    /// Unit: milliseconds since 1970, wall time.
    public let createdMs: Int64

    /// A store of the present format.
    public init(id: String, base: Digest256, createdMs: Int64) {
        self.init(id: id, base: base, createdMs: createdMs, format: Self.formatVersion)
    }

    /// For tests of what an older program says of a newer store.
    package init(id: String, base: Digest256, createdMs: Int64, format: UInt32) {
        self.id = id
        self.base = base
        self.createdMs = createdMs
        self.format = format
    }

    static let key = Array("identity".utf8)

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.integer(format)
        writer.string(id)
        writer.digest(base)
        writer.integer(createdMs)
        return writer.bytes
    }

    /// Reads the fields of the first format, which every later one begins with.
    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        format = try reader.integer()
        id = try reader.string()
        base = try reader.digest()
        createdMs = try reader.integer()
    }
}
