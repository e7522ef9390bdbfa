import Foundation
import Records
import SnapshotStore

/// Any JSON value, for metrics that the store keeps as text.
enum MetricsJSON: Codable, Sendable, Equatable {
    case null, bool(Bool), number(Double), string(String), array([MetricsJSON])
    case object([String: MetricsJSON])

    init(text: String) {
        let decoded = try? JSONDecoder().decode(MetricsJSON.self, from: Data(text.utf8))
        self = decoded ?? .string(text)
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([MetricsJSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: MetricsJSON].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// Every number in it with the path that leads there, in order.
    var numbers: [(path: String, value: Double)] {
        switch self {
        case .number(let value): [("", value)]
        case .array(let values):
            values.enumerated().flatMap { index, value in
                value.numbers.map {
                    ("\(index)" + ($0.path.isEmpty ? "" : "." + $0.path), $0.value)
                }
            }
        case .object(let fields):
            fields.sorted { $0.key < $1.key }.flatMap { name, value in
                value.numbers.map { (name + ($0.path.isEmpty ? "" : "." + $0.path), $0.value) }
            }
        case .null, .bool, .string: []
        }
    }
}

/// A snapshot as `--json` prints it.
struct SnapshotView: Encodable {
    let id: String
    let parent: String?
    let lineage: UInt32
    let sequence: UInt64
    let created: String
    let event_time: String
    let cause: String
    let tags: [String]
    let head: Bool
    let champion: Bool
    let champion_times: [Period]
    let replayable: Bool
    let rewindable: Bool
    let whole: Bool
    let state_sha256: String
    let weights_sha256: String
    let base_sha256: String
    let configuration_sha256: String
    let cluster: String
    /// Topic to partition to the next offset to read.
    let offsets: [String: [String: Int64]]
    let metrics: MetricsJSON
    let counters: [String: Int64]
    let state_bytes: Int
    let new_bytes: Int
    let chunks: Int
    var configuration: String?
    var platform: String?
    var tables: [Table]?

    struct Period: Encodable {
        let from: String
        let until: String?
    }

    struct Table: Encodable {
        let name: String
        let kind: String
        let rows: Int
        let bytes: Int
        let chunks: Int
        let sha256: String
    }

    init(_ listing: SnapshotListing) {
        let record = listing.record
        id = record.id
        parent = record.parent
        lineage = record.lineage
        sequence = record.sequence
        created = Timestamp.text(ms: record.createdMs)
        event_time = Timestamp.text(ms: record.eventTimeMs)
        cause = "\(record.cause)"
        tags = listing.tags
        head = listing.isHead
        champion = listing.isChampion
        champion_times = listing.championTimes.map {
            Period(
                from: Timestamp.text(ms: $0.fromMs),
                until: $0.untilMs.map { Timestamp.text(ms: $0) })
        }
        replayable = listing.isReplayable
        rewindable = listing.isRewindable
        whole = record.isWhole
        state_sha256 = record.stateDigest.hex
        weights_sha256 = record.weightsDigest.hex
        base_sha256 = record.base.hex
        configuration_sha256 = record.configuration.hex
        cluster = record.cluster
        offsets = Self.nested(record)
        metrics = MetricsJSON(text: record.metrics)
        counters = record.counters
        state_bytes = record.stateBytes
        new_bytes = record.newBytes
        chunks = record.chunkCount
    }

    private static func nested(_ record: SnapshotRecord) -> [String: [String: Int64]] {
        var offsets: [String: [String: Int64]] = [:]
        for offset in record.offsets where offset.cluster == record.cluster {
            let partition = String(offset.position.partition)
            offsets[offset.position.topic, default: [:]][partition] = offset.next
        }
        return offsets
    }
}

/// How snapshots' figures read in tables.
enum SnapshotText {
    /// `2026-11-23 12:00:00`: UTC, as the tables' headings say.
    static func time(_ milliseconds: Int64) -> String {
        milliseconds == 0
            ? "-"
            : Timestamp.text(ms: milliseconds).prefix(19).replacingOccurrences(of: "T", with: " ")
    }

    static func megabytes(_ bytes: Int) -> String {
        String(format: "%.2f MB", Double(bytes) / 1_000_000)
    }

    /// What people call a snapshot beside its id.
    static func names(_ listing: SnapshotListing) -> String {
        let own = (listing.isHead ? ["head"] : []) + (listing.isChampion ? ["champion"] : [])
        return (own + listing.tags).joined(separator: ", ")
    }
}
