import Events

/// Bytes read as events that a decoder would have let through, with the numbers that hurt.
struct EventBytes {
    private let bytes: [UInt8]
    private var at = 0
    /// Whether the last event is followed by a pause of the stream.
    private(set) var pausesHere = false
    private let decoder = EventDecoder()

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The next event; `nil` at the end.
    mutating func next(_ number: Int64) -> Event? {
        while at < bytes.count {
            let body = body()
            pausesHere = byte() & 7 == 0
            let event = Event(eventID: "e\(number - Int64(byte() & 3))", tsMs: ts(), body: body)
            // Encoding and decoding hold it to the rules of the contract.
            if let sound = try? decoder.decode(EventEncoder.encode(event)) { return sound }
        }
        return nil
    }

    private mutating func byte() -> UInt8 {
        guard at < bytes.count else { return 0 }
        at += 1
        return bytes[at - 1]
    }

    private mutating func chance() -> Bool { byte() & 1 == 1 }

    private mutating func name(_ prefix: String) -> String { "\(prefix)\(byte() % 3)" }

    private mutating func ts() -> Int64 {
        let start: Int64 = 1_767_225_600_000
        return switch byte() % 8 {
        case 0: EventLimits.tsMsMin
        case 1: EventLimits.tsMsMax
        case 2: EventLimits.tsMsMax - Int64(byte()) * 60_000
        case 3: start - Int64(byte()) * 86_400_000
        default: start + Int64(byte()) * 30_000
        }
    }

    /// A number from what hurts, or of any bits.
    private mutating func number() -> Double {
        let extremes = [
            0, Double.leastNonzeroMagnitude, Double.leastNormalMagnitude, 1e-300, 1e-12, 1e-6,
            0.001, 0.01, 0.05, 0.5,
            0.999_999_999_999_999_9,
            1, 1.01, 9.5, 10, 1e6, 1e9, 1e12, 1e300, 1.7e308,
        ]
        let choice = Int(byte())
        if choice < extremes.count { return extremes[choice] }
        guard choice > 200 else { return Double(choice) / 20 }
        var bits: UInt64 = 0
        for _ in 0..<8 { bits = bits << 8 | UInt64(byte()) }
        let any = Double(bitPattern: bits)
        return any.isFinite ? any : 1
    }

    private mutating func optional() -> Double? { chance() ? number() : nil }

    private mutating func count() -> Int {
        Int(exactly: min(abs(number()), 1e9).rounded(.up)) ?? 1
    }

    private mutating func item() -> Event.Item {
        var item = Event.Item(
            itemID: name("i"), title: chance() ? name("Title ") : nil,
            category: chance() ? name("Category ") : nil, brand: chance() ? name("b") : nil)
        item.attributes = chance() ? [Event.Attribute("a", .number(number()))] : []
        item.price = optional()
        item.cost = optional()
        item.stock = optional().map { chance() ? -$0 : $0 }
        item.minPrice = optional()
        item.channel = chance() ? name("ch") : nil
        item.deleted = byte() % 8 == 0
        return item
    }

    private mutating func offer() -> Event.Offer {
        var offer = Event.Offer(
            userID: name("u"), itemID: name("i"), price: number(), discount: number(),
            propensity: optional())
        offer.position = chance() ? Int(byte()) * 3_900_000 : nil
        if chance() {
            offer.context = [
                Event.Attribute("flag", .number(number())),
                Event.Attribute("place", chance() ? .text(name("p")) : .number(-number())),
            ]
        }
        if byte() % 4 == 0 {
            var inline = item()
            inline.itemID = offer.itemID
            offer.item = inline
        }
        return offer
    }

    private mutating func body() -> Event.Body {
        switch byte() % 12 {
        case 0: return .impression(offer())
        case 1, 2, 3: return .click(offer())
        case 4, 5:
            return .purchase(
                Event.Purchase(
                    offer: offer(), quantity: count(), paid: optional(), orderID: name("o")))
        case 6:
            return .refund(
                Event.Refund(
                    userID: chance() ? name("u") : nil, orderID: name("o"),
                    itemID: chance() ? name("i") : nil,
                    quantity: chance() ? count() : nil))
        case 7: return .item(item())
        case 8:
            switch byte() % 8 {
            case 0: return .erase(userID: name("u"))
            case 1, 2: return .identify(anonymousID: name("u"), userID: name("u"))
            case 3: return .objection(userID: name("u"))
            default: return .click(offer())
            }
        default:
            let labels = byte()
            return .outcome(
                Event.Outcome(
                    offer: offer(), clicked: labels & 3 == 0 ? nil : labels & 1 == 1,
                    purchased: labels & 12 == 0 ? nil : labels & 4 == 4,
                    quantity: chance() ? count() : nil, samplingRate: optional()))
        }
    }
}
