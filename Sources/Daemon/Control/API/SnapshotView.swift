import Foundation
import Records
import SnapshotStore

/// A snapshot as `--json` prints it.
package struct SnapshotView: Codable {
    package let id: String
    package let parent: String?
    package let lineage: UInt32
    package let sequence: UInt64
    package let created: String
    package let event_time: String
    package let cause: String
    package let tags: [String]
    package let head: Bool
    package let champion: Bool
    package let champion_times: [Period]
    package let replayable: Bool
    package let rewindable: Bool
    package let whole: Bool
    package let state_sha256: String
    package let weights_sha256: String
    package let base_sha256: String
    package let configuration_sha256: String
    package let cluster: String
    /// Topic to partition to the next offset to read.
    package let offsets: [String: [String: Int64]]
    package let metrics: MetricsJSON
    package let counters: [String: Int64]
    package let state_bytes: Int
    package let new_bytes: Int
    package let chunks: Int
    package var configuration: String?
    package var platform: String?
    package var tables: [Table]?

    package struct Period: Codable {
        package let from: String
        package let until: String?
    }

    package struct Table: Codable {
        package let name: String
        package let kind: String
        package let rows: Int
        package let bytes: Int
        package let chunks: Int
        package let sha256: String
    }

    package init(_ listing: SnapshotListing) {
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

    /// With its configuration, platform and tables.
    package init(full listing: SnapshotListing, of store: SnapshotStore) throws {
        self.init(listing)
        let texts = try store.texts(of: listing.record)
        configuration = texts.configuration
        platform = texts.platform
        tables = try store.tables(of: listing.record).map {
            Table(
                name: $0.table.name, kind: "\($0.table.kind)", rows: $0.rows, bytes: $0.bytes,
                chunks: $0.chunks, sha256: $0.digest.hex)
        }
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
