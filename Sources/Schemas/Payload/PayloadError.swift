/// Why a record's payload gives no JSON. The description is a sentence for the dead-letter topic.
public enum PayloadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Its schema is not known here: the registry is to be asked, and the record waits. No fault of
    /// the record.
    case unknownSchema(SchemaID)
    /// It has no frame, and the topic's format needs one.
    case unframed(PayloadFormat)
    /// Its frame is cut short, or has an index that is none.
    case frame(PayloadFault)
    /// Its schema is of another kind than the topic is set to.
    case otherKind(SchemaID, found: SchemaBundle.Kind, configured: PayloadFormat)
    /// Its schema cannot be used.
    case schema(SchemaID, SchemaError)
    /// It gives more JSON than is read.
    case tooLarge(byteCount: Int, jsonBytesMax: Int)
    /// Its body is not what the schema says.
    case body(SchemaID, SchemaBundle.Kind, PayloadFault)

    /// Whether the record is to wait for its schema instead of being put aside.
    public var isAboutRegistry: Bool {
        if case .unknownSchema = self { true } else { false }
    }

    /// One sentence.
    public var description: String {
        switch self {
        case .unknownSchema(let id): "\(id) is not known: the registry is to be asked"
        case .unframed(let format):
            "the record does not begin with a schema's id, and has no header "
                + "\(SchemaFrame.headerName); the topic is set to \(format.rawValue)"
        case .frame(let fault): "the frame of the schema's id cannot be read: \(fault)"
        case .otherKind(let id, let found, let configured):
            "it is Confluent-framed \(found.title), \(id), but the topic is set to "
                + configured.rawValue
        case .schema(let id, let error): "\(id) cannot be used: \(error)"
        case .tooLarge(let count, let bound):
            "its \(count) bytes give more than \(bound) bytes of JSON"
        case .body(let id, let kind, let fault):
            "it is no \(kind.title) of \(id): \(fault)"
        }
    }

    /// A short stable name for counters and message headers.
    public var code: String {
        switch self {
        case .unknownSchema: "unknown_schema"
        case .unframed: "unframed"
        case .frame: "framing"
        case .otherKind: "other_format"
        case .schema: "unusable_schema"
        case .tooLarge: "too_large"
        case .body: "malformed_body"
        }
    }
}

/// What the payloads of a topic are. Raw values are those of the settings.
public enum PayloadFormat: String, Sendable, CaseIterable {
    /// JSON as it is, or framed by its schema's id.
    case json
    /// Avro's binary encoding, framed.
    case avro
    /// Protocol Buffers, framed.
    case protobuf
    /// JSON, framed by the id of its JSON Schema.
    case jsonSchema = "json_schema"

    /// The kind of schema that it needs; `nil` for one that needs none.
    var kind: SchemaBundle.Kind? {
        switch self {
        case .json: nil
        case .avro: .avro
        case .protobuf: .protobuf
        case .jsonSchema: .json
        }
    }
}

extension SchemaBundle.Kind {
    /// For messages.
    var title: String {
        switch self {
        case .avro: "Avro"
        case .protobuf: "Protobuf"
        case .json: "JSON"
        }
    }
}
