import Events
import Records
import Testing

/// Random valid events of every type, from a seed.
struct EventGenerator {
    var random: SeededRandom
    private var count = 0

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    private mutating func maybe<T>(_ value: T) -> T? { below(2) == 0 ? value : nil }

    private mutating func text(_ prefix: String = "") -> String {
        let letters = ["a", "Z", "0", " ", "é", "\"", "\\", "\n", "\u{0}", "😀", "\u{7f}", "/", "中"]
        return (0...below(20)).reduce(prefix) { text, _ in text + letters[below(letters.count)] }
    }

    private mutating func number(_ scale: Double) -> Double {
        switch below(3) {
        case 0: Double(1 + below(100))
        case 1: Double(1 + below(10_000)) / 100
        default: random.unit() * scale + 1e-9
        }
    }

    private mutating func attributes() -> [Event.Attribute] {
        var found: [String: Event.Attribute.Value] = [:]
        for _ in 0..<below(5) {
            found[text("k")] = below(2) == 0 ? .text(text()) : .number(number(1e6))
        }
        return found.map { Event.Attribute($0.key, $0.value) }
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    mutating func item(_ id: String) -> Event.Item {
        var item = Event.Item(itemID: id, title: text("t"))
        item.description = maybe(text())
        item.category = maybe(text())
        item.brand = maybe(text())
        item.attributes = attributes()
        item.price = maybe(number(1e3))
        item.cost = maybe(number(1e3))
        item.stock = maybe(Double(below(100) - 10))
        item.minPrice = maybe(number(1e3))
        item.channel = maybe(text("ch"))
        item.deleted = below(8) == 0
        return item
    }

    private mutating func offer() -> Event.Offer {
        let itemID = text("i")
        var offer = Event.Offer(
            userID: text("u"), itemID: itemID, price: below(9) == 0 ? 0 : number(1e4),
            discount: random.unit(),
            recommendationID: maybe(text("r")), propensity: maybe(1 - random.unit()))
        offer.position = maybe(below(50))
        offer.sessionID = maybe(text("s"))
        offer.context = attributes()
        offer.item = below(6) == 0 ? item(itemID) : nil
        return offer
    }

    mutating func next() -> Event {
        count += 1
        let body: Event.Body =
            switch below(9) {
            case 0: .impression(offer())
            case 1: .click(offer())
            case 2:
                .purchase(
                    .init(
                        offer: offer(), quantity: 1 + below(9), paid: maybe(number(100)),
                        orderID: maybe(text("o"))))
            case 3:
                .refund(
                    .init(
                        userID: maybe(text("u")), orderID: text("o"),
                        purchaseEventID: maybe(text("p")),
                        itemID: maybe(text("i")), quantity: maybe(1 + below(5))))
            case 4: .item(item(text("i")))
            case 5:
                .outcome(
                    .init(
                        offer: offer(), clicked: maybe(true), purchased: below(2) == 0,
                        quantity: maybe(1 + below(3)), samplingRate: maybe(1 - random.unit())))
            case 6: .identify(anonymousID: text("a"), userID: text("u"))
            case 7: .objection(userID: text("u"))
            default: .erase(userID: text("u"))
            }
        return Event(
            eventID: "e\(count)", tsMs: EventLimits.tsMsMin + Int64(below(1 << 40)), body: body,
            extra: maybe(text()))
    }
}

@Suite struct EventEncoderTests {
    @Test("what the encoder writes decodes to the same event")
    func roundTrip() throws {
        var generator = EventGenerator(seed: 11)
        let decoder = EventDecoder(extraField: "phase")
        for _ in 0..<20_000 {
            let event = generator.next()
            let json = EventEncoder.encode(event, extraField: "phase")
            let read = try decoder.decode(json)
            // Swift's String equality is canonical; the bytes must be the same ones too.
            #expect(read == event, "\(String(decoding: json, as: UTF8.self))")
            #expect(EventEncoder.encode(read, extraField: "phase") == json)
        }
    }

    @Test("the bytes are those of the first release")
    func stableBytes() {
        let offer = Event.Offer(
            userID: "u", itemID: "i", price: 10, discount: 0.1,
            context: [.init("a", .number(0.5)), .init("b", .text("x\"y\n"))])
        let event = Event(
            eventID: "e", tsMs: 1_700_000_000_012,
            body: .purchase(.init(offer: offer, quantity: 2, paid: 9)))
        let expected =
            #"{"type":"purchase","event_id":"e","ts":1700000000012,"user_id":"u","item_id":"i","#
            + #""price":10,"discount":0.1,"context":{"a":0.5,"b":"x\"y\n"},"quantity":2,"paid":9}"#
        #expect(String(decoding: EventEncoder.encode(event), as: UTF8.self) == expected)
    }
}

@Suite struct DecoderFuzzTests {
    /// Breaks `bytes` in one of the ways in which bytes break.
    private func mutated(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.next() % 3 {
            guard !bytes.isEmpty else { break }
            let place = Int(random.next() % UInt64(bytes.count))
            let other = Int(random.next() % UInt64(bytes.count))
            switch random.next() % 7 {
            case 0: bytes[place] ^= 1 << UInt8(random.next() % 8)
            case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(bytes[other], at: place)
            case 4: bytes.removeSubrange(min(place, other)..<max(place, other))
            case 5:
                bytes.insert(contentsOf: bytes[min(place, other)...max(place, other)], at: place)
            default:
                let words = [
                    "null", "-1", "1e309", "NaN", "{}", "[]", "\"\"", "true", ",", ":", "0",
                ]
                bytes.insert(
                    contentsOf: words[Int(random.next() % UInt64(words.count))].utf8, at: place)
            }
        }
        return bytes
    }

    @Test("mutated events end as an event that encodes again, or as an error with a sentence")
    func mutations() {
        var generator = EventGenerator(seed: 21)
        var random = SeededRandom(seed: 22)
        let decoder = EventDecoder(extraField: "phase")
        var accepted = 0
        var codes: Set<String> = []
        for round in 0..<60_000 {
            let bytes = mutated(EventEncoder.encode(generator.next()), &random)
            do throws(EventError) {
                let event = try decoder.decode(
                    bytes, timestampMs: round % 2 == 0 ? nil : 1 << 39, defaultType: .click)
                accepted += 1
                let again = EventEncoder.encode(event, extraField: "phase")
                do throws(EventError) {
                    let read = try decoder.decode(again)
                    #expect(read == event, "round \(round)")
                } catch {
                    Issue.record("round \(round): an accepted event is refused again: \(error)")
                }
            } catch {
                codes.insert(error.code)
                #expect(!error.description.isEmpty, "round \(round)")
            }
        }
        #expect(accepted > 1000, "the mutations leave some events whole")
        #expect(
            codes.isSuperset(of: [
                "malformed_json", "not_utf8", "missing_field", "invalid_field", "unknown_type",
                "clock_skew", "duplicate_key",
            ]), "\(codes.sorted())")
    }

    @Test("random bytes are refused, never trapped on")
    func noise() {
        var random = SeededRandom(seed: 23)
        let decoder = EventDecoder()
        for round in 0..<20_000 {
            let bytes = (0..<random.next() % 64).map { _ in
                UInt8(truncatingIfNeeded: random.next() >> 20)
            }
            #expect(throws: EventError.self, "round \(round)") { try decoder.decode(bytes) }
        }
    }
}
