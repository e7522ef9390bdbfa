import Foundation
import Records

/// One entry of the journal: what changed the state, so that a replay can do it again.
enum JournalRecord: Sendable, Equatable {
    /// Records learned together: for each partition the first offset and the one behind the last.
    case batch(number: Int, ranges: [TopicPartition: Range<Int64>], records: Int)
    /// The configuration in effect from here on.
    case configuration(String)
    /// What a refresh of the adapters came to at this boundary.
    case refresh(String)
    /// Records that were lost before they could be read, and whose loss was accepted.
    case gap(TopicPartition, Range<Int64>)
    /// The verdict that a partition brings nothing for now, so that windows close without it.
    case idle(TopicPartition)
    /// The end of a log: events that waited for older ones were taken.
    case drained

    private struct Stored: Codable {
        var kind: String
        var number: Int?
        var records: Int?
        var ranges: [StoredRange]?
        var text: String?
    }

    private struct StoredRange: Codable {
        var topic: String
        var partition: Int32
        var from: Int64
        var to: Int64

        init(_ position: TopicPartition, _ range: Range<Int64>) {
            topic = position.topic
            partition = position.partition
            from = range.lowerBound
            to = range.upperBound
        }

        var parts: (TopicPartition, Range<Int64>)? {
            guard from <= to else { return nil }
            return (TopicPartition(topic: topic, partition: partition), from..<to)
        }
    }

    func encoded() throws -> [UInt8] {
        let stored: Stored
        switch self {
        case .batch(let number, let ranges, let records):
            let sorted = ranges.sorted { $0.key < $1.key }.map { StoredRange($0.key, $0.value) }
            stored = Stored(kind: "batch", number: number, records: records, ranges: sorted)
        case .configuration(let text): stored = Stored(kind: "configuration", text: text)
        case .refresh(let text): stored = Stored(kind: "refresh", text: text)
        case .gap(let position, let range):
            stored = Stored(kind: "gap", ranges: [StoredRange(position, range)])
        case .drained: stored = Stored(kind: "drained")
        case .idle(let position):
            stored = Stored(kind: "idle", ranges: [StoredRange(position, 0..<0)])
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(stored))
    }

    /// `nil` for an entry that is none of these.
    init?(encoded bytes: [UInt8]) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(bytes)) else {
            return nil
        }
        let ranges = (stored.ranges ?? []).compactMap(\.parts)
        switch (stored.kind, stored.number, stored.records, stored.text) {
        case ("batch", let number?, let records?, _):
            let byPosition = Dictionary(ranges) { first, _ in first }
            self = .batch(number: number, ranges: byPosition, records: records)
        case ("configuration", _, _, let text?): self = .configuration(text)
        case ("refresh", _, _, let text?): self = .refresh(text)
        case ("gap", _, _, _):
            guard let (position, range) = ranges.first else { return nil }
            self = .gap(position, range)
        case ("drained", _, _, _): self = .drained
        case ("idle", _, _, _):
            guard let (position, _) = ranges.first else { return nil }
            self = .idle(position)
        default: return nil
        }
    }
}
