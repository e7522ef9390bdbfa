import Engine
import Records
import Schemas
import SnapshotStore

/// How recommendations are written for whoever reads them.
package struct OfferForm: Sendable {
    let settings: Configuration.Publish
    /// What bodies are written by; `nil` where they are JSON as it is.
    package let schema: SchemaBundle?
    private let codec: Codec

    private enum Codec: Sendable {
        /// As it is, or with the frame of a schema.
        case json
        case avro(AvroEncoder)
        case protobuf(ProtoEncoder)
    }

    /// Of what recommendations have in them; a change that readers must know of is a new one.
    static let schemaVersion = 1

    /// - Throws: `SchemaError` where a schema of the program cannot be used.
    package init(_ settings: Configuration.Publish) throws(SchemaError) {
        self.settings = settings
        switch settings.format {
        case .json: (schema, codec) = (nil, .json)
        case .jsonSchema:
            let text = String(
                decoding: PackageResources.recommendation_schema_json, as: UTF8.self)
            (schema, codec) = (SchemaBundle(kind: .json, text: text), .json)
        case .avro:
            let text = String(decoding: PackageResources.recommendation_avsc, as: UTF8.self)
            schema = SchemaBundle(kind: .avro, text: text)
            codec = .avro(try AvroEncoder(text))
        case .protobuf:
            let text = String(decoding: PackageResources.recommendation_proto, as: UTF8.self)
            schema = SchemaBundle(kind: .protobuf, text: text)
            codec = .protobuf(try ProtoEncoder(text))
        }
    }

    /// Topics whose subjects need the schema.
    var topics: [String] {
        [settings.topic] + (settings.stateTopic.isEmpty ? [] : [settings.stateTopic])
    }

    /// What is published of a recommendation.
    ///
    /// - Parameter schemas: the ids that the registry gave; needed where there is a schema.
    package func message(
        _ recommendation: Recommendation, _ schemas: OutgoingSchemas?
    ) throws -> OutboxMessage {
        try message(
            recommendation, topic: settings.topic,
            key: OfferKey.bytes(settings.key, recommendation.userID, recommendation.itemID),
            schemas)
    }

    /// What the topic of standing offers is told. Its key is always of shopper and item: under another one
    /// the end of an offer would delete an offer of something else.
    func stateMessage(_ word: OfferStates.Word, _ schemas: OutgoingSchemas?) throws
        -> OutboxMessage
    {
        let key = OfferKey.bytes(.userItem, word.userID, word.itemID)
        guard let recommendation = word.recommendation else {
            // Of nobody: it must go out also where the shopper is erased before it does.
            return OutboxMessage(topic: settings.stateTopic, key: key, value: nil, owner: nil)
        }
        return try message(recommendation, topic: settings.stateTopic, key: key, schemas)
    }

    /// - Throws: what an encoder says; never for a recommendation of this program.
    func message(
        _ recommendation: Recommendation, topic: String, key: [UInt8], _ schemas: OutgoingSchemas?
    ) throws -> OutboxMessage {
        let document = OfferDocument(recommendation, settings)
        let event = CloudEvent(document, source: settings.source, key: key)
        var headers: [OutboxMessage.Header] = []
        switch settings.envelope {
        case .none: break
        case .structured: headers = CloudEvent.structuredHeaders
        case .binary: headers = event.binaryHeaders(contentType: contentType)
        }
        if settings.headers { headers += Self.origin(recommendation) }
        var message = OutboxMessage(
            topic: topic, key: key, value: nil, headers: headers,
            owner: RowOwner(user: recommendation.userID))
        switch codec {
        case .json:
            message.value =
                try settings.envelope == .structured ? event.json() : document.json()
        case .avro(let encoder): message.value = try encoder.body(try document.json())
        case .protobuf(let encoder): message.value = try encoder.body(try document.json())
        }
        return schemas?.framed(message) ?? message
    }

    private var contentType: String {
        switch settings.format {
        case .json, .jsonSchema: "application/json"
        case .avro: "application/avro"
        case .protobuf: "application/protobuf"
        }
    }

    /// What decided, by headers.
    private static func origin(_ recommendation: Recommendation) -> [OutboxMessage.Header] {
        [
            ("tidemark-snapshot", recommendation.snapshot),
            ("tidemark-lineage", String(recommendation.recommendationID.prefix { $0 != "-" })),
            ("tidemark-schema-version", String(schemaVersion)),
        ].map { .init(name: $0.0, value: Array($0.1.utf8)) }
    }
}

/// Keys of records.
enum OfferKey {
    static func bytes(
        _ key: Configuration.Publish.Key, _ userID: String, _ itemID: String
    ) -> [UInt8] {
        switch key {
        case .user: Array(userID.utf8)
        case .item: Array(itemID.utf8)
        case .userItem: escaped(userID) + [bar] + escaped(itemID)
        }
    }

    private static let (bar, backslash) = (UInt8(ascii: "|"), UInt8(ascii: "\\"))

    /// Two pairs never have one key: in a compacted topic one would take the other's place.
    private static func escaped(_ id: String) -> [UInt8] {
        id.utf8.flatMap { $0 == bar || $0 == backslash ? [backslash, $0] : [$0] }
    }
}
