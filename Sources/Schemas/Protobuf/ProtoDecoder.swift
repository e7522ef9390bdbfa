import Records

/// Turns bodies in Protobuf's encoding into JSON.
///
/// Names are those of the `.proto` file (`event_id`, not `eventId`). A field that was not written is
/// left out: without presence nobody can tell it from one at its default. Enums by name, maps as
/// objects, 64-bit numbers as numbers, bytes in Base64; timestamps, durations, wrappers and structs as
/// "ProtoJSON Format" has them.
public struct ProtoDecoder: Sendable {
    private let table: ProtoTable

    /// - Parameters:
    ///   - text: a `.proto` file's source, or a `FileDescriptorProto` in Base64, as a registry gives
    ///     it when asked for `serialized`.
    ///   - imports: likewise, files that it uses.
    /// - Throws: `SchemaError` with line or field.
    public init(_ text: String, imports: [String] = []) throws(SchemaError) {
        let file = try Self.file(text)
        var others: [ProtoFile] = []
        for other in imports { others.append(try Self.file(other)) }
        table = try ProtoTable(file, imports: others + ProtoBuiltIns.files())
    }

    private static func file(_ text: String) throws(SchemaError) -> ProtoFile {
        // No source is Base64: it has blanks and braces.
        if let bytes = Base64.decode(text) { return try ProtoDescriptor.file(bytes) }
        return try ProtoSource.file(text)
    }

    /// Appends one body's JSON.
    ///
    /// - Parameter path: which message it is: its index in the file, then that of a message inside.
    /// - Throws: `PayloadFault`; what was written until then is of no use.
    public func decode(_ path: [Int], _ body: UnsafeRawBufferPointer, _ out: inout JSONOutput)
        throws(PayloadFault)
    {
        guard let message = table.byPath[path] else {
            throw PayloadFault(0, .message(path))
        }
        try unsafe ProtoReader(table, body).read(message, &out)
    }
}
