/// Turns bodies in Avro's binary encoding into JSON.
///
/// How values are written: a union as the value of its branch; decimals as numbers with their exact
/// digits; dates, times and timestamps as text (`"2026-11-30T10:15:30.5Z"`), so that no unit has to
/// be known; bytes and fixed in Base64; enums by symbol; numbers that are not finite as `null`.
public struct AvroDecoder: Sendable {
    private let plan: AvroPlan

    /// - Parameters:
    ///   - writer: the schema of whoever wrote the bodies.
    ///   - reader: the schema that is wanted; `nil` takes what was written as it is.
    /// - Throws: `SchemaError` where a schema is larger or deeper than is read, or a default does not
    ///   fit its type. What cannot be resolved is told by the body that has it.
    public init(writer: AvroSchema, reader: AvroSchema? = nil) throws(SchemaError) {
        plan = try AvroPlanner.plan(writer: writer, reader: reader)
    }

    /// Appends one body's JSON.
    ///
    /// - Throws: `PayloadFault`; what was written until then is of no use.
    /// - Complexity: linear in the body and the JSON.
    public func decode(_ body: UnsafeRawBufferPointer, _ out: inout JSONOutput) throws(PayloadFault)
    {
        var reader = unsafe AvroReader(plan, body)
        try reader.read(&out)
    }
}
