/// The bounds that a record is held to.
///
/// The constants are part of the schemas; the variables are the operator's to set.
public struct EventLimits: Sendable, Hashable {
    /// Longest record, bytes.
    public var recordBytesMax: Int
    /// How far `ts` may be ahead of the record's own timestamp and of the clock of whoever reads it,
    /// milliseconds.
    public var skewMaxMs: Int64
    /// User ids that many guests share, as `guest`: no id where the event has an anonymous id or a visit's.
    public var sharedIDs: Set<String>

    /// Defaults: 1 MiB a record, five minutes ahead, no id that many share.
    public init(
        recordBytesMax: Int = 1 << 20, skewMaxMs: Int64 = 300_000, sharedIDs: Set<String> = []
    ) {
        self.recordBytesMax = recordBytesMax
        self.skewMaxMs = skewMaxMs
        self.sharedIDs = sharedIDs
    }

    /// Longest identifier, UTF-8 bytes: identifiers become keys of the store.
    public static let idBytesMax = 256

    /// Whether events can carry the text as an identifier.
    public static func isID(_ text: String) -> Bool {
        (1...idBytesMax).contains(text.utf8.count) && text.isComposed
    }

    /// Most fields of a `context`.
    public static let contextFieldsMax = 64
    /// Most attributes of an item.
    public static let attributesMax = 256
    /// Longest key of a context field or an attribute, UTF-8 bytes.
    public static let attributeKeyBytesMax = 128
    /// Longest text value of a context field or an attribute, UTF-8 bytes.
    public static let attributeTextBytesMax = 1024
    /// Longest title, UTF-8 bytes.
    public static let titleBytesMax = 4096
    /// Longest description, UTF-8 bytes.
    public static let descriptionBytesMax = 65536
    /// Longest category, brand, and field asked for by name.
    public static let labelBytesMax = 512
    /// Prices, costs and stocks stay exact to the hundredth and far from overflow below this.
    public static let amountMax = 1e12
    /// Most units of a purchase, a refund or an outcome.
    public static let quantityMax = 1_000_000_000
    /// Greatest place in a list.
    public static let positionMax = 1_000_000_000
    /// 2000-01-01T00:00:00Z: before it there was no event, and epoch seconds taken for milliseconds
    /// lie in 1970.
    public static let tsMsMin: Int64 = 946_684_800_000
    /// 9999-12-31T23:59:59.999Z, the last instant RFC 3339 can write.
    public static let tsMsMax: Int64 = 253_402_300_799_999
    /// Nested objects and arrays, fields that are ignored included.
    public static let depthMax = 32
}
