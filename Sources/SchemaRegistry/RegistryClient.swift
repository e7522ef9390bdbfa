import Schemas

/// Asks a registry for schemas, with all that they refer to.
///
/// Source: Confluent's Schema Registry API, which Karapace, Apicurio and Redpanda serve too.
///
/// Thread: one at a time; a call waits for its answers.
public final class RegistryClient {
    private let transport: any RegistryTransport
    private let attempts: Int
    private let pause: (_ milliseconds: Int) -> Void

    /// Schemas that one schema may refer to, and how deep.
    private static let importsMax = 256
    private static let depthMax = 32

    /// - Parameters:
    ///   - attempts: how often a request is made, where it fails for a reason that may pass.
    ///   - pause: waits between two of them.
    public init(
        _ transport: any RegistryTransport, attempts: Int = 3,
        pause: @escaping (_ milliseconds: Int) -> Void
    ) {
        self.transport = transport
        self.attempts = max(attempts, 1)
        self.pause = pause
    }

    /// The schema of an id.
    ///
    /// - Throws: `RegistryError`.
    public func schema(_ id: SchemaID) throws(RegistryError) -> SchemaBundle {
        let path =
            switch id {
            case .number(let number): "/schemas/ids/\(number)"
            case .guid: "/schemas/guids/\(id.guidText ?? "")"
            }
        let (schema, references) = try entry(path, what: id.description)
        var imports: [SchemaBundle.Import] = []
        var seen: Set<RegistryEntry.Reference> = []
        try collect(references, &imports, &seen, depth: 0)
        return SchemaBundle(kind: schema.kind, text: schema.text, imports: imports)
    }

    /// The id of a schema under a subject, which is given one where it has none.
    ///
    /// - Parameters:
    ///   - schema: without imports.
    ///   - registers: whether a schema that the subject does not have becomes its next version; else it
    ///     must be there.
    /// - Throws: `RegistryError`: `.rejected` where it does not fit the subject's earlier ones,
    ///   `.unknown` where it must be there and is not.
    public func id(of schema: SchemaBundle, under subject: String, registers: Bool = true)
        throws(RegistryError) -> UInt32
    {
        // Confluent's registry before 5.5 knows no types, and takes all for Avro.
        let type = schema.kind == .avro ? "" : #","schemaType":"\#(schema.kind.rawValue)""#
        var quoted = JSONOutput(bytesMax: 8 << 20)
        quoted.string(schema.text)
        let body = Array(#"{"schema":"#.utf8) + quoted.bytes + Array("\(type)}".utf8)
        let path = "/subjects/\(Self.escaped(subject))" + (registers ? "/versions" : "")
        return try retried { () throws(RegistryError) in
            try RegistryEntry.id(try transport.post(path, body), what: "subject \(subject)")
        }
    }

    /// Asks whether the registry answers, and takes the credentials.
    ///
    /// - Throws: `RegistryError`.
    public func ask() throws(RegistryError) {
        try retried { () throws(RegistryError) in
            _ = try RegistryEntry.accepted(try transport.get("/subjects"), what: "/subjects")
        }
    }

    /// What schemas refer to, each after what it refers to itself, and once.
    private func collect(
        _ references: [RegistryEntry.Reference], _ imports: inout [SchemaBundle.Import],
        _ seen: inout Set<RegistryEntry.Reference>, depth: Int
    ) throws(RegistryError) {
        guard depth < Self.depthMax else { throw .references("nested too deep") }
        for reference in references where seen.insert(reference.versioned).inserted {
            guard seen.count <= Self.importsMax else {
                throw .references("more than \(Self.importsMax)")
            }
            let path =
                "/subjects/\(Self.escaped(reference.subject))/versions/\(reference.version)"
            // A version that was deleted is still what the schema was registered with.
            let (schema, inner) = try entry(
                path + "?deleted=true",
                what: "\(reference.subject), version \(reference.version)")
            try collect(inner, &imports, &seen, depth: depth + 1)
            imports.append(SchemaBundle.Import(name: reference.name, text: schema.text))
        }
    }

    private func entry(_ path: String, what: String) throws(RegistryError) -> (
        SchemaBundle, [RegistryEntry.Reference]
    ) {
        try retried { () throws(RegistryError) in
            try RegistryEntry.read(try transport.get(path), what: what)
        }
    }

    /// What an answer says, asked for again where it fails for a reason that may pass.
    private func retried<Found>(_ ask: () throws(RegistryError) -> Found) throws(RegistryError)
        -> Found
    {
        var attempt = 1
        while true {
            do throws(RegistryError) { return try ask() } catch {
                guard error.isRetriable, attempt < attempts else { throw error }
            }
            pause(Self.pauseMs(after: attempt))
            attempt += 1
        }
    }

    /// 200 ms, doubled each time, up to 5 s.
    static func pauseMs(after attempt: Int) -> Int { min(5_000, 200 << min(attempt - 1, 5)) }

    /// A subject as one part of a path (RFC 3986).
    static func escaped(_ subject: String) -> String {
        let plain = Set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        var text = ""
        for byte in subject.utf8 {
            if plain.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}
