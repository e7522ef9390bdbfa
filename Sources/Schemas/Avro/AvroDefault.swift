/// A field's default as the JSON that a written value would have given.
///
/// The default is written as Avro by the reader's schema, and read as any value is.
struct AvroDefault {
    let schema: AvroSchema

    /// Bytes of one default, and values in it, at most.
    private static let sizeMax = 64 << 10

    /// - Throws: `SchemaError` with the field, where the default is not of its type.
    func json(_ value: SchemaJSON, _ type: Int, _ field: String) throws(SchemaError) -> [UInt8] {
        var bytes: [UInt8] = []
        var left = Self.sizeMax
        guard write(value, type, &bytes, &left, 0) else {
            throw SchemaError(field, "its default is not of its type")
        }
        var inner = schema
        inner.root = type
        let plan = try AvroPlanner.plan(writer: inner)
        var out = JSONOutput(bytesMax: Self.sizeMax)
        do throws(PayloadFault) {
            try unsafe bytes.withUnsafeBufferPointer { body throws(PayloadFault) in
                var reader = unsafe AvroReader(plan, UnsafeRawBufferPointer(body))
                try reader.read(&out)
            }
        } catch {
            throw SchemaError(field, "its default cannot be read: \(error)")
        }
        return out.bytes
    }

    /// Appends a value's bytes; `false` where it is not of the type, or too large.
    private func write(
        _ value: SchemaJSON, _ type: Int, _ bytes: inout [UInt8], _ left: inout Int, _ depth: Int
    ) -> Bool {
        left -= 1
        guard left > 0, bytes.count < Self.sizeMax, depth < AvroReader.depthMax else {
            return false
        }
        switch (schema.types[type], value) {
        case (.null, .null): return true
        case (.boolean, .bool(let flag)): bytes.append(flag ? 1 : 0)
        case (.int, .number(let digits)), (.long, .number(let digits)):
            guard let number = Int64(digits) else { return false }
            Self.varint(number, &bytes)
        case (.float, .number(let digits)):
            guard let number = Float(digits) else { return false }
            Self.little(UInt64(number.bitPattern), 4, &bytes)
        case (.double, .number(let digits)):
            guard let number = Double(digits) else { return false }
            Self.little(number.bitPattern, 8, &bytes)
        case (.string, .text(let text)):
            Self.varint(Int64(text.utf8.count), &bytes)
            bytes += text.utf8
        case (.bytes, .text(let text)):
            guard let raw = Self.latin1(text) else { return false }
            Self.varint(Int64(raw.count), &bytes)
            bytes += raw
        case (.fixed(_, let size, _), .text(let text)):
            guard let raw = Self.latin1(text), raw.count == size else { return false }
            bytes += raw
        case (.enumeration(let enumeration), .text(let symbol)):
            guard let index = enumeration.symbols.firstIndex(of: symbol) else { return false }
            Self.varint(Int64(index), &bytes)
        default: return writeMany(value, type, &bytes, &left, depth)
        }
        return true
    }

    private func writeMany(
        _ value: SchemaJSON, _ type: Int, _ bytes: inout [UInt8], _ left: inout Int, _ depth: Int
    ) -> Bool {
        switch (schema.types[type], value) {
        case (.union(let branches), _):
            // The specification asks for the first branch; later versions take any that fits.
            for (index, branch) in branches.enumerated() {
                let before = bytes.count
                Self.varint(Int64(index), &bytes)
                if write(value, branch, &bytes, &left, depth + 1) { return true }
                bytes.removeSubrange(before...)
            }
            return false
        case (.array(let item), .array(let values)):
            if !values.isEmpty { Self.varint(Int64(values.count), &bytes) }
            for value in values {
                guard write(value, item, &bytes, &left, depth + 1) else { return false }
            }
            bytes.append(0)
            return true
        case (.map(let item), .object(let members)):
            if !members.isEmpty { Self.varint(Int64(members.count), &bytes) }
            for member in members {
                Self.varint(Int64(member.key.utf8.count), &bytes)
                bytes += member.key.utf8
                guard write(member.value, item, &bytes, &left, depth + 1) else { return false }
            }
            bytes.append(0)
            return true
        case (.record(let record), .object):
            for field in record.fields {
                guard let given = value[field.name] ?? field.defaultValue,
                    write(given, field.type, &bytes, &left, depth + 1)
                else { return false }
            }
            return true
        default: return false
        }
    }

    private static func varint(_ number: Int64, _ bytes: inout [UInt8]) {
        var rest = UInt64(bitPattern: number << 1 ^ number >> 63)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func little(_ word: UInt64, _ count: Int, _ bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * index))) }
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
