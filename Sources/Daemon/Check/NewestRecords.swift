import Events
import Records
import SchemaRegistry
import Schemas

/// What the daemon would make of the newest records of a topic: nothing is committed or kept.
package struct NewestRecords {
    /// Records that are looked at, of all partitions.
    package static let limit = 100

    private(set) var accepted = 0
    private(set) var ignored = 0
    private(set) var refused = 0
    /// Records that the registry gives no schema for.
    private(set) var waiting = 0
    private var why: String?
    /// By code: how many, and the first one's words.
    private var reasons: [String: (count: Int, first: String)] = [:]

    package init() {}

    /// - Parameter clockMs: now.
    mutating func take(_ record: SourceRecord, _ decoding: Decoding, clockMs: Int64) {
        do { try decoding.fetchSchemas(for: [record]) } catch {
            waiting += 1
            why = why ?? "\(error)"
            return
        }
        var hasEvent = false
        for input in decoding.decode([record], clockMs: clockMs) {
            switch input.event {
            case .success: hasEvent = true
            case .failure(let rejected) where rejected.code == EventError.ignoredCode: continue
            case .failure(let rejected):
                refused += 1
                let known = reasons[rejected.code]
                reasons[rejected.code] = (
                    (known?.count ?? 0) + 1,
                    known?.first ?? "\(record.position):\(record.offset): \(rejected.reason)"
                )
                return
            }
        }
        if hasEvent { accepted += 1 } else { ignored += 1 }
    }

    /// Whether each record is of use, or none of the daemon's.
    package var isFine: Bool { refused == 0 && waiting == 0 }

    /// What was found, in a sentence.
    package var description: String {
        let count = accepted + ignored + refused + waiting
        guard count > 0 else { return "has no records yet" }
        var parts = [
            "of the newest \(count) records \(accepted) would be accepted (\(Self.share(accepted, count)))"
        ]
        if ignored > 0 { parts.append("\(ignored) passed over") }
        if refused > 0 {
            let told = reasons.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.map {
                "\($0.value.count) \($0.key), as \($0.value.first)"
            }
            parts.append("\(refused) refused: " + told.joined(separator: "; "))
        }
        if let why { parts.append("\(waiting) wait for a schema: \(why)") }
        return parts.joined(separator: ", ")
    }

    private static func share(_ part: Int, _ whole: Int) -> String {
        let tenths = (part * 1_000 + whole / 2) / whole
        return "\(tenths / 10).\(tenths % 10) %"
    }
}

extension Wiring {
    /// Reads the newest records of each topic as the daemon would, and says what came of them.
    func newestRecords() throws -> [(topic: String, found: Result<NewestRecords, any Error>)] {
        let decoding = try streamDecoding()
        if let client = try registryClient() {
            decoding.payloads?.draw(
                from: SchemaSource(registry: registryName, shelf: MemoryShelf(), client: client))
        }
        return configuration.kafka.topics.map(\.name).map { topic in
            var newest = NewestRecords()
            let clockMs = wallTimeMs()
            let found = Result {
                try MappingSample.read(
                    topic: topic, limit: NewestRecords.limit, configuration
                ) { newest.take($0, decoding, clockMs: clockMs) }
                return newest
            }
            return (topic, found)
        }
    }
}
