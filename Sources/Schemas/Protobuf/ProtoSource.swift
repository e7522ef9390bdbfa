/// Reads a `.proto` file's declarations of messages and enums; services, extensions and options are
/// passed over.
///
/// Source: Protocol Buffers language specification (proto2, proto3, editions).
struct ProtoSource {
    private var tokens: ProtoTokens

    /// - Throws: `SchemaError` with the line.
    static func file(_ text: String) throws(SchemaError) -> ProtoFile {
        var source = ProtoSource(tokens: try ProtoTokens(text))
        return try source.file()
    }

    private mutating func file() throws(SchemaError) -> ProtoFile {
        var file = ProtoFile()
        while let token = tokens.peeked {
            if token == .symbol(UInt8(ascii: ";")) {
                _ = try tokens.next()
                continue
            }
            switch try tokens.word() {
            case "package":
                file.package = try tokens.word()
                try tokens.expect(";")
            case "message": file.messages.append(try message(depth: 0))
            case "enum": file.enums.append(try enumeration())
            case "service", "extend":
                try tokens.skip(to: "{")
                try tokens.skip(to: "}")
            case "syntax", "edition", "import", "option": try tokens.skip(to: ";")
            case let other: throw tokens.error("\(other) is not known here")
            }
        }
        return file
    }

    private mutating func message(depth: Int) throws(SchemaError) -> ProtoFile.Message {
        var message = ProtoFile.Message()
        message.name = try tokens.word()
        try body(of: &message, depth: depth)
        return message
    }

    private mutating func body(of message: inout ProtoFile.Message, depth: Int) throws(SchemaError)
    {
        guard depth < ProtoFile.depthMax else { throw tokens.error("messages are nested too deep") }
        try tokens.expect("{")
        var oneofs = 0
        while try !tokens.take("}") {
            if try tokens.take(";") { continue }
            let word = try tokens.word()
            switch word {
            // A field's type may have the name of a keyword; a declaration has a name next.
            case "message": message.messages.append(try self.message(depth: depth + 1))
            case "enum": message.enums.append(try enumeration())
            case "option", "reserved", "extensions": try tokens.skip(to: ";")
            case "extend":
                try tokens.skip(to: "{")
                try tokens.skip(to: "}")
            case "oneof":
                _ = try tokens.word()
                try tokens.expect("{")
                while try !tokens.take("}") {
                    if try tokens.take(";") { continue }
                    let type = try tokens.word()
                    if type == "option" {
                        try tokens.skip(to: ";")
                    } else {
                        try field(type, of: &message, oneof: oneofs, depth: depth)
                    }
                }
                oneofs += 1
            default: try field(word, of: &message, oneof: nil, depth: depth)
            }
        }
    }

    /// - Parameter first: the label, or the type where there is none.
    private mutating func field(
        _ first: String, of message: inout ProtoFile.Message, oneof: Int?, depth: Int
    ) throws(SchemaError) {
        var field = ProtoFile.Field()
        field.oneof = oneof
        var type = first
        if ["optional", "required", "repeated"].contains(first) {
            field.isRepeated = first == "repeated"
            type = try tokens.word()
        }
        if type == "map", try tokens.take("<") {
            return try map(of: &message)
        }
        field.name = try tokens.word()
        field.number = try number()
        if type == "group" {
            var group = ProtoFile.Message()
            group.name = field.name
            try body(of: &group, depth: depth + 1)
            // Groups are passed over when they come: nothing says `group` since 2008.
            message.messages.append(group)
            return
        }
        try options()
        field.type = ProtoScalar(keyword: type).map { .scalar($0) } ?? .named(type)
        message.fields.append(field)
    }

    private mutating func number() throws(SchemaError) -> Int {
        try tokens.expect("=")
        return Int(try tokens.number())
    }

    private mutating func options() throws(SchemaError) {
        if try tokens.take("[") { try tokens.skip(to: "]") }
        try tokens.expect(";")
    }

    /// A map is a repeated message of a key and a value.
    private mutating func map(of message: inout ProtoFile.Message) throws(SchemaError) {
        guard let key = ProtoScalar(keyword: try tokens.word()) else {
            throw tokens.error("a map's key is a scalar")
        }
        try tokens.expect(",")
        let value = try tokens.word()
        try tokens.expect(">")
        let name = try tokens.word()
        let number = try number()
        try options()
        var entry = ProtoFile.Message()
        // The name that protoc gives it is longer; no source can say this one.
        entry.name = "\(name) entry"
        entry.isMapEntry = true
        entry.fields = [
            ProtoFile.Field(name: "key", number: 1, type: .scalar(key)),
            ProtoFile.Field(
                name: "value", number: 2,
                type: ProtoScalar(keyword: value).map { .scalar($0) } ?? .named(value)),
        ]
        message.messages.append(entry)
        message.fields.append(
            ProtoFile.Field(name: name, number: number, isRepeated: true, type: .named(entry.name)))
    }

    private mutating func enumeration() throws(SchemaError) -> ProtoFile.Enumeration {
        var enumeration = ProtoFile.Enumeration()
        enumeration.name = try tokens.word()
        try tokens.expect("{")
        while try !tokens.take("}") {
            if try tokens.take(";") { continue }
            let name = try tokens.word()
            if name == "option" || name == "reserved" {
                try tokens.skip(to: ";")
                continue
            }
            try tokens.expect("=")
            let number = Int32(truncatingIfNeeded: try tokens.number())
            try options()
            enumeration.values.append((name: name, number: number))
        }
        return enumeration
    }
}
