import Engine
import Records
import SnapshotStore

/// A recommendation as a CloudEvent.
///
/// Source: CloudEvents 1.0.2; "Kafka Protocol Binding for CloudEvents"; its extension "Partitioning".
struct CloudEvent: Encodable {
    /// Of every recommendation.
    static let type = "tidemark.recommendation"

    /// The document, in structured mode.
    let data: OfferDocument
    let id: String
    let source: String
    let time: String
    let partitionkey: String
    let type = Self.type
    let specversion = "1.0"
    let datacontenttype = "application/json"

    init(_ document: OfferDocument, source: String, key: [UInt8]) {
        data = document
        id = document.recommendation.recommendationID
        time = document.recommendation.issuedAt
        partitionkey = String(decoding: key, as: UTF8.self)
        self.source = source
    }

    func json() throws -> [UInt8] { Array(try JSONText.data(self)) }

    static let structuredHeaders = [
        OutboxMessage.Header(
            name: "content-type", value: Array("application/cloudevents+json; charset=UTF-8".utf8))
    ]

    /// The attributes as headers.
    func binaryHeaders(contentType: String) -> [OutboxMessage.Header] {
        [
            ("content-type", contentType), ("ce_specversion", specversion), ("ce_type", type),
            ("ce_source", source), ("ce_id", id), ("ce_time", time),
            ("ce_partitionkey", partitionkey),
        ].map { .init(name: $0.0, value: Array($0.1.utf8)) }
    }
}
