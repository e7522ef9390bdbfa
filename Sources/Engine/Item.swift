import Events
import Records

/// What the catalogue knows of an item.
public struct Item: Sendable, Equatable {
    public let id: String
    public var title: String?
    public var description: String?
    public var category: String?
    public var brand: String?
    public var price: Double?
    public var cost: Double?
    public var stock: Double?
    public var deleted = false

    public init(id: String) {
        self.id = id
    }

    /// Takes over what an event says; what it leaves out stays as it was.
    mutating func merge(_ event: Event.Item) {
        title = event.title ?? title
        description = event.description ?? description
        category = event.category ?? category
        brand = event.brand ?? brand
        price = event.price ?? price
        cost = event.cost ?? cost
        stock = event.stock ?? stock
        deleted = event.deleted
    }

    /// What the encoder reads: title, category and brand, whatever there is of them.
    public var text: String? {
        let parts = [title, category, brand].compactMap { $0 }.filter { !$0.isEmpty }
        return parts.isEmpty ? nil : parts.joined(separator: ". ")
    }
}

extension Item {
    static let table = StateTable("items", .keyed)

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        for text in [title, description, category, brand] {
            writer.optional(text) { $0.string($1) }
        }
        for number in [price, cost, stock] { writer.optional(number) { $0.double($1) } }
        writer.bool(deleted)
        return writer.bytes
    }

    init(id: String, encoded bytes: [UInt8]) throws(ByteCodingError) {
        self.init(id: id)
        var reader = ByteReader(bytes)
        title = try Self.text(&reader)
        description = try Self.text(&reader)
        category = try Self.text(&reader)
        brand = try Self.text(&reader)
        price = try Self.number(&reader)
        cost = try Self.number(&reader)
        stock = try Self.number(&reader)
        deleted = try reader.bool()
        try reader.finish()
    }

    private static func text(_ reader: inout ByteReader) throws(ByteCodingError) -> String? {
        try reader.optional { r throws(ByteCodingError) in try r.string() }
    }

    private static func number(_ reader: inout ByteReader) throws(ByteCodingError) -> Double? {
        try reader.optional { r throws(ByteCodingError) in try r.double() }
    }
}
