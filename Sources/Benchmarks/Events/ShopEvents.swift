import Events
import Records

/// Events as shops send them, in the mix and with the lengths of real logs, from a seed.
struct ShopEvents {
    private var random: SeededRandom
    private var count = 0

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func next() -> Event {
        count += 1
        let body: Event.Body
        switch below(100) {
        case 0..<45: body = .outcome(outcome())
        case 45..<65: body = .impression(offer())
        case 65..<80: body = .click(offer())
        case 80..<92: body = .purchase(purchase())
        case 92..<94:
            body = .refund(
                .init(
                    userID: "\(12_000 + below(6000))", orderID: "\(536_000 + below(20_000))",
                    itemID: "\(20_000 + below(4000))", quantity: 1 + below(12)))
        default: body = .item(item())
        }
        return Event(
            eventID: "e\(count)", tsMs: 1_291_191_960_000 + Int64(count) * 271, body: body)
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private mutating func offer() -> Event.Offer {
        var offer = Event.Offer(
            userID: "store-\(10_000 + below(20_000))",
            itemID: "\(1_111_009_477 + below(90_000_000))",
            price: Double(49 + below(1500)) / 100,
            discount: below(4) == 0 ? Double(below(4000)) / 10_000 : 0)
        if below(3) == 0 {
            offer.recommendationID = "rec-\(random.next() >> 20)"
            offer.propensity = random.unit() / 2 + 0.01
            offer.position = 1 + below(20)
        }
        return offer
    }

    private mutating func outcome() -> Event.Outcome {
        var offer = self.offer()
        if below(2) == 0 {
            offer.context = ["display", "feature", "tpr_only"].map {
                Event.Attribute($0, .number(Double(below(2))))
            }
        } else if below(4) == 0 {
            offer.context = (0..<4).map {
                Event.Attribute("u\($0)", .text(String(random.next() >> 32, radix: 16)))
            }
        }
        return below(2) == 0
            ? .init(offer: offer, purchased: below(16) == 0)
            : .init(offer: offer, clicked: below(10) == 0)
    }

    private mutating func purchase() -> Event.Purchase {
        let offer = self.offer()
        return .init(
            offer: offer, quantity: 1 + below(12), paid: offer.price * (1 - offer.discount),
            orderID: "\(536_000 + below(20_000))")
    }

    private mutating func item() -> Event.Item {
        let words = [
            "White", "Hanging", "Heart", "T-Light", "Holder", "Pretzels", "Cold", "Cereal", "Café",
            "Deluxe", "Mini", "Twist", "Lantern", "Frozen", "Pizza", "Oat",
        ]
        let title = (0...2 + below(5)).map { _ in words[below(words.count)] }
        return .init(
            itemID: "\(1_111_009_477 + below(90_000_000))", title: title.joined(separator: " "),
            category: "Bag Snacks / \(words[below(words.count)])", brand: "Private Label",
            price: Double(49 + below(1500)) / 100)
    }
}
