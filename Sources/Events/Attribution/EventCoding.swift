import Records

/// The layout of events inside rows of the state: part of the store's format.
extension ByteWriter {
    mutating func offer(_ offer: Event.Offer) {
        string(offer.userID)
        string(offer.itemID)
        double(offer.price)
        double(offer.discount)
        optional(offer.recommendationID) { $0.string($1) }
        optional(offer.propensity) { $0.double($1) }
        optional(offer.position) { $0.integer(Int64($1)) }
        optional(offer.sessionID) { $0.string($1) }
        array(offer.context) { writer, attribute in
            writer.string(attribute.key)
            switch attribute.value {
            case .number(let number):
                writer.bool(false)
                writer.double(number)
            case .text(let text):
                writer.bool(true)
                writer.string(text)
            }
        }
    }

    mutating func position(_ position: TopicPartition) {
        string(position.topic)
        integer(position.partition)
    }
}

extension ByteReader {
    /// Inline item fields are not kept: the engine has taken them in by then.
    mutating func offer() throws(ByteCodingError) -> Event.Offer {
        var offer = Event.Offer(
            userID: try string(), itemID: try string(), price: try double(), discount: try double())
        offer.recommendationID = try optionalString()
        offer.propensity = try optional { r throws(ByteCodingError) in try r.double() }
        offer.position = try optional { r throws(ByteCodingError) in
            Int(try r.integer(Int64.self))
        }
        offer.sessionID = try optionalString()
        offer.context = try array { r throws(ByteCodingError) in
            let key = try r.string()
            return Event.Attribute(
                key, try r.bool() ? .text(try r.string()) : .number(try r.double()))
        }
        return offer
    }

    mutating func optionalString() throws(ByteCodingError) -> String? {
        try optional { r throws(ByteCodingError) in try r.string() }
    }

    mutating func position() throws(ByteCodingError) -> TopicPartition {
        TopicPartition(topic: try string(), partition: try integer(Int32.self))
    }
}
