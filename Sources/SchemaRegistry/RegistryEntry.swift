import Records
import Schemas

/// What a registry's answer says: a schema, or why there is none.
enum RegistryEntry {
    /// A schema that another one names.
    struct Reference: Hashable {
        let name: String
        let subject: String
        let version: Int

        /// The same schema whatever it is called.
        var versioned: Reference { Reference(name: "", subject: subject, version: version) }
    }

    /// - Throws: `RegistryError` for an answer that is no schema.
    static func read(_ answer: RegistryAnswer, what: String) throws(RegistryError) -> (
        SchemaBundle, [Reference]
    ) {
        let (json, message) = try accepted(answer, what: what)
        guard let text = json["schema"]?.text else {
            throw .notRegistry("its answer to \(what) has no schema: \(message)")
        }
        let type = json["schemaType"]?.text ?? SchemaBundle.Kind.avro.rawValue
        guard let kind = SchemaBundle.Kind(rawValue: type.uppercased()) else {
            throw .notRegistry("\(what) is of type \(type.printable)")
        }
        var references: [Reference] = []
        for reference in json["references"]?.array ?? [] {
            guard let name = reference["name"]?.text, let subject = reference["subject"]?.text,
                let version = reference["version"]?.integer
            else { throw .references("one of \(what) has no name, subject or version") }
            references.append(Reference(name: name, subject: subject, version: version))
        }
        return (SchemaBundle(kind: kind, text: text), references)
    }

    /// The id that a schema was given under a subject.
    ///
    /// - Throws: `RegistryError` for an answer that has none.
    static func id(_ answer: RegistryAnswer, what: String) throws(RegistryError) -> UInt32 {
        let (json, message) = try accepted(answer, what: what)
        guard let id = json["id"]?.integer.flatMap(UInt32.init(exactly:)), id <= Int32.max else {
            throw .notRegistry("its answer to \(what) has no id: \(message)")
        }
        return id
    }

    /// An answer that says yes, and its words.
    static func accepted(_ answer: RegistryAnswer, what: String) throws(RegistryError) -> (
        SchemaJSON, String
    ) {
        let json = try? SchemaJSON(answer.body)
        let message = message(json, answer)
        switch answer.status {
        case 200: break
        case 401, 403: throw .refused(status: answer.status, message)
        case 404:
            // A registry says which of its things is missing: 40401 to 40403.
            guard let code = json?["error_code"]?.integer, code != 404 else {
                throw .notRegistry("its answer to \(what) is 404: is the URL the registry's?")
            }
            throw .unknown(what: what, message)
        case 409, 422: throw .rejected(status: answer.status, message)
        case 429, 500...599: throw .failing(status: answer.status, message)
        default: throw .notRegistry("status \(answer.status): \(message)")
        }
        guard let json else { throw .notRegistry("its answer to \(what) is no JSON: \(message)") }
        return (json, message)
    }

    /// A registry's own words, or the beginning of what else was answered; on one line.
    private static func message(_ json: SchemaJSON?, _ answer: RegistryAnswer) -> String {
        if let message = json?["message"]?.text { return String(message.prefix(300)).printable }
        guard !answer.body.isEmpty else { return "an empty answer" }
        return String(decoding: answer.body.prefix(120), as: UTF8.self).printable
    }
}
