import Records

/// Writes JSON values as Avro's bytes, by the types of a schema.
struct AvroValues {
    /// How values are written in JSON.
    enum Form {
        /// As defaults in a schema: numbers for times, a character a byte for bytes.
        case defaults
        /// As `AvroDecoder` writes them.
        case decoded
    }

    private let schema: AvroSchema
    private let form: Form
    private let bytesMax: Int
    /// Values that may still come.
    private var left: Int
    private var sink = ByteSink()
    /// Where a value is that does not fit: fields and their fields, with points between.
    private(set) var faultPlace = ""

    /// - Parameter bytesMax: bytes written and values in them, at most.
    init(_ schema: AvroSchema, form: Form, bytesMax: Int) {
        self.schema = schema
        self.form = form
        self.bytesMax = bytesMax
        left = bytesMax
    }

    var bytes: [UInt8] { sink.bytes }

    /// Appends a value; `false` where it is not of the type, or too large.
    mutating func write(_ value: SchemaJSON, _ type: Int, _ depth: Int) -> Bool {
        left -= 1
        guard left > 0, sink.bytes.count < bytesMax, depth < AvroReader.depthMax else {
            return false
        }
        switch (schema.types[type], value) {
        case (.null, .null): return true
        case (.boolean, .bool(let flag)): sink.put(flag ? 1 : 0)
        case (.string, .text(let text)):
            sink.zigzag(Int64(text.utf8.count))
            sink.put(text.utf8)
        case (.enumeration(let enumeration), .text(let symbol)):
            guard let index = enumeration.symbols.firstIndex(of: symbol) else { return false }
            sink.zigzag(Int64(index))
        case (.int(let logical), _):
            guard let number = whole(value, logical), Int32(exactly: number) != nil else {
                return false
            }
            sink.zigzag(number)
        case (.long(let logical), _):
            guard let number = whole(value, logical) else { return false }
            sink.zigzag(number)
        case (.float, _):
            guard let number = real(value) else { return false }
            sink.little(UInt64(Float(number).bitPattern), 4)
        case (.double, _):
            guard let number = real(value) else { return false }
            sink.little(number.bitPattern, 8)
        case (.bytes(let logical), _):
            guard let raw = raw(value, logical) else { return false }
            sink.zigzag(Int64(raw.count))
            sink.put(raw)
        case (.fixed(_, let size, let logical), _):
            guard let raw = raw(value, logical, size: size), raw.count == size else { return false }
            sink.put(raw)
        default: return writeMany(value, type, depth)
        }
        return true
    }

    private mutating func writeMany(_ value: SchemaJSON, _ type: Int, _ depth: Int) -> Bool {
        switch (schema.types[type], value) {
        case (.union(let branches), _): return union(value, branches, depth)
        case (.array(let item), .array(let values)):
            if !values.isEmpty { sink.zigzag(Int64(values.count)) }
            for value in values {
                guard write(value, item, depth + 1) else { return false }
            }
            sink.put(0)
            return true
        case (.map(let item), .object(let members)):
            if !members.isEmpty { sink.zigzag(Int64(members.count)) }
            for member in members {
                sink.zigzag(Int64(member.key.utf8.count))
                sink.put(member.key.utf8)
                guard write(member.value, item, depth + 1) else { return false }
            }
            sink.put(0)
            return true
        case (.record(let record), .object): return write(value, record, depth)
        default: return false
        }
    }

    /// The branch that fits first; of null the one that is null, since a number that is none is written
    /// as null, too.
    private mutating func union(_ value: SchemaJSON, _ branches: [Int], _ depth: Int) -> Bool {
        let start = sink.bytes.count
        for (index, branch) in branches.enumerated() {
            if value == .null {
                guard case .null = schema.types[branch] else { continue }
            }
            sink.zigzag(Int64(index))
            if write(value, branch, depth + 1) {
                faultPlace = ""
                return true
            }
            sink.shorten(to: start)
        }
        return false
    }

    private mutating func write(
        _ value: SchemaJSON, _ record: AvroSchema.Record, _ depth: Int
    ) -> Bool {
        for field in record.fields {
            let given = value[field.name]
            let isWritten =
                if let given { write(given, field.type, depth + 1) } else {
                    preset(field, depth + 1)
                }
            guard isWritten else {
                faultPlace = field.name + (faultPlace.isEmpty ? "" : "." + faultPlace)
                return false
            }
        }
        return true
    }

    /// A field that is not there has its default.
    private mutating func preset(_ field: AvroSchema.Field, _ depth: Int) -> Bool {
        guard let value = field.defaultValue else { return false }
        var inner = AvroValues(schema, form: .defaults, bytesMax: bytesMax - sink.bytes.count)
        guard inner.write(value, field.type, depth) else { return false }
        sink.put(inner.bytes)
        return true
    }

    // MARK: Values without parts

    private func whole(_ value: SchemaJSON, _ logical: AvroSchema.Logical) -> Int64? {
        switch value {
        case .number(let digits): return Int64(digits)
        case .text(let text) where form == .decoded:
            return switch logical {
            case .date: TimeText.days(text)
            case .timeMillis: TimeText.timeOfDay(text, digits: 3)
            case .timeMicros: TimeText.timeOfDay(text, digits: 6)
            case .timestamp(let digits, let isLocal):
                TimeText.timestamp(text, digits: digits, isLocal: isLocal)
            default: nil
            }
        default: return nil
        }
    }

    private func real(_ value: SchemaJSON) -> Double? {
        switch value {
        case .number(let digits): Double(digits)
        case .null where form == .decoded: .nan
        default: nil
        }
    }

    /// - Parameter size: of a type of a fixed size.
    private func raw(_ value: SchemaJSON, _ logical: AvroSchema.Logical, size: Int? = nil)
        -> [UInt8]?
    {
        guard form == .decoded else {
            if case .text(let text) = value { return Self.latin1(text) }
            return nil
        }
        switch (logical, value) {
        case (.decimal(let scale), .number(let digits)):
            guard let bytes = DecimalText.bytes(digits, scale: scale) else { return nil }
            guard let size else { return bytes }
            guard let first = bytes.first, bytes.count <= size else { return nil }
            return Array(repeating: first >= 0x80 ? 0xff : 0, count: size - bytes.count) + bytes
        case (.uuid, .text(let text)): return Self.uuid(text)
        case (.duration, .object):
            var parts = ByteSink()
            for name in ["months", "days", "milliseconds"] {
                guard let part = value[name]?.integer.flatMap(UInt32.init(exactly:)) else {
                    return nil
                }
                parts.little(UInt64(part), 4)
            }
            return parts.bytes
        case (.decimal, _), (.uuid, _), (.duration, _): return nil
        case (_, .text(let text)): return Base64.decode(text)
        default: return nil
        }
    }

    private static func uuid(_ text: String) -> [UInt8]? {
        let digits = text.filter { $0 != "-" }
        guard digits.utf8.count == 32, digits.allSatisfy(\.isHexDigit) else { return nil }
        var bytes: [UInt8] = []
        var rest = digits[...]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    /// Bytes as the specification writes them in JSON: each the character of its number.
    private static func latin1(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard scalar.value < 256 else { return nil }
            bytes.append(UInt8(scalar.value))
        }
        return bytes
    }
}
