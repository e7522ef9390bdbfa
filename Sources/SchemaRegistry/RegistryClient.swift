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
        var attempt = 1
        while true {
            do throws(RegistryError) {
                return try RegistryEntry.read(try transport.get(path), what: what)
            } catch {
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
