/// A field's default as the JSON that a written value would have given.
///
/// The default is written as Avro by the reader's schema, and read as any value is.
struct AvroDefault {
    let schema: AvroSchema

    /// Bytes of one default, and values in it, at most.
    private static let sizeMax = 64 << 10

    /// - Throws: `SchemaError` with the field, where the default is not of its type.
    func json(_ value: SchemaJSON, _ type: Int, _ field: String) throws(SchemaError) -> [UInt8] {
        var writer = AvroValues(schema, form: .defaults, bytesMax: Self.sizeMax)
        guard writer.write(value, type, 0) else {
            throw SchemaError(field, "its default is not of its type")
        }
        var inner = schema
        inner.root = type
        let plan = try AvroPlanner.plan(writer: inner)
        var out = JSONOutput(bytesMax: Self.sizeMax)
        do throws(PayloadFault) {
            try unsafe writer.bytes.withUnsafeBufferPointer { body throws(PayloadFault) in
                var reader = unsafe AvroReader(plan, UnsafeRawBufferPointer(body))
                try reader.read(&out)
            }
        } catch {
            throw SchemaError(field, "its default cannot be read: \(error)")
        }
        return out.bytes
    }
}
