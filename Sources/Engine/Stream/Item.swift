import Events
import Records

/// What the catalogue knows of an item.
public struct Item: Sendable, Equatable {
    /// The item's id.
    public let id: String
    /// `nil`: not known.
    public var title: String?
    /// A path like `Bag Snacks / Pretzels`; `nil`: not known.
    public var category: String?
    /// `nil`: not known.
    public var brand: String?
    /// List price of the catalogue; `nil`: not known.
    public var price: Double?
    /// What one unit costs the shop; `nil`: not known.
    public var cost: Double?
    /// Units left; `nil`: not known.
    public var stock: Double?
    /// The lowest price at which it may be advertised; `nil`: not known, or none.
    public var minPrice: Double?
    /// Whether it is no longer sold.
    public var deleted = false
    /// When it was seen last.
    var use: UsePlace?

    /// An item of which nothing else is known.
    public init(id: String) {
        self.id = id
    }

    /// Takes over what an event says; what it leaves out stays as it was. Of a description nothing is
    /// kept, since nobody reads it.
    mutating func merge(_ event: Event.Item) {
        title = event.title ?? title
        category = event.category ?? category
        brand = event.brand ?? brand
        price = event.price ?? price
        cost = event.cost ?? cost
        stock = event.stock ?? stock
        minPrice = (event.minPrice ?? minPrice).flatMap { $0 > 0 ? $0 : nil }
        // An update of some fields alone brings nothing back.
        if event.title != nil || event.deleted { deleted = event.deleted }
    }

    /// What the encoder reads: title, category and brand, whatever there is of them.
    public var text: String? {
        let parts = [title, category, brand].compactMap { $0 }.filter { !$0.isEmpty }
        return parts.isEmpty ? nil : parts.joined(separator: ". ")
    }

    /// What it takes in memory, about.
    var bytes: Int {
        [title, category, brand].reduce(224 + 2 * id.utf8.count) { $0 + ($1?.utf8.count ?? 0) }
    }
}

extension Item {
    /// Takes over what the policy lets an event say that is not about the item itself.
    ///
    /// - Returns: whether all that the event says is known of the item now.
    @discardableResult
    mutating func merge(inline event: Event.Item, _ fields: InlineFields) -> Bool {
        if !deleted {
            switch fields {
            case .texts:
                title = title ?? event.title
                category = category ?? event.category
                brand = brand ?? event.brand
            case .all: merge(event)
            case .none: break
            }
        }
        var whole = self
        whole.merge(event)
        return whole == self
    }
}

extension Item {
    static let table = StateTable("items", .keyed)

    /// What a state knows of an item; `nil`: nothing.
    package static func stored(_ id: String, in state: any StateReader) throws -> Item? {
        try state.value(table, Array(id.utf8)).map { try Item(id: id, encoded: $0) }
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        // The second place was a description's, in earlier versions.
        for text in [title, nil, category, brand] {
            writer.optional(text) { $0.string($1) }
        }
        for number in [price, cost, stock] { writer.optional(number) { $0.double($1) } }
        writer.bool(deleted)
        if let use { use.write(to: &writer) }
        // Told by its length: earlier versions have none.
        if let minPrice { writer.double(minPrice) }
        return writer.bytes
    }

    init(id: String, encoded bytes: [UInt8]) throws(ByteCodingError) {
        self.init(id: id)
        var reader = ByteReader(bytes)
        title = try Self.text(&reader)
        _ = try Self.text(&reader)
        category = try Self.text(&reader)
        brand = try Self.text(&reader)
        price = try Self.number(&reader)
        cost = try Self.number(&reader)
        stock = try Self.number(&reader)
        deleted = try reader.bool()
        if reader.remaining >= 16 { use = try UsePlace(from: &reader) }
        if reader.remaining > 0 { minPrice = try reader.double() }
        try reader.finish()
    }

    private static func text(_ reader: inout ByteReader) throws(ByteCodingError) -> String? {
        try reader.optional { r throws(ByteCodingError) in try r.string() }
    }

    private static func number(_ reader: inout ByteReader) throws(ByteCodingError) -> Double? {
        try reader.optional { r throws(ByteCodingError) in try r.double() }
    }
}
