import Records

/// Turns JSON into bodies in Protobuf's encoding: the inverse of `ProtoDecoder`.
///
/// Values are taken as `ProtoDecoder` writes them, and fields are written in the declaration's order. A
/// field that is not there, or null, is not written. Of the messages that JSON has a form of its own for
/// only timestamps are written. Members that the schema does not have are left out.
public struct ProtoEncoder: Sendable {
    private let table: ProtoTable

    private static let depthMax = 32

    /// - Parameter text: a `.proto` file's source, which imports nothing but what is known without it.
    /// - Throws: `SchemaError` with line or field.
    public init(_ text: String) throws(SchemaError) {
        table = try ProtoTable(try ProtoSource.file(text), imports: try ProtoBuiltIns.files())
    }

    /// One body: the file's first message.
    ///
    /// - Throws: `SchemaError` with the field whose value does not fit.
    public func body(_ json: [UInt8]) throws(SchemaError) -> [UInt8] {
        guard let message = table.byPath[[0]] else { throw SchemaError("", "it has no message") }
        return try bytes(of: try SchemaJSON(json), message, 0)
    }

    private func bytes(of value: SchemaJSON, _ index: Int, _ depth: Int) throws(SchemaError)
        -> [UInt8]
    {
        let message = table.messages[index]
        guard depth < Self.depthMax else { throw misfit(message.name) }
        if let known = message.wellKnown { return try wellKnown(known, value, message.name) }
        guard case .object = value else { throw misfit(message.name) }
        var sink = ByteSink()
        for field in message.fields {
            guard let member = value[field.name], member != .null else { continue }
            try put(member, field, message.name, depth, &sink)
        }
        return sink.bytes
    }

    private func put(
        _ value: SchemaJSON, _ field: ProtoTable.Field, _ message: String, _ depth: Int,
        _ sink: inout ByteSink
    ) throws(SchemaError) {
        if case .map(let entry) = field.kind {
            guard case .object(let members) = value else { throw misfit(message, field) }
            for member in members {
                let pair = SchemaJSON.object([
                    .init(key: "key", value: .text(member.key)),
                    .init(key: "value", value: member.value),
                ])
                put(lengthPrefixed: try bytes(of: pair, entry, depth + 1), field, &sink)
            }
        } else if field.isRepeated {
            guard let items = value.array else { throw misfit(message, field) }
            for item in items { try single(item, field, message, depth, &sink) }
        } else {
            try single(value, field, message, depth, &sink)
        }
    }

    private func put(
        lengthPrefixed bytes: [UInt8], _ field: ProtoTable.Field, _ sink: inout ByteSink
    ) {
        sink.varint(UInt64(field.number << 3 | 2))
        sink.varint(UInt64(bytes.count))
        sink.put(bytes)
    }

    private func single(
        _ value: SchemaJSON, _ field: ProtoTable.Field, _ message: String, _ depth: Int,
        _ sink: inout ByteSink
    ) throws(SchemaError) {
        switch field.kind {
        case .message(let index):
            put(lengthPrefixed: try bytes(of: value, index, depth + 1), field, &sink)
        case .enumeration(let index):
            guard let number = number(value, of: table.enums[index]) else {
                throw misfit(message, field)
            }
            sink.varint(UInt64(field.number << 3))
            sink.varint(UInt64(bitPattern: Int64(number)))
        case .scalar(let type):
            if type == .string || type == .bytes {
                guard let text = value.text,
                    let bytes = type == .string ? Array(text.utf8) : Base64.decode(text)
                else { throw misfit(message, field) }
                return put(lengthPrefixed: bytes, field, &sink)
            }
            sink.varint(UInt64(field.number << 3 | type.wireType))
            guard Self.put(value, type, &sink) else { throw misfit(message, field) }
        case .map: throw misfit(message, field)
        }
    }

    private func misfit(_ message: String, _ field: ProtoTable.Field? = nil) -> SchemaError {
        SchemaError(
            message + (field.map { "." + $0.name } ?? ""),
            "the value is not of the schema's type, or of one that is not written")
    }

    private func number(_ value: SchemaJSON, of enumeration: ProtoTable.Enumeration) -> Int32? {
        guard let name = value.text else { return value.integer.flatMap(Int32.init(exactly:)) }
        var quoted = JSONOutput(bytesMax: 1 << 16)
        quoted.string(name)
        let bytes = quoted.bytes
        return enumeration.names.first { table.text[$0.value].elementsEqual(bytes) }?.key
    }

    private func wellKnown(_ kind: ProtoTable.WellKnown, _ value: SchemaJSON, _ name: String)
        throws(SchemaError) -> [UInt8]
    {
        guard case .timestamp = kind, let text = value.text,
            let ms = TimeText.timestamp(text, digits: 3, isLocal: false)
        else { throw misfit(name) }
        let ofSecond = (ms % 1_000 + 1_000) % 1_000
        var sink = ByteSink()
        let seconds = (ms - ofSecond) / 1_000
        if seconds != 0 {
            sink.put(0x08)
            sink.varint(UInt64(bitPattern: seconds))
        }
        if ofSecond != 0 {
            sink.put(0x10)
            sink.varint(UInt64(ofSecond * 1_000_000))
        }
        return sink.bytes
    }

    /// - Returns: `false` where the value is not of the type.
    private static func put(_ value: SchemaJSON, _ type: ProtoScalar, _ sink: inout ByteSink)
        -> Bool
    {
        switch (type, value) {
        case (.bool, .bool(let flag)): sink.put(flag ? 1 : 0)
        case (.bool, _): return false
        case (.double, _):
            guard let number = real(value) else { return false }
            sink.little(number.bitPattern, 8)
        case (.float, _):
            guard let number = real(value) else { return false }
            sink.little(UInt64(Float(number).bitPattern), 4)
        case (.uint64, .number(let digits)), (.fixed64, .number(let digits)):
            guard let number = UInt64(digits) else { return false }
            if type == .uint64 { sink.varint(number) } else { sink.little(number, 8) }
        case (_, .number(let digits)):
            guard let number = Int64(digits), range(of: type).contains(number) else { return false }
            switch type {
            case .sint32, .sint64: sink.zigzag(number)
            case .sfixed32, .fixed32: sink.little(UInt64(bitPattern: number), 4)
            case .sfixed64: sink.little(UInt64(bitPattern: number), 8)
            default: sink.varint(UInt64(bitPattern: number))
            }
        default: return false
        }
        return true
    }

    private static func range(of type: ProtoScalar) -> ClosedRange<Int64> {
        switch type {
        case .int32, .sint32, .sfixed32: Int64(Int32.min)...Int64(Int32.max)
        case .uint32, .fixed32: 0...Int64(UInt32.max)
        default: .min ... .max
        }
    }

    /// A number that is none has a name in JSON.
    private static func real(_ value: SchemaJSON) -> Double? {
        switch value {
        case .number(let digits): Double(digits)
        case .text("NaN"): .nan
        case .text("Infinity"): .infinity
        case .text("-Infinity"): -.infinity
        default: nil
        }
    }
}
