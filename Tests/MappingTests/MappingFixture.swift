import Daemon
import Events
import Foundation
import Mapping
import Records

/// Mappings and records for tests.
enum MappingFixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "deploy/mappings")

    static func mapping(_ yaml: String, currency: String? = nil) throws -> Mapping {
        try MappingFile.mapping(yaml: yaml, name: "shop.yaml", currency: currency)
    }

    /// A mapping whose one rule makes a click with these fields in place of the usual ones.
    static func click(_ fields: [String: String], top: String = "") throws -> Mapping {
        let usual = [
            "event_id": "id", "ts": "at", "user_id": "user", "item_id": "item", "price": "price",
        ]
        let lines = usual.merging(fields) { $1 }.sorted { $0.key < $1.key }
            .map { "      \($0.key): \($0.value)" }
        return try mapping(
            """
            \(top)
            rules:
              - name: seen
                then: click
                fields:
            \(lines.joined(separator: "\n"))
            otherwise: dead_letter
            """)
    }

    static func record(
        _ value: String, headers: [(String, String)] = [], key: String? = nil
    ) -> SourceRecord {
        SourceRecord(
            position: TopicPartition(topic: "shop", partition: 3), offset: 41,
            timestampMs: 1_795_953_000_000, key: key.map { Array($0.utf8) },
            value: Array(value.utf8), headers: headers.map { ($0.0, Array($0.1.utf8)) })
    }

    /// Time that this thread has run.
    static var threadSeconds: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    static func decode(_ mapping: Mapping, _ record: SourceRecord) -> [MappedElement] {
        MappingDecoder(mapping, EventDecoder()).decode(record, clockMs: nil)
    }

    static func decode(_ mapping: Mapping, _ value: String) -> [MappedElement] {
        decode(mapping, record(value))
    }
}

extension [MappedElement] {
    var events: [Event] {
        compactMap { if case .event(let event) = $0.outcome { event } else { nil } }
    }

    var reasons: [String] {
        compactMap { if case .refused(let reason, _, _) = $0.outcome { reason } else { nil } }
    }
}

/// What is wrong with a mapping; empty where nothing is.
func problems(_ yaml: String, currency: String? = nil) -> [String] {
    do throws(MappingProblems) {
        _ = try MappingFile.mapping(yaml: yaml, name: "shop.yaml", currency: currency)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}
