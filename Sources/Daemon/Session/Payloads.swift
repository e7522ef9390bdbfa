import Engine
import Events
import Records
import SchemaRegistry
import Schemas

/// Payloads of topics that are not JSON as they are, made JSON before events are decoded.
///
/// Thread: one at a time, as the decoding that it belongs to.
final class Payloads {
    private let readers: [String: PayloadReader]
    /// Where schemas come from; `nil` until there is a store.
    private var source: SchemaSource?
    /// Ids that are waited for; `nil` where nobody waits.
    private var unknown: UnknownSchemas?
    /// Whether records are of logs, in which lines without a broker's time are events as they are.
    private let isOfLogs: Bool
    /// Ids that cannot be had, where their records are refused; `nil` where that is an error.
    private var refused: Set<SchemaID>?

    /// - Parameter formats: by topic; those that are JSON are left out.
    init(_ formats: [String: PayloadFormat], isOfLogs: Bool) {
        readers = formats.mapValues { PayloadReader($0) }
        self.isOfLogs = isOfLogs
    }

    private func reader(of record: SourceRecord) -> PayloadReader? {
        isOfLogs && record.timestampMs == nil ? nil : readers[record.position.topic]
    }

    /// Takes the schemas that are kept, and those that may be asked for.
    ///
    /// - Parameter patienceMs: of whoever waits for them: how long a registry may say that it does not
    ///   have an id; 0: for ever.
    func draw(from source: SchemaSource, patienceMs: Int? = nil) {
        self.source = source
        refused = nil
        unknown = patienceMs.map { UnknownSchemas(patienceMs: Int64($0)) }
    }

    /// The same where nobody waits, as in a replay: a record whose schema is unknown is refused, as a daemon
    /// does that has waited for long enough.
    func drawRefusing(from source: SchemaSource) {
        draw(from: source)
        refused = []
    }

    /// Whether a topic is among those.
    func reads(_ topic: String) -> Bool { readers[topic] != nil }

    /// The record with JSON as its value; others as they are.
    ///
    /// A schema that is kept is fetched here; one that would have to be asked for is the caller's to
    /// fetch before, by `fetch`.
    func json(of record: SourceRecord) throws(RejectedRecord) -> SourceRecord {
        guard let reader = reader(of: record), let value = record.value else { return record }
        do throws(PayloadError) { try read(value, record.headers, reader) } catch {
            throw RejectedRecord(reason: Self.reason(error, value), code: error.code)
        }
        var record = record
        record.value = reader.json
        return record
    }

    private func read(
        _ value: [UInt8], _ headers: [(name: String, value: [UInt8])], _ reader: PayloadReader
    ) throws(PayloadError) {
        if let id = reader.schema(of: value, headers: headers), !reader.holds(id), let source,
            let schema = try? source.kept(id)
        {
            reader.add(schema, as: id)
        }
        try reader.read(value, headers: headers)
    }

    /// Says too what the bytes look like, where they have no frame.
    private static func reason(_ error: PayloadError, _ value: [UInt8]) -> String {
        guard case .unframed = error else { return error.description }
        let isJSON = value.first == UInt8(ascii: "{") || value.first == UInt8(ascii: "[")
        let looks = isJSON ? "JSON" : UnreadableBody.looks(of: value)
        return error.description + (looks.map { "; it looks like \($0)" } ?? "")
    }

    /// Takes the schemas that records need and that are not held yet, from the store or the registry.
    ///
    /// - Parameter skips: records that are not looked at.
    /// - Throws: `RegistryError` with the first that cannot be had, `MissingSchema` where it is waited for
    ///   and the registry does not have it; what was had until then is held.
    func fetch(for records: [SourceRecord], skips: OffsetRanges) throws {
        guard let source, !readers.isEmpty else { return }
        for record in records {
            guard let reader = reader(of: record), let value = record.value,
                let id = reader.schema(of: value, headers: record.headers), !reader.holds(id),
                refused?.contains(id) != true,
                !skips.contains(record.offset, of: record.position)
            else { continue }
            guard unknown?.asks(id, nowMs: monotonicMs()) ?? true else { continue }
            do {
                reader.add(try source.schema(id), as: id)
                unknown?.note(found: id)
            } catch RegistryError.unknown(let what, let message) {
                try note(missing: id, RegistryError.unknown(what: what, message), record)
            }
        }
    }

    /// Throws: unless the id is given up.
    private func note(missing id: SchemaID, _ error: RegistryError, _ record: SourceRecord) throws {
        guard unknown != nil else {
            guard refused?.insert(id) != nil else { throw error }
            return
        }
        unknown?.note(missing: id, nowMs: monotonicMs())
        guard let unknown, !unknown.isGivenUp(id) else { return }
        throw MissingSchema(
            reason: "\(error)", patienceMs: Int(unknown.patienceMs),
            place: "\(record.position):\(record.offset)-\(record.offset)")
    }

    /// Why a record is not waited for any longer; `nil` for all others.
    func reasonGivenUp(_ record: SourceRecord) -> String? {
        guard let reader = reader(of: record), let value = record.value,
            let id = reader.schema(of: value, headers: record.headers), !reader.holds(id),
            let unknown, unknown.isGivenUp(id)
        else { return nil }
        return
            "the registry says that it does not have \(id), and said so for \(Duration.text(Int(unknown.patienceMs))) (registry.unknown_after); register it, then send the record again with 'tidemark deadletters redrive'"
    }
}

/// An id that the registry does not have, before it is given up.
struct MissingSchema: Error, CustomStringConvertible, ClassifiedFailure {
    var failureKind: FailureKind { .unavailable }

    /// The registry's words.
    let reason: String
    let patienceMs: Int
    /// The first record that needs it, as `--skip` takes it.
    let place: String

    var description: String {
        let end =
            patienceMs == 0
            ? "it is waited for until somebody acts"
            : "its records become dead letters after \(Duration.text(patienceMs)) (registry.unknown_after)"
        return
            "\(reason); register it, or start with --skip \(place); \(end)"
    }
}
