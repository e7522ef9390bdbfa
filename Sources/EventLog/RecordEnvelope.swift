import Events
import Records

/// A captured record as one line of JSON, told apart from an event by its first key.
///
/// `{"tidemark_record":1,"topic":…,"partition":…,"offset":…,"timestamp":…,"key":…,"value":…,
/// "headers":[{"name":…,"value":…}]}`. Bytes that are UTF-8 stand in `key` and `value` as a string;
/// others in `key_base64` and `value_base64`. A tombstone has `"value":null`; an absent key, header
/// list or timestamp is left out.
enum RecordEnvelope {
    static let marker = "tidemark_record"
    static let version: Int64 = 1
    /// Kafka's own bound on a topic's name.
    private static let topicBytesMax = 249

    static func line(_ record: SourceRecord) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("tidemark_record", version)
        json.field("topic", record.position.topic)
        json.field("partition", Int64(record.position.partition))
        json.field("offset", record.offset)
        if let timestampMs = record.timestampMs { json.field("timestamp", timestampMs) }
        if let key = record.key { write("key", "key_base64", key, &json) }
        if let value = record.value {
            write("value", "value_base64", value, &json)
        } else {
            json.null("value")
        }
        if !record.headers.isEmpty {
            json.beginArray("headers")
            for header in record.headers {
                json.beginObject()
                json.field("name", header.name)
                write("value", "value_base64", header.value, &json)
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }

    /// Base64 as well where escaping would take more room than it.
    private static func write(
        _ key: StaticString, _ base64Key: StaticString, _ bytes: [UInt8], _ json: inout JSONWriter
    ) {
        let escaped = bytes.lazy.filter { $0 < 0x20 }.count
        if 5 * escaped <= bytes.count / 3, isUTF8(bytes) {
            json.field(key, utf8: bytes)
        } else {
            json.field(base64Key, utf8: Base64.encode(bytes))
        }
    }

    /// The record in the line, or `nil` when the line is no envelope.
    ///
    /// - Throws: when the line is an envelope and not a whole one.
    static func record(_ line: [UInt8], _ parser: JSONParser) throws(EnvelopeError)
        -> SourceRecord?
    {
        guard mentionsMarker(line) else { return nil }
        // What is not JSON is left to the event decoder, which says why.
        guard let document = try? parser.value(line), let version = document[marker] else {
            return nil
        }
        guard version == .integer(Self.version) else {
            throw EnvelopeError(reason: "\(marker): only version \(Self.version) can be read")
        }
        guard case .text(let topic)? = document["topic"] else {
            throw EnvelopeError(reason: "topic: must be a string")
        }
        guard (1...topicBytesMax).contains(topic.utf8.count) else {
            throw EnvelopeError(reason: "topic: must be 1 to \(topicBytesMax) bytes long")
        }
        let partition = try integer(document, "partition", 0...Int64(Int32.max))
        let position = TopicPartition(topic: topic, partition: Int32(partition))
        var record = SourceRecord(
            position: position, offset: try integer(document, "offset", 0...Int64.max), value: nil)
        if document["timestamp"] != nil {
            record.timestampMs = try integer(document, "timestamp", Int64.min...Int64.max)
        }
        record.key = try bytes(document, "key")
        guard document["value"] != nil || document["value_base64"] != nil else {
            throw EnvelopeError(reason: "value: is missing (null stands for a tombstone)")
        }
        record.value = try bytes(document, "value")
        record.headers = try headers(document)
        return record
    }

    private static func headers(_ document: JSONValue) throws(EnvelopeError)
        -> [(name: String, value: [UInt8])]
    {
        guard let listed = document["headers"] else { return [] }
        guard case .array(let elements) = listed else {
            throw EnvelopeError(reason: "headers: must be an array")
        }
        var headers: [(name: String, value: [UInt8])] = []
        for element in elements {
            guard case .text(let name)? = element["name"],
                let value = try bytes(element, "value")
            else { throw EnvelopeError(reason: "headers: each must have a name and a value") }
            headers.append((name: name, value: value))
        }
        return headers
    }

    private static func integer(
        _ document: JSONValue, _ key: String, _ range: ClosedRange<Int64>
    ) throws(EnvelopeError) -> Int64 {
        guard case .integer(let value)? = document[key], range.contains(value) else {
            throw EnvelopeError(
                reason: "\(key): must be an integer from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    /// The bytes under `key` or `key_base64`; `nil` when neither is there or `key` is null.
    private static func bytes(_ document: JSONValue, _ key: String) throws(EnvelopeError)
        -> [UInt8]?
    {
        if let encoded = document[key + "_base64"] {
            guard case .text(let text) = encoded, let bytes = Base64.decode(text) else {
                throw EnvelopeError(reason: "\(key)_base64: must be Base64")
            }
            return bytes
        }
        switch document[key] {
        case nil, .null: return nil
        case .text(let text): return Array(text.utf8)
        default: throw EnvelopeError(reason: "\(key): must be a string or null")
        }
    }
}

/// Why a line that calls itself a captured record is none.
struct EnvelopeError: Error {
    let reason: String
}

private func isUTF8(_ bytes: [UInt8]) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
}

/// Whether the marker stands anywhere in the line: a quick look that spares events a second parse.
///
/// Source: R. N. Horspool, "Practical fast searching in strings", 1980.
private func mentionsMarker(_ line: [UInt8]) -> Bool {
    var end = markerBytes.count - 1
    while end < line.count {
        let byte = line[end]
        if byte == markerBytes[markerBytes.count - 1],
            line[(end - markerBytes.count + 1)...end].elementsEqual(markerBytes)
        {
            return true
        }
        end += markerShifts[Int(byte)]
    }
    return false
}

private let markerBytes = Array(RecordEnvelope.marker.utf8)

/// How far the search moves on after a byte: to where the marker has it next, or past it.
private let markerShifts: [Int] = {
    var shifts = [Int](repeating: markerBytes.count, count: 256)
    for (index, byte) in markerBytes.dropLast().enumerated() {
        shifts[Int(byte)] = markerBytes.count - 1 - index
    }
    return shifts
}()
