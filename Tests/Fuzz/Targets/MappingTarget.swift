import Daemon
import Events
import Mapping
import Records

/// Any bytes as a payload of each preset, or as a mapping that is then used.
///
/// Every payload comes to at least one element, and what is an event is one that reads back as the same.
enum MappingTarget: FuzzTarget {
    static let name = "mapping"

    /// Made once: they keep nothing of a payload but the size of a buffer. Used by one thread at a
    /// time: the fuzzer's, or that of the one test that runs this target.
    nonisolated(unsafe) private static let presets = Preset.allCases.map { preset in
        do {
            return MappingDecoder(
                try MappingFile.mapping(preset: preset, currency: "USD"), EventDecoder())
        } catch { preconditionFailure("preset \(preset.rawValue): \(error)") }
    }
    nonisolated(unsafe) private static let events = EventDecoder()

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let choice = unsafe bytes.first else { return }
        let rest = unsafe Array(bytes.dropFirst())
        let kind = Int(choice) % (Preset.allCases.count + 1)
        if kind < Preset.allCases.count {
            unsafe decode(rest, presets[kind])
        } else {
            own(rest)
        }
    }

    /// A mapping up to the first byte 0, and a payload behind it.
    private static func own(_ bytes: [UInt8]) {
        let text = bytes.prefix { $0 != 0 }
        guard
            let mapping = try? MappingFile.mapping(
                yaml: String(decoding: text, as: UTF8.self), name: "fuzz.yaml")
        else { return }
        decode(Array(bytes.dropFirst(text.count + 1)), MappingDecoder(mapping, EventDecoder()))
    }

    private static func decode(_ payload: [UInt8], _ decoder: MappingDecoder) {
        let record = SourceRecord(
            position: TopicPartition(topic: "t", partition: 3), offset: 7,
            timestampMs: 1_700_000_000_000, key: Array("k".utf8), value: payload,
            headers: [("ce_id", Array("1".utf8))])
        let found = decoder.decode(record, clockMs: 1_700_000_000_000)
        precondition(!found.isEmpty && found.count <= Mapping.elementsMax)
        for case .event(let event) in found.map(\.outcome) {
            do throws(EventError) {
                let again = try unsafe events.decode(EventEncoder.encode(event))
                precondition(again.eventID == event.eventID && again.type == event.type)
            } catch { preconditionFailure("what was made is no event: \(error)") }
        }
    }

    private static let order = #"""
        {"event":"Order Completed","userId":"u","messageId":"m","timestamp":"2026-01-02T03:04:05Z",
        "properties":{"order_id":"o","currency":"USD","products":[
        {"product_id":"p","price":1.5,"quantity":2},{"product_id":"q","price":"3,000.5"}]}}
        """#
    private static let mapping = """
        each: lines
        rules:
          - name: sale
            when: {path: t, equals: buy}
            then: purchase
            fields:
              event_id: {join: [o, i]}
              ts: {path: at, time: s}
              user_id: u
              item_id: i
              price: {path: p, number: text}
        otherwise: ignore
        """
    private static let sale = #"""
        {"t":"buy","o":"1","u":"a","at":1700000000,"lines":[{"i":"b","p":"1.5"}]}
        """#

    static let seeds: [[UInt8]] =
        Preset.allCases.indices.map { [UInt8($0)] + Array(order.utf8) }
        + [[UInt8(Preset.allCases.count)] + Array(mapping.utf8) + [0] + Array(sale.utf8)]
}
