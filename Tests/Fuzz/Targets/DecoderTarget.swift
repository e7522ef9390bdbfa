import Events

/// Any bytes as the payload of a record: an event or a reason, and an event survives encoding.
enum DecoderTarget: FuzzTarget {
    static let name = "decoder"

    /// Keeps nothing of a record but the size of its buffers. Used by one thread at a time: the
    /// fuzzer's, or that of the one test that runs this target.
    nonisolated(unsafe) private static let decoder = EventDecoder(extraField: "phase")

    static func run(_ bytes: UnsafeRawBufferPointer) {
        // The broker's clock may say anything: the length chooses what.
        let clocks: [Int64?] = [nil, 1_767_225_600_000, .min, .max]
        let timestampMs = clocks[bytes.count % clocks.count]
        let event = unsafe try? decoder.decode(bytes, timestampMs: timestampMs, defaultType: .click)
        if let event {
            precondition(event.isFinite, "a number of the event is not finite: \(event)")
            let again = unsafe try? decoder.decode(EventEncoder.encode(event, extraField: "phase"))
            precondition(again == event, "\(event) came back as \(again as Any)")
        }
    }

    static let seeds: [[UInt8]] = [
        #"{"type":"click","event_id":"c","ts":1767225600000,"user_id":"u","item_id":"i","price":9.5,"#
            + #""discount":0.1,"recommendation_id":"r","propensity":0.5,"position":3,"session_id":"s","#
            + #""context":{"page":"home","n":1e308},"item":{"item_id":"i","title":"T","category":"K"}}"#,
        #"{"type":"purchase","event_id":"p","ts":"2026-01-01T00:00:00.5+02:00","user_id":"u","#
            + #""item_id":"i","price":1e12,"quantity":2.0,"paid":0,"order_id":"o","phase":7}"#,
        #"{"type":"refund","event_id":"r","ts":946684800000,"user_id":"u","purchase_event_id":"p","quantity":1}"#,
        #"{"type":"item","event_id":"i","ts":253402300799999,"item_id":"i","title":"Kettle \u00e9\ud83d\ude00","#
            + #""description":"d","brand":"b","attributes":{"a":true,"b":1},"price":5e-324,"cost":0,"#
            + #""stock":-1e12,"deleted":false}"#,
        #"{"type":"outcome","event_id":"o","ts":946684800001,"user_id":"u","item_id":"i","price":1,"clicked":true,"#
            + #""purchased":false,"sampling_rate":1e-300}"#,
        #"{"type":"erase","event_id":"e","ts":946684800001,"user_id":"u","x":[[[{"y":null}]]],"phase":"two"}"#,
        #"{"event_id":"d","ts":946684800001,"user_id":"u","item_id":"i","price":1,"price":2}"#,
        "\0\0\0\0\u{1}{}",
    ].map { Array($0.utf8) }
}

extension Event {
    /// Whether each of the event's numbers is one.
    fileprivate var isFinite: Bool {
        let numbers: [Double?] =
            switch body {
            case .item(let item): item.numbers
            case .outcome(let outcome): outcome.offer.numbers + [outcome.samplingRate]
            case .purchase(let purchase): purchase.offer.numbers + [purchase.paid]
            default: offer?.numbers ?? []
            }
        return numbers.allSatisfy { $0?.isFinite ?? true }
    }
}

extension Event.Offer {
    fileprivate var numbers: [Double?] {
        [price, discount, propensity] + context.map(\.number) + (item?.numbers ?? [])
    }
}

extension Event.Item {
    fileprivate var numbers: [Double?] {
        [price, cost, stock, minPrice] + attributes.map(\.number)
    }
}

extension Event.Attribute {
    fileprivate var number: Double? {
        if case .number(let number) = value { number } else { nil }
    }
}
