/// Reads a `FileDescriptorProto`, which registries give on request.
///
/// Source: descriptor.proto of Protocol Buffers; the numbers are its fields'.
enum ProtoDescriptor {
    /// - Throws: `SchemaError` for bytes that are none.
    static func file(_ bytes: [UInt8]) throws(SchemaError) -> ProtoFile {
        let read = unsafe bytes.withUnsafeBytes { whole in
            Result { () throws(PayloadFault) in
                unsafe try file(ByteCursor(whole))
            }
        }
        do { return try read.get() } catch {
            throw SchemaError("the descriptor", error.description)
        }
    }

    private static func file(_ cursor: ByteCursor) throws(PayloadFault) -> ProtoFile {
        var file = ProtoFile()
        try forEach(cursor) { number, value throws(PayloadFault) in
            switch number {
            case 2: file.package = try text(value, cursor)
            case 4: file.messages.append(try message(value, cursor, depth: 0))
            case 5: file.enums.append(try enumeration(value, cursor))
            default: break
            }
        }
        return file
    }

    private static func message(_ value: Value, _ whole: ByteCursor, depth: Int)
        throws(PayloadFault) -> ProtoFile.Message
    {
        guard depth < ProtoFile.depthMax else { throw whole.fault(.tooDeep) }
        var message = ProtoFile.Message()
        try forEach(try inside(value, whole)) { number, value throws(PayloadFault) in
            switch number {
            case 1: message.name = try text(value, whole)
            case 2: message.fields.append(try field(value, whole))
            case 3: message.messages.append(try self.message(value, whole, depth: depth + 1))
            case 4: message.enums.append(try enumeration(value, whole))
            case 7:
                try forEach(try inside(value, whole)) { option, value throws(PayloadFault) in
                    if option == 7 { message.isMapEntry = value.number != 0 }
                }
            default: break
            }
        }
        return message
    }

    private static func field(_ value: Value, _ whole: ByteCursor) throws(PayloadFault)
        -> ProtoFile.Field
    {
        var field = ProtoFile.Field()
        var type: ProtoScalar?
        var name = ""
        try forEach(try inside(value, whole)) { number, value throws(PayloadFault) in
            switch number {
            case 1: field.name = try text(value, whole)
            case 3: field.number = Int(truncatingIfNeeded: value.number)
            case 4: field.isRepeated = value.number == 3
            case 5: type = ProtoScalar(rawValue: Int(truncatingIfNeeded: value.number))
            case 6: name = try text(value, whole)
            case 9: field.oneof = Int(truncatingIfNeeded: value.number)
            default: break
            }
        }
        field.type = type.map { .scalar($0) } ?? .named(name)
        return field
    }

    private static func enumeration(_ value: Value, _ whole: ByteCursor) throws(PayloadFault)
        -> ProtoFile.Enumeration
    {
        var enumeration = ProtoFile.Enumeration()
        try forEach(try inside(value, whole)) { number, value throws(PayloadFault) in
            switch number {
            case 1: enumeration.name = try text(value, whole)
            case 2:
                var entry = (name: "", number: Int32(0))
                try forEach(try inside(value, whole)) { number, value throws(PayloadFault) in
                    if number == 1 { entry.name = try text(value, whole) }
                    if number == 2 { entry.number = Int32(truncatingIfNeeded: value.number) }
                }
                enumeration.values.append(entry)
            default: break
            }
        }
        return enumeration
    }

    // MARK: Wire

    /// A field's value: a number, or the place of its bytes.
    private struct Value {
        var number: UInt64 = 0
        var place: Range<Int>?
    }

    private static func forEach(
        _ part: ByteCursor, _ body: (Int, Value) throws(PayloadFault) -> Void
    ) throws(PayloadFault) {
        var cursor = part
        while let (number, wireType) = try cursor.tag() {
            switch wireType {
            case 0: try body(number, Value(number: try cursor.varint()))
            case 2: try body(number, Value(place: try cursor.lengthPrefixed()))
            default: try cursor.skip(number, wireType)
            }
        }
    }

    private static func inside(_ value: Value, _ whole: ByteCursor) throws(PayloadFault)
        -> ByteCursor
    {
        guard let place = value.place else { throw whole.fault(.tag(value.number)) }
        return ByteCursor(whole, place)
    }

    private static func text(_ value: Value, _ whole: ByteCursor) throws(PayloadFault) -> String {
        guard let place = value.place,
            let text = unsafe String(validating: whole.slice(place), as: UTF8.self)
        else { throw whole.fault(.notUTF8) }
        return text
    }
}
