/// Turns payloads of a topic into JSON, by the schemas that it was given.
///
/// It asks nobody: a payload whose schema is not known is an error that names it, and comes again
/// after `add`.
///
/// Thread: one at a time. It holds a buffer as large as the largest JSON made.
public final class PayloadReader {
    /// What the topic's payloads are.
    public let format: PayloadFormat

    private var decoders: [SchemaID: Decoder] = [:]
    /// The last one: most topics have one schema at a time.
    private var last: (id: SchemaID, decoder: Decoder)?
    private var output: JSONOutput

    private enum Decoder {
        case avro(AvroDecoder)
        case protobuf(ProtoDecoder)
        case json
        /// A schema of another kind than the topic is set to.
        case other(SchemaBundle.Kind)
        case unusable(SchemaError)
    }

    /// Schemas that are held, at most; the next one lets go of all, and they are asked for again.
    private static let schemasMax = 4_096

    /// - Parameter jsonBytesMax: bytes of JSON that one payload may give.
    public init(_ format: PayloadFormat, jsonBytesMax: Int = 8 << 20) {
        self.format = format
        output = JSONOutput(bytesMax: jsonBytesMax)
    }

    /// Whether a schema is held.
    public func holds(_ id: SchemaID) -> Bool { decoders[id] != nil }

    /// Takes a schema that was asked for. One that cannot be used is taken too: each record of it says
    /// why.
    ///
    /// - Parameter reader: the schema that is wanted, of Avro; `nil` takes what was written.
    public func add(_ schema: SchemaBundle, as id: SchemaID, reader: AvroSchema? = nil) {
        if decoders.count >= Self.schemasMax { decoders = [:] }
        decoders[id] = Self.decoder(schema, format, reader)
        last = nil
    }

    private static func decoder(
        _ schema: SchemaBundle, _ format: PayloadFormat, _ reader: AvroSchema?
    ) -> Decoder {
        guard schema.kind == format.kind else { return .other(schema.kind) }
        let imports = schema.imports.map(\.text)
        do throws(SchemaError) {
            switch schema.kind {
            case .avro:
                let writer = try AvroSchema(schema.text, imports: imports)
                return .avro(try AvroDecoder(writer: writer, reader: reader))
            case .protobuf: return .protobuf(try ProtoDecoder(schema.text, imports: imports))
            case .json: return .json
            }
        } catch {
            return .unusable(error)
        }
    }

    /// Makes JSON of a payload; `withJSON` then has it.
    ///
    /// - Parameter headers: the record's.
    /// - Throws: `PayloadError`.
    /// - Complexity: linear in the payload and its JSON.
    public func read(_ payload: [UInt8], headers: [(name: String, value: [UInt8])] = [])
        throws(PayloadError)
    {
        output.clear()
        let header = headers.isEmpty ? nil : Self.header(headers)
        try unsafe payload.withUnsafeBufferPointer { bytes throws(PayloadError) in
            unsafe try read(UnsafeRawBufferPointer(bytes), header)
        }
    }

    /// The id of a payload's schema; `nil` where it has no frame that can be read.
    public func schema(of payload: [UInt8], headers: [(name: String, value: [UInt8])] = [])
        -> SchemaID?
    {
        guard format != .json else { return nil }
        let header = Self.header(headers)
        return unsafe payload.withUnsafeBytes { bytes in
            unsafe try? SchemaFrame(payload: bytes, header: header, isProtobuf: false)?.id
        }
    }

    private static func header(_ headers: [(name: String, value: [UInt8])]) -> [UInt8]? {
        headers.first { $0.name == SchemaFrame.headerName }?.value
    }

    /// The JSON that `read` made, valid inside the call.
    public func withJSON<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try unsafe output.withBytes(body)
    }

    /// A copy of the JSON that `read` made.
    public var json: [UInt8] { output.bytes }

    private func read(_ payload: UnsafeRawBufferPointer, _ header: [UInt8]?) throws(PayloadError) {
        let frame: SchemaFrame?
        do throws(PayloadFault) {
            // JSON needs no schema to be read: that of a frame is passed over.
            frame = unsafe try SchemaFrame(
                payload: payload, header: format == .json ? nil : header,
                isProtobuf: format == .protobuf)
        } catch { throw .frame(error) }
        guard frame != nil || format == .json else { throw .unframed(format) }
        let body = unsafe UnsafeRawBufferPointer(rebasing: payload[(frame?.bodyStart ?? 0)...])
        if let frame, format != .json {
            unsafe try read(body, frame, try decoder(frame.id))
        } else {
            unsafe output.append(body)
        }
        guard !output.isFull else {
            throw .tooLarge(byteCount: payload.count, jsonBytesMax: output.bytesMax)
        }
    }

    private func decoder(_ id: SchemaID) throws(PayloadError) -> Decoder {
        if let last, last.id == id { return last.decoder }
        guard let decoder = decoders[id] else { throw .unknownSchema(id) }
        last = (id, decoder)
        return decoder
    }

    private func read(
        _ body: UnsafeRawBufferPointer, _ frame: SchemaFrame, _ decoder: Decoder
    ) throws(PayloadError) {
        switch decoder {
        case .json: unsafe output.append(body)
        case .other(let kind): throw .otherKind(frame.id, found: kind, configured: format)
        case .unusable(let error): throw .schema(frame.id, error)
        case .avro(let decoder):
            do throws(PayloadFault) { unsafe try decoder.decode(body, &output) } catch {
                throw failure(frame.id, .avro, body.count, error)
            }
        case .protobuf(let decoder):
            guard let path = frame.messagePath else {
                throw .frame(PayloadFault(0, .message([])))
            }
            do throws(PayloadFault) { unsafe try decoder.decode(path, body, &output) } catch {
                throw failure(frame.id, .protobuf, body.count, error)
            }
        }
    }

    private func failure(
        _ id: SchemaID, _ kind: SchemaBundle.Kind, _ byteCount: Int,
        _ fault: PayloadFault
    ) -> PayloadError {
        guard fault.kind == .tooLarge else { return .body(id, kind, fault) }
        return .tooLarge(byteCount: byteCount, jsonBytesMax: output.bytesMax)
    }
}
