/// Turns JSON into bodies in Avro's binary encoding: the inverse of `AvroDecoder`.
///
/// Values are taken as `AvroDecoder` writes them. Of a union the first branch that fits is taken. A field
/// that is not there has its default. Members that the schema does not have are left out.
public struct AvroEncoder: Sendable {
    private let schema: AvroSchema

    /// - Throws: `SchemaError` where the schema cannot be read.
    public init(_ text: String) throws(SchemaError) { schema = try AvroSchema(text) }

    /// One body.
    ///
    /// - Throws: `SchemaError` with the field whose value does not fit.
    public func body(_ json: [UInt8]) throws(SchemaError) -> [UInt8] {
        let value = try SchemaJSON(json)
        var writer = AvroValues(schema, form: .decoded, bytesMax: SchemaJSON.bytesMax)
        guard writer.write(value, schema.root, 0) else {
            throw SchemaError(writer.faultPlace, "the value is not of the schema's type")
        }
        return writer.bytes
    }
}
